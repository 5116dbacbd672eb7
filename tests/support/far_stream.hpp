#pragma once

// The far end of a connection by SPTPS. It can do what ours never does: begin a re-key.

#include "tinc/base/bytes.hpp"
#include "tinc/base/error.hpp"
#include "tinc/crypto/chacha_poly1305.hpp"
#include "tinc/sptps/handshake.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <utility>
#include <variant>
#include <vector>

namespace tinc::test {

class FarStream {
  public:
    static constexpr std::uint8_t handshake_type = 128;

    /// What a record has brought: data of the application, or type 128 without data when new keys
    /// are in use.
    struct Heard {
        std::uint8_t type = 0;
        std::vector<std::byte> data;
        friend bool operator==(const Heard&, const Heard&) = default;
    };

    FarStream(sptps::Parties parties, RandomSource& random)
        : handshake_(std::move(parties), random) {
        start();
    }

    /// Begins the first exchange or a re-key.
    void start() { carry_out(handshake_.start()); }
    void say(std::uint8_t type, Bytes data) {
        constexpr std::size_t before_data = length_bytes + type_bytes;
        std::vector<std::byte> record(before_data + data.size() +
                                      (sealing_ ? crypto::ChaChaPoly1305::tag_bytes : 0U));
        put_u16(record, 0, static_cast<std::uint16_t>(data.size()));
        record[length_bytes] = std::byte{type};
        std::ranges::copy(data, record.begin() + before_data);
        if (sealing_) sealing_->seal(sent_, MutableBytes(record).subspan(length_bytes));
        ++sent_;
        records.push_back(std::move(record));
    }
    /// Takes all of `bytes`, which ends with a record.
    [[nodiscard]] Result<void> hear(Bytes bytes) {
        while (!bytes.empty()) {
            const auto size = length_bytes + type_bytes + get_u16(bytes, 0) +
                              (opening_ ? crypto::ChaChaPoly1305::tag_bytes : 0U);
            if (size > bytes.size()) return failure(Errc::malformed, "a part of a record");
            TINC_CHECK(hear_record(bytes.subspan(length_bytes, size - length_bytes)));
            bytes = bytes.subspan(size);
        }
        return {};
    }
    /// All that it has to say, in one piece.
    [[nodiscard]] std::vector<std::byte> take_outgoing() {
        std::vector<std::byte> all;
        for (const auto& record : std::exchange(records, {}))
            all.insert(all.end(), record.begin(), record.end());
        return all;
    }

    std::deque<std::vector<std::byte>> records;  ///< to be sent
    std::deque<Heard> heard;

  private:
    static constexpr std::size_t length_bytes = 2;
    static constexpr std::size_t type_bytes = 1;

    Result<void> hear_record(Bytes sealed) {
        std::vector<std::byte> record(sealed.begin(), sealed.end());
        if (opening_) {
            if (!opening_->open(received_, record)) return failure(Errc::forged, "a wrong tag");
            record.resize(record.size() - crypto::ChaChaPoly1305::tag_bytes);
        }
        ++received_;
        const auto type = std::to_integer<std::uint8_t>(record.front());
        record.erase(record.begin());
        if (type != handshake_type) {
            heard.push_back({type, std::move(record)});
            return {};
        }
        TINC_TRY(auto steps, handshake_.receive(record));
        carry_out(std::move(steps));
        return {};
    }
    void carry_out(std::vector<sptps::Handshake::Step> steps) {
        using sptps::Handshake;
        for (auto& step : steps) {
            if (const auto* send = std::get_if<Handshake::Send>(&step))
                say(handshake_type, send->message);
            else if (const auto* with = std::get_if<Handshake::SendWith>(&step))
                sealing_.emplace(with->key.bytes());
            else if (const auto* expected = std::get_if<Handshake::ExpectKey>(&step))
                expected_.emplace(expected->key.bytes());
            else if (std::holds_alternative<Handshake::ReceiveWithIt>(step))
                opening_ = std::exchange(expected_, std::nullopt);
            else
                heard.push_back({handshake_type, {}});
        }
    }

    sptps::Handshake handshake_;
    std::optional<crypto::ChaChaPoly1305> sealing_;
    std::optional<crypto::ChaChaPoly1305> opening_;
    std::optional<crypto::ChaChaPoly1305> expected_;
    std::uint32_t sent_ = 0;
    std::uint32_t received_ = 0;
};

}  // namespace tinc::test
