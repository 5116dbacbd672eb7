#pragma once

// Hostnames = yes: the log shows names in place of addresses.
//
//     "Connection from 192.0.2.7 port 40000"  ->  "Connection from pc.example.org port 40000"
//
// Messages name the ends of connections as `ADDRESS port NUMBER`, and nothing else so. A name
// server may be slow: it is asked beside the loop, and the address stays until its answer is there.

#include "io/background.hpp"
#include "io/log.hpp"
#include "tinc/base/endpoint.hpp"
#include "tinc/base/time.hpp"

#include <cstddef>
#include <functional>
#include <map>
#include <string>
#include <string_view>

namespace tinc::io {

/// The name of an address, or nothing. May wait for long.
using AskForName = std::function<std::string(const Address& address)>;

/// Asks the system's resolver.
[[nodiscard]] std::string name_of(const Address& address);

/// Whether a text is a name that may stand in the place of an address. Whoever owns an address
/// chooses its name: it must not look like an address, and must not end the sentence it stands in.
[[nodiscard]] bool is_fit_to_show(std::string_view name);

class HostNames final : public LineEditor {
  public:
    /// When this many addresses are known, all are forgotten: strangers can come from many.
    static constexpr std::size_t most_names = 1'024;
    /// How long an answer is good.
    static constexpr std::chrono::minutes good_for{10};

    /// `loop` outlives this object.
    explicit HostNames(asio::io_context& loop, AskForName ask = name_of)
        : background_(loop, 1), ask_(std::move(ask)) {}

    [[nodiscard]] std::string edited(std::string_view line) override;

  private:
    struct Answer {
        std::string name;  ///< empty: there is none, or not yet
        Time asked;
    };

    [[nodiscard]] const std::string& name_for(const Address& address);
    void ask(const Address& address);

    Background background_;
    AskForName ask_;
    std::map<Address, Answer> answers_;
};

}  // namespace tinc::io
