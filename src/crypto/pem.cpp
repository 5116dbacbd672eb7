#include "pem.hpp"

#include "handles.hpp"

#include "tinc/base/text.hpp"

#include <fmt/format.h>
#include <openssl/pem.h>

#include <algorithm>
#include <limits>
#include <optional>
#include <span>
#include <utility>

namespace tinc::crypto {

namespace {

constexpr std::string_view begin_mark = "-----BEGIN ";
constexpr std::string_view end_mark = "-----END ";
constexpr std::string_view dashes = "-----";
constexpr std::string_view encrypted_label = "ENCRYPTED PRIVATE KEY";

/// The lines of a text, each with its place in it.
class Lines {
  public:
    explicit Lines(std::string_view text) : text_(text) {}

    /// The next line without its end, or nothing behind the last.
    std::optional<std::string_view> next() {
        if (at_ >= text_.size()) return std::nullopt;
        start_ = at_;
        const auto newline = text_.find('\n', at_);
        at_ = newline == std::string_view::npos ? text_.size() : newline + 1;
        return trim(text_.substr(start_, at_ - start_), "\r\n \t");
    }
    /// Where the line begins that next() returned last, and where the one after it does.
    [[nodiscard]] std::size_t start() const { return start_; }
    [[nodiscard]] std::size_t end() const { return at_; }

  private:
    std::string_view text_;
    std::size_t start_ = 0;
    std::size_t at_ = 0;
};

/// The label of a line that opens or closes a block.
std::optional<std::string_view> label_of(std::string_view line, std::string_view mark) {
    if (!line.starts_with(mark) || !line.ends_with(dashes) ||
        line.size() < mark.size() + dashes.size())
        return std::nullopt;
    return line.substr(mark.size(), line.size() - mark.size() - dashes.size());
}

/// What PEM_read_bio_ex() gives away, in memory that is wiped when freed.
struct Decoded {
    char* label = nullptr;
    char* header = nullptr;
    unsigned char* data = nullptr;
    long size = 0;

    Decoded() = default;
    Decoded(const Decoded&) = delete;
    Decoded& operator=(const Decoded&) = delete;
    ~Decoded() {
        OPENSSL_secure_free(label);
        OPENSSL_secure_free(header);
        OPENSSL_secure_clear_free(data, static_cast<std::size_t>(size));
    }
};

Result<PemBlock> decode(std::string_view block, std::string_view source, std::string_view label) {
    const CleanErrors clean;
    const auto unreadable = [&] {
        return failure(Errc::malformed,
                       fmt::format("{}: the {} block is not readable as PEM", source, label));
    };
    if (block.size() > std::numeric_limits<int>::max()) return unreadable();
    const Bio bio(BIO_new_mem_buf(block.data(), static_cast<int>(block.size())));
    Decoded decoded;
    if (!bio || PEM_read_bio_ex(bio.get(), &decoded.label, &decoded.header, &decoded.data,
                                &decoded.size, PEM_FLAG_SECURE | PEM_FLAG_EAY_COMPATIBLE) != 1)
        return unreadable();
    if (std::string_view(decoded.header).find("ENCRYPTED") != std::string_view::npos)
        return failure(
            Errc::malformed,
            fmt::format("{}: the {} is encrypted; store it without a passphrase", source, label));
    const std::span der(decoded.data, static_cast<std::size_t>(decoded.size));
    return PemBlock{std::string(label), Secret::copy_of(std::as_bytes(der))};
}

/// For a message: what a file has instead. Labels are the operator's own text, but kept short.
void note_label(std::string& found, std::string_view label) {
    constexpr std::size_t enough = 200;
    if (label.size() > 40 || found.size() > enough) return;
    if (!std::ranges::all_of(label, [](char c) { return c >= ' ' && c <= '~'; })) return;
    found += fmt::format("{}\"{}\"", found.empty() ? "" : ", ", label);
}

}  // namespace

Result<PemBlock> first_pem_block(std::string_view text, std::string_view source,
                                 std::string_view what,
                                 const std::array<std::string_view, 2>& labels) {
    std::string found;
    bool encrypted = false;
    Lines lines(text);
    while (const auto line = lines.next()) {
        const auto label = label_of(*line, begin_mark);
        if (!label) continue;
        if (std::ranges::find(labels, *label) == labels.end()) {
            encrypted = encrypted || *label == encrypted_label;
            note_label(found, *label);
            continue;
        }
        const auto start = lines.start();
        while (const auto inner = lines.next()) {
            const auto closed = label_of(*inner, end_mark);
            if (!closed) continue;
            if (closed != label) break;
            return decode(text.substr(start, lines.end() - start), source, *label);
        }
        return failure(Errc::malformed, fmt::format("{}: the {} block has no end", source, *label));
    }
    if (encrypted)
        return failure(
            Errc::malformed,
            fmt::format("{}: the {} is encrypted; store it without a passphrase", source, what));
    return failure(Errc::refused,
                   found.empty() ? fmt::format("{}: no {} found", source, what)
                                 : fmt::format("{}: no {} found, only {}", source, what, found));
}

}  // namespace tinc::crypto
