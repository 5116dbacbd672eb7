#pragma once

#include "tinc/config/option_table.hpp"
#include "tinc/config/parser.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tinc::config {

/// "/etc/tinc/x/tinc.conf line 3", or "command line option 2".
[[nodiscard]] std::string place_of(const Assignment& assignment);

/// A value as it may stand in a message: shortened, and with `?` for control characters.
[[nodiscard]] std::string shown(std::string_view value);

/// What a fault of a file as a whole is to whoever reads it.
enum class OnFault : std::uint8_t { error, warning };

/// The assignments of a file; what is wrong with it as a whole goes to the report.
[[nodiscard]] std::vector<Assignment> assignments_of(const SourceFile& file, OnFault on_fault,
                                                     Report& report);

/// Adds a line for the operator; a file full of faults does not fill the log.
void add_message(std::vector<std::string>& lines, std::string line);

/// Reads typed values out of the assignments of one configuration, by the rules of the option
/// table, and reports what is wrong with them.
///
/// Of several assignments to one variable the first counts: the command line comes before files,
/// then the lower line number, whatever the file, then the file's path. Every name handed in must
/// be one of the option table. Source: legacy protocol 8.3, 8.4.
class ValueReader {
  public:
    enum class Whose : std::uint8_t {
        ours,  ///< what 1.0.36 refuses to start over is an error
        peers  ///< every fault is a warning
    };

    ValueReader(std::vector<Assignment> assignments, Whose whose, Report& report);

    /// The one that counts, or null.
    [[nodiscard]] const Assignment* find(std::string_view variable) const;
    /// Of a variable that repeats: all, in order of precedence.
    [[nodiscard]] std::vector<const Assignment*> all(std::string_view variable) const;

    /// Each of these returns the table's fallback for what is absent or wrong; `given_...`
    /// nothing.
    [[nodiscard]] bool yes_or_no(std::string_view variable);
    [[nodiscard]] std::optional<bool> given_yes_or_no(std::string_view variable);
    [[nodiscard]] std::int64_t integer(std::string_view variable);
    [[nodiscard]] std::optional<std::int64_t> given_integer(std::string_view variable);
    [[nodiscard]] std::int64_t fallback_integer(std::string_view variable) const;
    /// Whatever its size, for variables with their own rule about that.
    [[nodiscard]] std::optional<std::int64_t> given_number(std::string_view variable);
    /// The position in the words of the choice.
    [[nodiscard]] std::optional<std::size_t> given_choice(std::string_view variable);
    [[nodiscard]] std::size_t choice(std::string_view variable);
    [[nodiscard]] std::string text(std::string_view variable);
    [[nodiscard]] std::string port();
    /// Of variables that repeat: all values that are right, each once.
    [[nodiscard]] std::vector<HostPort> host_ports(std::string_view variable);
    [[nodiscard]] std::vector<wire::Subnet> subnets(std::string_view variable);

    /// Of all values, in order of precedence.
    [[nodiscard]] Places places() const;

    /// Warns about names that no version of tinc knows, variables without effect, and all but the
    /// first of the variables that should stand there once.
    void check_names();
    /// Warns about what does nothing in such a file: of ours, tinc.conf without our host file.
    void check_scope();

    /// Reports "WORDS (PLACE: VARIABLE = VALUE)": as an error if it is about us.
    void fault(const Assignment& assignment, std::string_view words);
    /// The same, as a warning whoever it is about.
    void warn(const Assignment& assignment, std::string_view words);
    /// Reports "WORDS for configuration variable X in PLACE", as 1.0.36 does.
    void warn_expected(const Assignment& assignment, std::string_view words);
    void fault_expected(const Assignment& assignment, std::string_view words);

  private:
    void check_name(const Assignment& assignment);
    void add_fault(std::string line);

    std::vector<Assignment> assignments_;
    Whose whose_;
    Report& report_;
};

/// Words between blanks or tabs, at most `most`; the last has the rest, blanks included.
[[nodiscard]] std::vector<std::string_view> split_words(std::string_view text, std::size_t most);

/// A number from 0 to 65535, or what may be the name of a service.
[[nodiscard]] bool is_port(std::string_view text);

}  // namespace tinc::config
