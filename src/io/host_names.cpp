#include "io/host_names.hpp"

#include "io/clock.hpp"
#include "io/socket_address.hpp"

#include <netdb.h>

#include <algorithm>
#include <array>
#include <utility>

namespace tinc::io {

namespace {

constexpr std::string_view between = " port ";

bool is_of_an_address(char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || c == '.' || c == ':';
}

/// Where the word at the end of `text` begins that could be an address.
std::size_t start_of_address(std::string_view text) {
    auto start = text.size();
    while (start > 0 && is_of_an_address(text[start - 1])) --start;
    return start;
}

}  // namespace

std::string name_of(const Address& address) {
    const auto endpoint = to_socket_address({address, 0});
    std::array<char, NI_MAXHOST> name{};
    const int code = ::getnameinfo(endpoint.get(), endpoint.size, name.data(), name.size(), nullptr,
                                   0, NI_NAMEREQD);
    return code == 0 ? name.data() : "";
}

bool is_fit_to_show(std::string_view name) {
    const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
    const auto fits = [&](char c) {
        return is_letter(c) || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
    };
    return name.size() < NI_MAXHOST && std::ranges::any_of(name, is_letter) &&
           std::ranges::all_of(name, fits);
}

std::string HostNames::edited(std::string_view line) {
    std::string text;
    for (auto at = line.find(between); at != std::string_view::npos; at = line.find(between)) {
        const auto before = line.substr(0, at);
        const auto start = start_of_address(before);
        const auto address = Address::parse(before.substr(start));
        const bool is_somebody = address && !address->is_unspecified();
        const auto name = is_somebody ? name_for(*address) : std::string();
        text += name.empty() ? before : before.substr(0, start);
        text += name;
        text += between;
        line.remove_prefix(at + between.size());
    }
    text += line;
    return text;
}

const std::string& HostNames::name_for(const Address& address) {
    const auto time = now();
    auto found = answers_.find(address);
    if (found != answers_.end() && time - found->second.asked < good_for) return found->second.name;
    if (found == answers_.end()) {
        if (answers_.size() == most_names) answers_.clear();
        found = answers_.emplace(address, Answer{}).first;
    }
    found->second.asked = time;
    ask(address);
    return found->second.name;
}

void HostNames::ask(const Address& address) {
    auto work = [this, asked = ask_, address]() -> Background::Answer {
        auto name = asked(address);
        // `this` is for the answer alone, which the loop drops once we are gone.
        return [this, address, name = std::move(name)] {
            const auto found = answers_.find(address);
            if (found != answers_.end()) found->second.name = is_fit_to_show(name) ? name : "";
        };
    };
    // Who cannot be asked is asked when the answer would be old.
    static_cast<void>(background_.run(std::move(work), [] {}));
}

}  // namespace tinc::io
