#include "tinc/sptps/stream.hpp"

#include <fmt/format.h>

#include <utility>
#include <variant>

namespace tinc::sptps {

namespace {

using crypto::ChaChaPoly1305;

constexpr std::size_t length_bytes = 2;
constexpr std::size_t type_bytes = 1;

}  // namespace

Stream::Stream(Parties parties, RandomSource& random) : handshake_(std::move(parties), random) {
    for (const auto& step : handshake_.start()) {
        const auto& message = std::get<Handshake::Send>(step).message;
        // The first record of all fits.
        static_cast<void>(append_record(handshake_type, message, outgoing_));
    }
}

Result<Stream::Received> Stream::receive(Bytes bytes) {
    if (bytes.size() < length_bytes) return Received{};
    const std::size_t length = get_u16(bytes, 0);
    const auto most = is_complete() ? most_data_bytes : unproven_data_bytes;
    if (length > most)
        return failure(Errc::exhausted, fmt::format("A record of {} bytes is too long", length));
    const auto size = type_bytes + length + (opening_ ? ChaChaPoly1305::tag_bytes : std::size_t{0});
    if (bytes.size() < length_bytes + size) return Received{};
    const auto sealed = bytes.subspan(length_bytes, size);
    record_.assign(sealed.begin(), sealed.end());
    if (received_ == last_sequence)
        return failure(Errc::exhausted, "The records of this connection are used up");
    if (opening_ && !opening_->open(received_, record_))
        return failure(Errc::forged, "Failed to decrypt and verify record");
    ++received_;

    Received out{.kind = Kind::record,
                 .taken = length_bytes + size,
                 .type = std::to_integer<std::uint8_t>(record_.front()),
                 .data = Bytes(record_).subspan(type_bytes, length)};
    if (out.type == handshake_type) {
        TINC_TRY(out.kind, take_handshake(out.data));
        return out;
    }
    if (out.type > handshake_type)
        return failure(Errc::malformed, fmt::format("Invalid record type {}", out.type));
    if (!is_complete())
        return failure(Errc::refused, "Application record received before handshake finished");
    return out;
}

Result<Stream::Kind> Stream::take_handshake(Bytes message) {
    TINC_TRY(auto steps, handshake_.receive(message));
    auto kind = Kind::handshake;
    for (auto& step : steps) {
        if (const auto* send = std::get_if<Handshake::Send>(&step)) {
            TINC_CHECK(append_record(handshake_type, send->message, outgoing_));
        } else if (const auto* with = std::get_if<Handshake::SendWith>(&step)) {
            sealing_.emplace(with->key.bytes());
        } else if (const auto* expected = std::get_if<Handshake::ExpectKey>(&step)) {
            expected_.emplace(expected->key.bytes());
        } else if (std::holds_alternative<Handshake::ReceiveWithIt>(step)) {
            opening_ = std::exchange(expected_, std::nullopt);
        } else {
            kind = Kind::complete;
        }
    }
    return kind;
}

Result<void> Stream::send(std::uint8_t type, Bytes data, std::vector<std::byte>& out) {
    if (!is_complete()) return failure(Errc::refused, "The handshake is not finished");
    TINC_ASSERT(type < handshake_type);
    return append_record(type, data, out);
}

Result<void> Stream::append_record(std::uint8_t type, Bytes data, std::vector<std::byte>& out) {
    if (data.size() > most_data_bytes)
        return failure(Errc::exhausted, fmt::format("A record cannot hold {} bytes", data.size()));
    if (sent_ == last_sequence)
        return failure(Errc::exhausted, "The records of this connection are used up");
    const auto start = out.size();
    const auto sealed_bytes =
        type_bytes + data.size() + (sealing_ ? ChaChaPoly1305::tag_bytes : std::size_t{0});
    out.resize(start + length_bytes + sealed_bytes);
    const auto record = MutableBytes(out).subspan(start);
    put_u16(record, 0, static_cast<std::uint16_t>(data.size()));
    const auto sealed = record.subspan(length_bytes);
    sealed.front() = std::byte{type};
    std::ranges::copy(data, sealed.subspan(type_bytes).begin());
    if (sealing_) sealing_->seal(sent_, sealed);
    ++sent_;
    return {};
}

}  // namespace tinc::sptps
