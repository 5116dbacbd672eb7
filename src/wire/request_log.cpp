#include "tinc/wire/request_log.hpp"

#include <array>

namespace tinc::wire {

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
                  preposition, who, line);
    else
        log.print(Level::protocol, Severity::debug, "{} {} {} {}", verb, request_name(request),
                  preposition, who);
}

}  // namespace tinc::wire
