#pragma once

// A cursor over the words of a request line; the other files of this room read through it.
//
// It reads as scanf does, so that a line which tinc understands is understood here in the same
// way, and a line that we forward means to our neighbours what it means to us:
//
//     blanks      any run of spaces and tabs, also before the first word
//     a number    ends before the first character that is no digit; the next field starts there
//     a text      ends before a blank
//
// Stricter than scanf on purpose, where no honest peer can tell: numbers must fit their type,
// hexadecimal numbers have no sign, texts have limits, and a line holds no control characters.

#include "tinc/base/error.hpp"
#include "tinc/wire/messages.hpp"
#include "tinc/wire/request.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tinc::wire {

/// Borrows the line: it must outlive the cursor, and nothing that is returned by value refers to
/// it. Every reader fails with Errc::malformed and names `field` in its error, never the content.
class Fields {
  public:
    /// `line` is without its newline.
    explicit Fields(std::string_view line);

    /// The first field. Fails as request_of() does.
    [[nodiscard]] Result<Request> request();

    /// The first field, which must be this request.
    [[nodiscard]] Result<void> expect(Request request);

    [[nodiscard]] Result<std::int32_t> decimal(std::string_view field);

    /// Upper or lower case, with or without 0x.
    [[nodiscard]] Result<std::uint32_t> hex32(std::string_view field);

    /// 1 to `limit` bytes without blanks; valid as long as the line is.
    [[nodiscard]] Result<std::string_view> text(std::string_view field, std::size_t limit);

    /// A text that passes is_node_name().
    [[nodiscard]] Result<std::string> node_name(std::string_view field);

    /// A text of hexadecimal digits, two for each byte.
    [[nodiscard]] Result<std::vector<std::byte>> bytes(std::string_view field);

    /// Two texts of printable ASCII, numeric or not.
    [[nodiscard]] Result<EdgeAddress> address();

    /// How many texts could still be read.
    [[nodiscard]] std::size_t words_left() const;

  private:
    [[nodiscard]] Result<std::string> printable(std::string_view field);
    void skip_blanks();
    [[nodiscard]] std::unexpected<Error> malformed(std::string_view field,
                                                   std::string_view complaint) const;

    std::string_view rest_;
    std::optional<Request> request_;  ///< for the words of errors
    bool has_control_characters_;
};

}  // namespace tinc::wire
