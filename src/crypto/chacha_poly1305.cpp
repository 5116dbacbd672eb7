#include "tinc/crypto/chacha_poly1305.hpp"

#include "chacha_lanes.hpp"
#include "data_of.hpp"
#include "in_batches.hpp"
#include "packet_lanes.hpp"

#include "tinc/base/error.hpp"

#include <sodium.h>

#include <algorithm>
#include <array>

namespace tinc::crypto {

namespace {

static_assert(ChaChaPoly1305::key_bytes == crypto_stream_chacha20_KEYBYTES);
static_assert(ChaChaPoly1305::tag_bytes == crypto_onetimeauth_poly1305_BYTES);

constexpr std::uint32_t key_block = 0;  ///< of the key stream: the key of the tag
constexpr std::uint32_t first_text_block = 1;

/// So many records are worked on at a time: one block of each fills the lanes.
constexpr std::size_t batch = ChaChaLanes::most_lanes;

using Record = ChaChaPoly1305::Record;

template <class Bytes>
Bytes text_of(Bytes record) {
    return record.first(record.size() - ChaChaPoly1305::tag_bytes);
}
template <class Bytes>
Bytes tag_of(Bytes record) {
    return record.last(ChaChaPoly1305::tag_bytes);
}

/// The tags of up to `most` texts.
template <std::size_t most>
class Tags {
  public:
    explicit Tags(ChaChaLanes& stream) : stream_(stream) {}

    void add(std::uint64_t sequence, Bytes text) {
        auto& one = tags_[count_++];
        one.text = text;
        stream_.apply(sequence, key_block, one.key.bytes);
    }
    /// Also finishes whatever else the stream has to do, as encrypting the texts.
    void compute(PacketLanes* lanes) {
        stream_.finish();
        const auto all = std::span(tags_).first(count_);
        if (lanes != nullptr) return lanes->poly1305(all);
        for (auto& one : all)
            crypto_onetimeauth_poly1305(data_of(MutableBytes(one.tag)), data_of(one.text),
                                        one.text.size(), data_of(Bytes(one.key.bytes)));
    }
    [[nodiscard]] Bytes operator[](std::size_t i) const { return tags_[i].tag; }

  private:
    ChaChaLanes& stream_;
    std::array<OneTimeTag, most> tags_;
    std::size_t count_ = 0;
};

/// Up to `most` records.
template <std::size_t most>
void seal_some(Bytes key, std::span<const Record> records, PacketLanes* lanes) {
    ChaChaLanes stream(key);
    Tags<most> tags(stream);
    for (const auto& record : records) {
        stream.apply(record.sequence, first_text_block, text_of(record.bytes));
        tags.add(record.sequence, text_of(record.bytes));
    }
    tags.compute(lanes);
    for (std::size_t i = 0; i < records.size(); ++i)
        std::ranges::copy(tags[i], tag_of(records[i].bytes).begin());
}

template <std::size_t most>
void open_some(Bytes key, std::span<Record> records, PacketLanes* lanes) {
    ChaChaLanes stream(key);
    Tags<most> tags(stream);
    for (auto& record : records) {
        record.is_right = record.bytes.size() >= ChaChaPoly1305::tag_bytes;
        if (record.is_right) tags.add(record.sequence, text_of(record.bytes));
    }
    tags.compute(lanes);
    std::size_t next = 0;
    for (auto& record : records) {
        if (!record.is_right) continue;
        record.is_right = equal_in_constant_time(tags[next++], tag_of(Bytes(record.bytes)));
        if (record.is_right) stream.apply(record.sequence, first_text_block, text_of(record.bytes));
    }
    stream.finish();
}

}  // namespace

ChaChaPoly1305::ChaChaPoly1305(Bytes key) : key_(Secret::copy_of(key.first(key_bytes))) {
    // Chooses the forms that are the fastest on this processor.
    static const int started = sodium_init();
    TINC_ASSERT(started >= 0);
}

void ChaChaPoly1305::seal(std::uint64_t sequence, MutableBytes bytes) const noexcept {
    TINC_ASSERT(bytes.size() >= tag_bytes);
    const std::array record{Record{.sequence = sequence, .bytes = bytes}};
    seal_some<1>(key_.bytes(), record, nullptr);
}

bool ChaChaPoly1305::verify(std::uint64_t sequence, Bytes bytes) const noexcept {
    if (bytes.size() < tag_bytes) return false;
    ChaChaLanes stream(key_.bytes());
    Tags<1> tags(stream);
    tags.add(sequence, text_of(bytes));
    tags.compute(nullptr);
    return equal_in_constant_time(tags[0], tag_of(bytes));
}

bool ChaChaPoly1305::open(std::uint64_t sequence, MutableBytes bytes) const noexcept {
    std::array record{Record{.sequence = sequence, .bytes = bytes}};
    open_some<1>(key_.bytes(), record, nullptr);
    return record.front().is_right;
}

void ChaChaPoly1305::seal(std::span<const Record> records, PacketEngine& engine) const noexcept {
    in_batches(records, batch, [&](auto some) {
        for (const auto& record : some) TINC_ASSERT(record.bytes.size() >= tag_bytes);
        seal_some<batch>(key_.bytes(), some, engine.lanes());
    });
}

void ChaChaPoly1305::open(std::span<Record> records, PacketEngine& engine) const noexcept {
    in_batches(records, batch,
               [&](auto some) { open_some<batch>(key_.bytes(), some, engine.lanes()); });
}

}  // namespace tinc::crypto
