#pragma once

// Every variable there is, said once: reader, messages, manual page and tests go by this table.

#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace tinc::config {

/// Where a variable belongs. Our own tinc.conf and host file are read as one, so there it only
/// tells a tool where to write it.
enum class Scope : std::uint8_t {
    server,  ///< tinc.conf
    host,    ///< hosts/NAME of the node that sets it
    both,    ///< tinc.conf for all peers, hosts/NAME for one
    others,  ///< hosts/NAME, where all nodes but NAME read it; without effect in tinc.conf
};

/// Where a variable comes from.
enum class Origin : std::uint8_t { tinc_1_0, tinc_1_1, tincpp };

/// What a variable does in this version.
enum class Standing : std::uint8_t {
    acts,      ///< as in tinc 1.0
    obsolete,  ///< acts, but has a better successor
    idle       ///< known, so that directories of tinc 1.1 are taken, without effect
};

/// How a value is written.
struct Kind {
    enum class Form : std::uint8_t {
        text,         ///< anything
        yes_or_no,    ///< any letter case
        integer,      ///< decimal; what follows the digits is ignored, as a comment may
        choice,       ///< one of `words`, any letter case
        node_name,    ///< a node
        host_port,    ///< `host [port]`
        port,         ///< 0 to 65535, or the name of a service
        subnet,       ///< `ADDRESS[/PREFIX][#WEIGHT]`
        proxy,        ///< `type [host port [user [password]]]` or `exec command`
        key_material  ///< hexadecimal; never shown in messages
    };

    Form form = Form::text;
    std::int64_t least = std::numeric_limits<std::int32_t>::min();  ///< of an integer
    std::int64_t most = std::numeric_limits<std::int32_t>::max();   ///< of an integer
    std::string_view words;  ///< of a choice, with `|` between; else what the manual calls it

    [[nodiscard]] static constexpr Kind integer(
        std::string_view unit, std::int64_t least,
        std::int64_t most = std::numeric_limits<std::int32_t>::max()) {
        return {Form::integer, least, most, unit};
    }
    [[nodiscard]] static constexpr Kind choice(std::string_view words) {
        Kind kind;
        kind.form = Form::choice;
        kind.words = words;
        return kind;
    }
    [[nodiscard]] static constexpr Kind of(Form form, std::string_view called) {
        Kind kind;
        kind.form = form;
        kind.words = called;
        return kind;
    }
};

/// One variable of the configuration.
struct Option {
    std::string_view name;
    Scope scope = Scope::server;
    Kind kind;
    std::string_view fallback = "";  ///< the value when absent, as it would be written
    bool repeats = false;            ///< may be given several times
    bool reloadable = false;         ///< a reload is enough for it to take effect
    bool secret = false;             ///< its value never stands in a message
    bool lowers = false;             ///< what is above `kind.most` is taken as that, with a warning
    Standing standing = Standing::acts;
    /// What tinc says when it refuses to start over a bad value; "{}" stands for the value.
    /// Empty: a bad value is only warned about, and `fallback` is used.
    std::string_view complaint = "";
    Origin origin = Origin::tinc_1_0;
    std::string_view help;  ///< one line

    /// Whether setting it does anything.
    [[nodiscard]] constexpr bool has_effect() const { return standing != Standing::idle; }
};

/// All variables, sorted by name without regard to letter case.
[[nodiscard]] std::span<const Option> option_table();

/// By name in any letter case; null if there is none.
[[nodiscard]] const Option* find_option(std::string_view name);

/// Of an option that the caller knows to exist.
[[nodiscard]] const Option& option(std::string_view name);

/// The variable that was probably meant by a misspelt name, if one is near: at most one letter in
/// three is missing, added, changed or swapped with its neighbour.
[[nodiscard]] std::optional<std::string_view> nearest_option(std::string_view name);

}  // namespace tinc::config
