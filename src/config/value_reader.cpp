#include "tinc/config/value_reader.hpp"

#include "tinc/base/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <set>
#include <tuple>

namespace tinc::config {

namespace {

constexpr std::size_t most_messages = 200;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

std::string described(const Assignment& assignment) {
    const auto* known = find_option(assignment.variable);
    const auto name = shown(assignment.variable);
    if (known == nullptr || known->secret) return fmt::format("{}: {}", place_of(assignment), name);
    return fmt::format("{}: {} = {}", place_of(assignment), name, shown(assignment.value));
}

/// The position of `value` among words with `|` between, in any letter case.
std::optional<std::size_t> position_of(std::string_view value, std::string_view words) {
    for (std::size_t position = 0;; ++position) {
        const auto bar = words.find('|');
        if (equal_ignoring_case(words.substr(0, bar), value)) return position;
        if (bar == std::string_view::npos) return std::nullopt;
        words.remove_prefix(bar + 1);
    }
}

std::optional<HostPort> parse_host_port(std::string_view text) {
    const auto words = split_words(text, 3);
    if (words.empty() || words.size() > 2) return std::nullopt;
    if (std::ranges::any_of(words[0], [](char c) { return (c >= 0 && c < ' ') || c == 0x7f; }))
        return std::nullopt;
    if (words.size() == 2 && !is_port(words[1])) return std::nullopt;
    return HostPort{std::string(words[0]), words.size() == 2 ? std::string(words[1]) : ""};
}

}  // namespace

std::vector<Assignment> assignments_of(const SourceFile& file, OnFault on_fault, Report& report) {
    auto parsed = parse_file(file.text, file.path);
    if (parsed.error) {
        auto& lines = on_fault == OnFault::error ? report.errors : report.warnings;
        lines.push_back(std::move(parsed.error->what));
    } else if (parsed.open_block_line != 0) {
        report.warnings.push_back(
            fmt::format("The -----BEGIN in {} line {} has no -----END: the rest of the file is "
                        "ignored",
                        file.path, parsed.open_block_line));
    }
    return std::move(parsed.assignments);
}

void add_message(std::vector<std::string>& lines, std::string line) {
    if (lines.size() > most_messages) return;
    if (lines.size() == most_messages) line = "There are more faults than are shown.";
    lines.push_back(std::move(line));
}

std::string place_of(const Assignment& assignment) {
    if (assignment.file.empty()) return fmt::format("command line option {}", assignment.line);
    return fmt::format("{} line {}", assignment.file, assignment.line);
}

std::string shown(std::string_view value) {
    constexpr std::size_t longest = 80;
    std::string text(value.substr(0, longest));
    std::ranges::replace_if(text, [](char c) { return (c >= 0 && c < ' ') || c == 0x7f; }, '?');
    if (value.size() > longest) text += "...";
    return text;
}

std::vector<std::string_view> split_words(std::string_view text, std::size_t most) {
    std::vector<std::string_view> words;
    text = trim(text);
    while (!text.empty()) {
        const auto last = words.size() + 1 == most;
        const auto end = last ? text.size() : std::min(text.find_first_of(" \t"), text.size());
        words.push_back(text.substr(0, end));
        text = trim(text.substr(end));
    }
    return words;
}

bool is_port(std::string_view text) {
    constexpr std::size_t longest = 32;
    if (std::ranges::all_of(text, is_digit)) return parse_number<std::uint16_t>(text).has_value();
    const auto is_of_a_name = [](char c) {
        return is_digit(c) || is_letter(c) || c == '-' || c == '_' || c == '.' || c == '+';
    };
    return text.size() <= longest && std::ranges::any_of(text, is_letter) &&
           std::ranges::all_of(text, is_of_a_name);
}

ValueReader::ValueReader(std::vector<Assignment> assignments, Whose whose, Report& report)
    : assignments_(std::move(assignments)), whose_(whose), report_(report) {
    std::ranges::sort(assignments_, [](const Assignment& a, const Assignment& b) {
        return std::tuple(!a.file.empty(), a.line, std::string_view(a.file)) <
               std::tuple(!b.file.empty(), b.line, std::string_view(b.file));
    });
}

const Assignment* ValueReader::find(std::string_view variable) const {
    const auto found = std::ranges::find_if(assignments_, [&](const Assignment& assignment) {
        return equal_ignoring_case(assignment.variable, variable);
    });
    return found == assignments_.end() ? nullptr : &*found;
}

std::vector<const Assignment*> ValueReader::all(std::string_view variable) const {
    std::vector<const Assignment*> found;
    for (const auto& assignment : assignments_)
        if (equal_ignoring_case(assignment.variable, variable)) found.push_back(&assignment);
    return found;
}

bool ValueReader::yes_or_no(std::string_view variable) {
    return given_yes_or_no(variable).value_or(option(variable).fallback == "yes");
}

std::optional<bool> ValueReader::given_yes_or_no(std::string_view variable) {
    const auto* given = find(variable);
    if (given == nullptr) return std::nullopt;
    if (equal_ignoring_case(given->value, "yes")) return true;
    if (equal_ignoring_case(given->value, "no")) return false;
    warn_expected(*given, "\"yes\" or \"no\" expected");
    return std::nullopt;
}

std::int64_t ValueReader::integer(std::string_view variable) {
    return given_integer(variable).value_or(fallback_integer(variable));
}

std::int64_t ValueReader::fallback_integer(std::string_view variable) const {
    return parse_number<std::int32_t>(option(variable).fallback).value_or(0);
}

std::optional<std::int64_t> ValueReader::given_integer(std::string_view variable) {
    const auto value = given_number(variable);
    if (!value) return std::nullopt;
    const auto* given = find(variable);
    const auto& known = option(variable);
    const bool is_above = *value > known.kind.most;
    if (*value >= known.kind.least && !is_above) return value;
    if (is_above && known.lowers) {
        warn(*given,
             fmt::format("{} must not be above {}, which is used", known.name, known.kind.most));
        return known.kind.most;
    }
    if (known.complaint.empty())
        warn(*given, fmt::format("{} must not be {} {}, {} is used", known.name,
                                 is_above ? "above" : "below",
                                 is_above ? known.kind.most : known.kind.least, known.fallback));
    else
        fault(*given, known.complaint);
    return std::nullopt;
}

std::optional<std::int64_t> ValueReader::given_number(std::string_view variable) {
    const auto* given = find(variable);
    if (given == nullptr) return std::nullopt;
    auto digits = std::string_view(given->value);
    if (digits.starts_with('+') && !digits.starts_with("+-")) digits.remove_prefix(1);
    std::int32_t value = 0;
    const auto result = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (result.ec == std::errc{}) return value;
    warn_expected(*given, result.ec == std::errc::result_out_of_range
                              ? "Integer of at most 32 bits expected"
                              : "Integer expected");
    return std::nullopt;
}

std::optional<std::size_t> ValueReader::given_choice(std::string_view variable) {
    const auto* given = find(variable);
    if (given == nullptr) return std::nullopt;
    const auto& known = option(variable);
    const auto position = position_of(given->value, known.kind.words);
    if (!position) fault(*given, fmt::format(fmt::runtime(known.complaint), shown(given->value)));
    return position;
}

std::size_t ValueReader::choice(std::string_view variable) {
    const auto& known = option(variable);
    return given_choice(variable).value_or(
        position_of(known.fallback, known.kind.words).value_or(0));
}

std::string ValueReader::text(std::string_view variable) {
    const auto* given = find(variable);
    return given == nullptr ? std::string(option(variable).fallback) : given->value;
}

std::string ValueReader::port() {
    const auto* given = find("Port");
    if (given != nullptr && is_port(given->value)) return given->value;
    if (given != nullptr) fault_expected(*given, "Port number or service name expected");
    return std::string(option("Port").fallback);
}

std::vector<HostPort> ValueReader::host_ports(std::string_view variable) {
    std::vector<HostPort> found;
    for (const auto* given : all(variable)) {
        if (auto parsed = parse_host_port(given->value))
            found.push_back(*std::move(parsed));
        else
            fault_expected(*given, "Address and optional port expected");
    }
    return found;
}

std::vector<wire::Subnet> ValueReader::subnets(std::string_view variable) {
    std::vector<wire::Subnet> found;
    std::set<wire::Subnet> seen;
    for (const auto* given : all(variable)) {
        const auto parsed = wire::parse_subnet(given->value);
        if (!parsed)
            fault_expected(*given, "Subnet expected");
        else if (!parsed->has_no_host_bits())
            fault_expected(*given, "Network address and prefix length do not match");
        else if (seen.insert(*parsed).second)
            found.push_back(*parsed);
    }
    return found;
}

Places ValueReader::places() const {
    Places places;
    for (const auto& assignment : assignments_)
        if (const auto* known = find_option(assignment.variable))
            places.add(known->name, described(assignment));
    return places;
}

void ValueReader::check_names() {
    std::vector<const Assignment*> first(option_table().size());
    for (const auto& assignment : assignments_) {
        if (report_.warnings.size() > most_messages) return;
        const auto* known = find_option(assignment.variable);
        if (known == nullptr || !known->has_effect()) {
            check_name(assignment);
            continue;
        }
        if (known->repeats) continue;
        auto*& counts = first[static_cast<std::size_t>(known - option_table().data())];
        if (counts == nullptr)
            counts = &assignment;
        else if (!counts->file.empty() && counts->value != assignment.value)
            add_message(report_.warnings,
                        fmt::format("{} in {} is ignored, since {} has it too", known->name,
                                    place_of(assignment), place_of(*counts)));
    }
}

void ValueReader::check_scope() {
    const bool is_ours = whose_ == Whose::ours;
    const auto elsewhere = is_ours ? Scope::others : Scope::server;
    for (const auto& assignment : assignments_) {
        const auto* known = find_option(assignment.variable);
        if (known == nullptr || known->scope != elsewhere || !known->has_effect()) continue;
        add_message(report_.warnings,
                    fmt::format("{} in {} has no effect: it belongs into {}", known->name,
                                place_of(assignment), is_ours ? "a host file" : "tinc.conf"));
    }
}

void ValueReader::check_name(const Assignment& assignment) {
    const auto place = place_of(assignment);
    const auto* known = find_option(assignment.variable);
    if (known != nullptr) {
        // Every host file of a 1.1 directory has some of these.
        if (whose_ == Whose::ours)
            add_message(report_.warnings,
                        fmt::format("{} in {} belongs to tinc 1.1 and has no effect here",
                                    known->name, place));
    } else if (assignment.variable.empty()) {
        add_message(report_.warnings,
                    fmt::format("No variable in {}: the name must begin the line", place));
    } else {
        const auto nearest = nearest_option(assignment.variable);
        add_message(report_.warnings,
                    fmt::format("Unknown variable `{}' in {}{}{}{}", shown(assignment.variable),
                                place, nearest ? ": did you mean " : "", nearest.value_or(""),
                                nearest ? "?" : ""));
    }
}

void ValueReader::fault(const Assignment& assignment, std::string_view words) {
    add_fault(fmt::format("{} ({})", words, described(assignment)));
}

void ValueReader::warn(const Assignment& assignment, std::string_view words) {
    add_message(report_.warnings, fmt::format("{} ({})", words, described(assignment)));
}

void ValueReader::warn_expected(const Assignment& assignment, std::string_view words) {
    add_message(report_.warnings, fmt::format("{} for configuration variable {} in {}", words,
                                              shown(assignment.variable), place_of(assignment)));
}

void ValueReader::fault_expected(const Assignment& assignment, std::string_view words) {
    add_fault(fmt::format("{} for configuration variable {} in {}", words,
                          shown(assignment.variable), place_of(assignment)));
}

void ValueReader::add_fault(std::string line) {
    add_message(whose_ == Whose::ours ? report_.errors : report_.warnings, std::move(line));
}

}  // namespace tinc::config
