#pragma once

#include "io/background.hpp"
#include "io/config_files.hpp"
#include "tinc/base/endpoint.hpp"
#include "tinc/base/log.hpp"

#include <functional>
#include <string>
#include <vector>

namespace tinc::io {

/// Where nodes were reached before: the files cache/NAME, read and written on a thread of its own.
/// tinc 1.1 reads what we write, and we what it does. Nothing depends on it but time: a file that
/// cannot be used is ignored, and one that cannot be written is told of once.
class AddressCache {
  public:
    /// `place` and `log` outlive this object.
    AddressCache(asio::io_context& loop, const ConfigPlace& place, LogSink& log)
        : background_(loop, 1), place_(place), log_(log) {}

    /// Most recent first; none if nothing is known.
    void recall(const std::string& name, const std::function<void(std::vector<Endpoint>)>& done);
    /// Writes the file only if it was not the most recent one already. Makes the folder.
    void remember(const std::string& name, const Endpoint& latest);

  private:
    void tell_of_failure(const std::string& why);

    Background background_;
    const ConfigPlace& place_;
    LogSink& log_;
    bool is_failure_told_ = false;
};

}  // namespace tinc::io
