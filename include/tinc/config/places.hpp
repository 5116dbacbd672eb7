#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace tinc::config {

/// Where values were written, for faults that show only when a value is used.
class Places {
  public:
    /// Of the next value of a variable: "tinc.conf line 3: Device = /dev/x".
    void add(std::string_view variable, std::string place);
    /// Of its n-th value, to stand behind a message: " (tinc.conf line 3: Device = /dev/x)".
    /// Empty if nobody wrote one.
    [[nodiscard]] std::string of(std::string_view variable, std::size_t nth = 0) const;

  private:
    std::map<std::string, std::vector<std::string>, std::less<>> written_;
};

}  // namespace tinc::config
