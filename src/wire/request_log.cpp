#include "tinc/wire/request_log.hpp"

#include <algorithm>
#include <array>
#include <string>

namespace tinc::wire {

namespace {

/// An ANS_KEY with its fourth word, the key, left out.
std::string without_key(std::string_view line) {
    std::size_t begin = 0;
    for (int words = 0; words < 3; ++words) {
        const auto blank = line.find(' ', begin);
        if (blank == std::string_view::npos) return "(malformed)";
        begin = blank + 1;
    }
    const auto end = std::min(line.find(' ', begin), line.size());
    return fmt::format("{}({} digits){}", line.substr(0, begin), end - begin, line.substr(end));
}

}  // namespace

Error while_processing(Request request, std::string_view who, const Error& error) {
    return {error.code, fmt::format("Error while processing {} from {}: {}", request_name(request),
                                    who, error.what)};
}

void print_request(LogSink& log, Course course, Request request, std::string_view who,
                   std::string_view line) {
    struct Words {
        std::string_view verb;
        std::string_view preposition;
    };
    static constexpr std::array<Words, 3> words = {
        {{"Got", "from"}, {"Sending", "to"}, {"Forwarding", "from"}}};
    if (!log.shows(Level::protocol)) return;
    const auto& [verb, preposition] = words[static_cast<std::size_t>(course)];
    if (log.shows(Level::meta))
        log.print(Level::meta, Severity::debug, "{} {} {} {}: {}", verb, request_name(request),
                  preposition, who,
                  request == Request::ans_key && !log.shows(Level::everything) ? without_key(line)
                                                                               : std::string(line));
    else
        log.print(Level::protocol, Severity::debug, "{} {} {} {}", verb, request_name(request),
                  preposition, who);
}

}  // namespace tinc::wire
