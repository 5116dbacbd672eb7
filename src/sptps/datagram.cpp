#include "tinc/sptps/datagram.hpp"

#include "tinc/base/limits.hpp"
#include "tinc/sptps/stream.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

namespace tinc::sptps {

namespace {

using crypto::ChaChaPoly1305;

constexpr std::size_t number_bytes = 4;
constexpr std::size_t type_bytes = 1;
constexpr std::size_t tag_bytes = ChaChaPoly1305::tag_bytes;

static_assert(datagram_overhead == number_bytes + type_bytes + tag_bytes);

/// Records of a batch that are worked on, and the places of their packets in it.
struct Records {
    void add(std::uint32_t number, MutableBytes bytes, std::size_t place) {
        TINC_ASSERT(count < all.size());
        all[count] = {.sequence = number, .bytes = bytes};
        places[count++] = place;
    }
    [[nodiscard]] std::span<ChaChaPoly1305::Record> added() { return std::span(all).first(count); }

    std::array<ChaChaPoly1305::Record, limits::batch_packets> all;
    std::array<std::size_t, limits::batch_packets> places;
    std::size_t count = 0;
};

/// The tag of nothing under a number that no record has.
std::uint64_t mark_of(const ChaChaPoly1305& key) {
    std::array<std::byte, tag_bytes> tag{};
    key.seal(std::numeric_limits<std::uint64_t>::max(), tag);
    return std::uint64_t{get_u32(tag, 0)} << 32U | get_u32(tag, 4);
}

/// In front of a sealed record.
void put_number(packet::Packet& packet, std::uint32_t number) {
    packet.grow_front(number_bytes);
    put_u32(packet.bytes(), 0, number);
}

}  // namespace

std::optional<std::uint32_t> SequenceCounter::take() noexcept {
    auto next = next_.load(std::memory_order_relaxed);
    do {
        if (next >= last_sequence) return std::nullopt;
    } while (!next_.compare_exchange_weak(next, next + 1, std::memory_order_relaxed));
    return next;
}

// --- the data plane's half
// ------------------------------------------------------------------------

bool Sealer::seal(packet::Packet& packet, std::uint8_t type) noexcept {
    const auto number = begin(packet, type);
    if (!number) return false;
    cipher_.seal(*number, packet.bytes());
    put_number(packet, *number);
    return true;
}

void Sealer::seal(std::span<packet::Packet* const> packets, std::span<const std::uint8_t> types,
                  crypto::PacketEngine& engine, std::span<bool> sealed) noexcept {
    Records records;
    for (std::size_t i = 0; i < packets.size(); ++i) {
        const auto number = begin(*packets[i], types[i]);
        sealed[i] = number.has_value();
        if (number) records.add(*number, packets[i]->bytes(), i);
    }
    cipher_.seal(records.added(), engine);
    for (std::size_t i = 0; i < records.count; ++i)
        put_number(*packets[records.places[i]],
                   static_cast<std::uint32_t>(records.all[i].sequence));
}

/// Makes of the data a record with room for the tag, and takes a number for it.
std::optional<std::uint32_t> Sealer::begin(packet::Packet& packet, std::uint8_t type) noexcept {
    TINC_ASSERT(type < handshake_type);
    if (packet.front_room() < number_bytes + type_bytes) return std::nullopt;
    if (packet.size() + tag_bytes > packet.room()) return std::nullopt;
    const auto number = counter_->take();
    if (!number) return std::nullopt;
    packet.grow_front(type_bytes);
    packet.bytes().front() = std::byte{type};
    packet.resize(packet.size() + tag_bytes);
    return number;
}

Opener::Opener(Bytes key, std::size_t window_bytes, std::uint32_t next)
    : current_(key), window_(window_bytes, packet::ReplayWindow::Rule::sptps, next) {}

bool Opener::recognises(Bytes datagram) const noexcept {
    if (datagram.size() < datagram_overhead) return false;
    const auto number = get_u32(datagram, 0);
    const auto verdict = window_.judge(number);
    if (verdict == packet::ReplayWindow::Verdict::replayed ||
        verdict == packet::ReplayWindow::Verdict::too_far)
        return false;
    const auto sealed = datagram.subspan(number_bytes);
    return current_.verify(number, sealed) || (expected_ && expected_->verify(number, sealed)) ||
           (old_ && old_->verify(number, sealed));
}

Opener::Verdict Opener::open(packet::Packet& packet, std::uint8_t& type) noexcept {
    lost_ = 0;
    if (packet.size() < datagram_overhead) return Verdict::too_short;
    const auto number = get_u32(packet.bytes(), 0);
    const auto sealed = packet.bytes().subspan(number_bytes);
    if (!current_.open(number, sealed) && !opens_with_other_key(number, sealed))
        return Verdict::forged;
    const auto opened = take(packet);
    type = opened.type;
    return opened.verdict;
}

void Opener::open(std::span<packet::Packet* const> packets, crypto::PacketEngine& engine,
                  std::span<Opened> opened) noexcept {
    Records records;
    for (std::size_t i = 0; i < packets.size(); ++i) {
        auto& packet = *packets[i];
        opened[i] = {.verdict = Verdict::too_short};
        if (packet.size() < datagram_overhead) continue;
        records.add(get_u32(packet.bytes(), 0), packet.bytes().subspan(number_bytes), i);
    }
    current_.open(records.added(), engine);
    for (std::size_t i = 0; i < records.count; ++i) {
        const auto& record = records.all[i];
        const auto number = static_cast<std::uint32_t>(record.sequence);
        const auto place = records.places[i];
        const bool is_right = record.is_right || opens_with_other_key(number, record.bytes);
        opened[place] = is_right ? take(*packets[place]) : Opened{.verdict = Verdict::forged};
    }
}

/// Only around a re-key are there any.
bool Opener::opens_with_other_key(std::uint32_t number, MutableBytes sealed) const noexcept {
    return (expected_ && expected_->open(number, sealed)) || (old_ && old_->open(number, sealed));
}

/// What comes after the tag was found right and the record is decrypted.
Opener::Opened Opener::take(packet::Packet& packet) noexcept {
    sequence_ = get_u32(packet.bytes(), 0);
    lost_ = 0;
    Opened opened{.verdict = Verdict::opened, .sequence = sequence_, .last = window_.last()};
    const auto judged = window_.accept(sequence_);
    opened.far = window_.far();
    switch (judged) {
        case packet::ReplayWindow::Verdict::fresh:
            break;
        case packet::ReplayWindow::Verdict::fresh_after_loss:
            lost_ = sequence_ - opened.last - 1;
            break;
        case packet::ReplayWindow::Verdict::replayed:
            opened.verdict = Verdict::replayed;
            return opened;
        case packet::ReplayWindow::Verdict::too_far:
            opened.verdict = Verdict::too_far;
            return opened;
    }
    opened.lost = lost_;
    packet.shrink_front(number_bytes);
    opened.type = std::to_integer<std::uint8_t>(packet.bytes().front());
    packet.shrink_front(type_bytes);
    packet.resize(packet.size() - tag_bytes);
    if (opened.type >= handshake_type) opened.verdict = Verdict::not_data;
    return opened;
}

void Opener::use_expected() {
    if (!expected_) return;
    old_ = std::exchange(current_, *std::move(expected_));
    expected_.reset();
}

// --- the control side's half
// ----------------------------------------------------------------------

Session::Session(Parties parties, RandomSource& random) : handshake_(std::move(parties), random) {}

Result<std::vector<Session::Step>> Session::start() { return carry_out(handshake_.start()); }

Result<std::vector<Session::Step>> Session::receive(Bytes datagram) {
    const auto overhead = number_bytes + type_bytes + (opening_ ? tag_bytes : std::size_t{0});
    if (datagram.size() < overhead) return failure(Errc::malformed, "Received short packet");
    const auto number = get_u32(datagram, 0);
    if (!opening_ && number != next_)
        return failure(Errc::refused, fmt::format("Invalid packet seqno: {} != {}", number, next_));
    if (number < next_) return failure(Errc::refused, fmt::format("Packet {} came again", number));
    if (number >= last_sequence)
        return failure(Errc::exhausted, "The numbers of this session are used up");
    std::vector<std::byte> record(datagram.begin() + number_bytes, datagram.end());
    if (opening_) {
        if (!opening_->open(number, record))
            return failure(Errc::forged, "Failed to decrypt and verify packet");
        record.resize(record.size() - tag_bytes);
    }
    if (std::to_integer<std::uint8_t>(record.front()) != handshake_type)
        return failure(Errc::refused, "Application record received where a handshake is expected");
    TINC_TRY(auto steps, handshake_.receive(Bytes(record).subspan(type_bytes)));
    next_ = number + 1;
    return carry_out(std::move(steps));
}

Result<std::vector<Session::Step>> Session::carry_out(std::vector<Handshake::Step> steps) {
    std::vector<Step> out;
    for (auto& step : steps) {
        if (const auto* send = std::get_if<Handshake::Send>(&step)) {
            TINC_TRY(auto datagram, datagram_of(send->message));
            out.emplace_back(std::move(datagram));
        } else if (const auto* with = std::get_if<Handshake::SendWith>(&step)) {
            const bool is_first = !sealing_;
            sealing_.emplace(with->key.bytes());
            marks_.sealing = mark_of(*sealing_);
            next_sealer_.emplace(with->key.bytes(), counter_);
            if (is_first) out.emplace_back(*std::exchange(next_sealer_, std::nullopt));
        } else if (auto* expected = std::get_if<Handshake::ExpectKey>(&step)) {
            expected_.emplace(expected->key.bytes());
            out.emplace_back(std::move(*expected));
        } else if (std::holds_alternative<Handshake::ReceiveWithIt>(step)) {
            opening_ = std::exchange(expected_, std::nullopt);
            if (opening_) marks_.opening = mark_of(*opening_);
            out.emplace_back(ReceiveWithIt{});
            if (next_sealer_) out.emplace_back(*std::exchange(next_sealer_, std::nullopt));
        } else {
            out.emplace_back(Complete{});
        }
    }
    return out;
}

Result<Session::Send> Session::datagram_of(Bytes message) {
    const auto number = counter_->take();
    if (!number) return failure(Errc::exhausted, "The numbers of this session are used up");
    std::vector<std::byte> datagram(number_bytes + type_bytes + message.size() +
                                    (sealing_ ? tag_bytes : std::size_t{0}));
    put_u32(datagram, 0, *number);
    const auto record = MutableBytes(datagram).subspan(number_bytes);
    record.front() = std::byte{handshake_type};
    std::ranges::copy(message, record.subspan(type_bytes).begin());
    if (sealing_) sealing_->seal(*number, record);
    return Send{std::move(datagram)};
}

}  // namespace tinc::sptps
