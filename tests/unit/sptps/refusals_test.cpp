// What an attacker can try on a session: each is tried on a stream and on datagrams, with the same
// words. Who attacks can hold back records, change them, tell them twice or to somebody else; one
// even is a member with a good key.

#include "ends.hpp"
#include "tinc/sptps/stream.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <type_traits>

namespace tinc::sptps {
namespace {

using Unit = std::vector<std::byte>;  // a record or a datagram

constexpr std::size_t tag_bytes = crypto::ChaChaPoly1305::tag_bytes;
constexpr std::string_view some_text = "some text";

/// Points whose multiples are few, so that they make a secret that everybody knows.
constexpr std::string_view low_order_points[] = {
    "0100000000000000000000000000000000000000000000000000000000000000",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "0000000000000000000000000000000000000000000000000000000000000000",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
};

void append(Unit& out, Bytes bytes) { out.insert(out.end(), bytes.begin(), bytes.end()); }

// --- streams
// --------------------------------------------------------------------------------------

Unit stream_record(std::uint8_t type, Bytes data) {
    Unit record(2);
    put_u16(record, 0, static_cast<std::uint16_t>(data.size()));
    record.push_back(std::byte{type});
    append(record, data);
    return record;
}

/// One end of a connection.
class StreamEnd {
  public:
    StreamEnd(Parties given, std::uint64_t seed)
        : random_(seed), stream_(std::move(given), random_) {}

    /// Says its KEX, which a stream has ready from the beginning.
    void start() { take_outgoing(); }
    Result<void> hear(const Unit& record) {
        TINC_TRY(const auto received, stream_.receive(record));
        if (received.taken != record.size()) return failure(Errc::malformed, "not a whole record");
        if (received.kind == Stream::Kind::complete) ++completed;
        take_outgoing();
        return {};
    }
    Result<void> open(const Unit& record) { return hear(record); }
    Unit seal() {
        Unit record;
        EXPECT_TRUE(stream_.send(0, as_bytes(some_text), record));
        return record;
    }

    std::deque<Unit> outgoing;
    int completed = 0;

  private:
    /// One by one. The first two of each end, KEX and SIG, are in clear.
    void take_outgoing() {
        const auto bytes = stream_.take_outgoing();
        for (Bytes rest = bytes; !rest.empty(); rest = rest.subspan(outgoing.back().size())) {
            const auto size = 3 + get_u16(rest, 0) + (++records_ > 2 ? tag_bytes : 0U);
            outgoing.emplace_back(rest.begin(), rest.begin() + static_cast<std::ptrdiff_t>(size));
        }
    }

    test::SeededRandom random_;
    Stream stream_;
    int records_ = 0;
};

/// The other end of one that begins re-keys, as the protocol permits and Stream never does.
class RekeyingStreamEnd {
  public:
    RekeyingStreamEnd(Parties given, std::uint64_t seed)
        : random_(seed), handshake_(std::move(given), random_) {}

    void start() { carry_out(handshake_.start()); }
    Result<void> hear(const Unit& record) {
        TINC_TRY(const auto message, opened(record));
        TINC_TRY(auto steps, handshake_.receive(message));
        carry_out(std::move(steps));
        return {};
    }
    Result<void> open(const Unit& record) {
        TINC_CHECK(opened(record));
        return {};
    }
    Unit seal() { return sealed(0, as_bytes(some_text)); }

    std::deque<Unit> outgoing;
    int completed = 0;

  private:
    void carry_out(std::vector<Handshake::Step> steps) {
        for (const auto& step : steps) {
            if (const auto* send = std::get_if<Handshake::Send>(&step))
                outgoing.push_back(sealed(handshake_type, send->message));
            else if (const auto* with = std::get_if<Handshake::SendWith>(&step))
                sealing_.emplace(with->key.bytes());
            else if (const auto* expected = std::get_if<Handshake::ExpectKey>(&step))
                expected_.emplace(expected->key.bytes());
            else if (std::holds_alternative<Handshake::ReceiveWithIt>(step))
                opening_ = std::exchange(expected_, std::nullopt);
            else
                ++completed;
        }
    }
    Unit sealed(std::uint8_t type, Bytes data) {
        auto record = stream_record(type, data);
        if (sealing_) {
            record.resize(record.size() + tag_bytes);
            sealing_->seal(sent_, MutableBytes(record).subspan(2));
        }
        ++sent_;
        return record;
    }
    Result<Unit> opened(const Unit& record) {
        Unit bytes(record.begin() + 2, record.end());
        if (opening_) {
            if (!opening_->open(received_, bytes)) return failure(Errc::forged, "bad tag");
            bytes.resize(bytes.size() - tag_bytes);
        }
        ++received_;
        return Unit(bytes.begin() + 1, bytes.end());
    }

    test::SeededRandom random_;
    Handshake handshake_;
    std::optional<crypto::ChaChaPoly1305> sealing_;
    std::optional<crypto::ChaChaPoly1305> opening_;
    std::optional<crypto::ChaChaPoly1305> expected_;
    std::uint32_t sent_ = 0;
    std::uint32_t received_ = 0;
};

struct StreamForm {
    using End = StreamEnd;
    using RekeyingEnd = RekeyingStreamEnd;
    static constexpr std::size_t header_bytes = 3;

    static Unit in_clear(std::uint32_t /*number*/, std::uint8_t type, Bytes data) {
        return stream_record(type, data);
    }
    /// Loses its last bytes, and says so in its head.
    static Unit shortened(Unit record, std::size_t bytes) {
        record.resize(record.size() - bytes);
        put_u16(record, 0, static_cast<std::uint16_t>(get_u16(record, 0) - bytes));
        return record;
    }
    /// What comes behind one that was left out.
    static Unit after_a_gap(End& from) {
        static_cast<void>(from.seal());
        return from.seal();
    }
};

// --- datagrams
// ------------------------------------------------------------------------------------

/// With the verdict on packets as a Result.
class PacketEnd : public DatagramEnd {
  public:
    using DatagramEnd::DatagramEnd;
    Result<void> open(const Unit& datagram) {
        if (DatagramEnd::open(datagram) == Opener::Verdict::opened) return {};
        return failure(Errc::forged, "not opened");
    }
};

struct DatagramForm {
    using End = PacketEnd;
    using RekeyingEnd = PacketEnd;
    static constexpr std::size_t header_bytes = 5;

    static Unit in_clear(std::uint32_t number, std::uint8_t type, Bytes data) {
        Unit datagram(4);
        put_u32(datagram, 0, number);
        datagram.push_back(std::byte{type});
        append(datagram, data);
        return datagram;
    }
    static Unit shortened(Unit datagram, std::size_t bytes) {
        datagram.resize(datagram.size() - bytes);
        return datagram;
    }
    /// Some may be lost, but not as many as the whole window of 16 bytes holds.
    static Unit after_a_gap(End& from) {
        for (int i = 0; i < 16 * 8; ++i) static_cast<void>(from.seal());
        return from.seal();
    }
};

// --- what is tried
// --------------------------------------------------------------------------------

template <class Form>
class Refusal : public testing::Test {
  protected:
    using End = typename Form::End;

    /// The first message of one for the other.
    template <class From, class To>
    static Result<void> carry(From& from, To& to) {
        const auto unit = from.outgoing.front();
        from.outgoing.pop_front();
        return to.hear(unit);
    }
    /// Both have said their KEX, and heard the other's: the initiator's SIG is next.
    template <class Initiator, class Responder>
    static void exchange_kex(Initiator& initiator, Responder& responder) {
        initiator.start();
        responder.start();
        ASSERT_TRUE(carry(initiator, responder));
        ASSERT_TRUE(carry(responder, initiator));
    }
    template <class Initiator, class Responder>
    static void meet(Initiator& initiator, Responder& responder) {
        exchange_kex(initiator, responder);
        ASSERT_TRUE(carry(initiator, responder));
        ASSERT_TRUE(carry(responder, initiator));
        ASSERT_TRUE(initiator.completed == 1 && responder.completed == 1);
    }
    /// The signature of the initiator is refused, and answered with nothing.
    static void expect_forged_sig(End& initiator, End& responder) {
        exchange_kex(initiator, responder);
        const auto heard = carry(initiator, responder);
        ASSERT_FALSE(heard);
        EXPECT_EQ(heard.error().code, Errc::forged);
        expect_nothing_came_of_it(responder);
    }
    static void expect_nothing_came_of_it(const End& end) {
        EXPECT_EQ(end.completed, 0);
        EXPECT_TRUE(end.outgoing.empty());
    }

    End a{parties(Role::initiator), 11};
    End b{parties(Role::responder), 12};
};

struct FormName {
    template <class Form>
    static std::string GetName(int /*index*/) {
        return std::is_same_v<Form, StreamForm> ? "InAStream" : "InDatagrams";
    }
};
using Forms = testing::Types<StreamForm, DatagramForm>;
TYPED_TEST_SUITE(Refusal, Forms, FormName);

TYPED_TEST(Refusal, OfAWrongKey) {
    typename TypeParam::End stranger(parties(Role::initiator, 3), 13);
    this->expect_forged_sig(stranger, this->b);

    typename TypeParam::End impostor(parties(Role::responder, 1, 3), 14);
    this->exchange_kex(this->a, impostor);
    ASSERT_TRUE(this->carry(this->a, impostor));
    const auto heard = this->carry(impostor, this->a);
    ASSERT_FALSE(heard);
    EXPECT_EQ(heard.error().code, Errc::forged);
    this->expect_nothing_came_of_it(this->a);
}

TYPED_TEST(Refusal, OfAWrongLabel) {
    for (const auto& label : {meta_label("a", "c"), meta_label("b", "a"), node_label("a", "b"),
                              std::string("tinc TCP key expansion a b"), std::string()}) {
        typename TypeParam::End caller(parties(Role::initiator, 1, 2, label), 13);
        typename TypeParam::End called(parties(Role::responder, 1, 2, meta_label("a", "b")), 14);
        this->expect_forged_sig(caller, called);
    }
}

TYPED_TEST(Refusal, OfSwappedRoles) {
    // With the key of the one called, but in the role of the one who calls.
    auto swapped = parties(Role::responder);
    swapped.role = Role::initiator;
    typename TypeParam::End caller(swapped, 13);
    this->exchange_kex(this->a, caller);
    ASSERT_FALSE(this->a.outgoing.empty() || caller.outgoing.empty()) << "both sign";
    EXPECT_EQ(this->carry(this->a, caller).error().code, Errc::forged);
    EXPECT_EQ(this->carry(caller, this->a).error().code, Errc::forged);
    this->expect_nothing_came_of_it(this->a);
    this->expect_nothing_came_of_it(caller);

    swapped = parties(Role::initiator);
    swapped.role = Role::responder;
    typename TypeParam::End called(swapped, 14);
    this->exchange_kex(called, this->b);
    this->expect_nothing_came_of_it(called);  // Each waits for the other's signature.
    this->expect_nothing_came_of_it(this->b);
}

TYPED_TEST(Refusal, OfAReflectedKex) {
    for (auto* end : {&this->a, &this->b}) {
        end->start();
        const auto heard = this->carry(*end, *end);
        ASSERT_FALSE(heard);
        EXPECT_EQ(heard.error().what, "Received our own KEX record");
        this->expect_nothing_came_of_it(*end);
    }
}

TYPED_TEST(Refusal, OfAReplayedSig) {
    this->a.start();
    const auto kex = this->a.outgoing.front();
    this->exchange_kex(this->a, this->b);
    const auto sig = this->a.outgoing.front();
    ASSERT_TRUE(this->carry(this->a, this->b));

    typename TypeParam::End b_again(parties(Role::responder), 13);
    b_again.start();
    b_again.outgoing.clear();
    ASSERT_TRUE(b_again.hear(kex));
    const auto heard = b_again.hear(sig);
    ASSERT_FALSE(heard) << "it was made for another exchange";
    EXPECT_EQ(heard.error().code, Errc::forged);
    this->expect_nothing_came_of_it(b_again);
}

/// A member with a good key, whose KEX holds any point it likes.
struct EvilMember {
    Parties parties;
    Unit kex;

    EvilMember(Parties given, std::string_view point) : parties(std::move(given)), kex(33) {
        append(kex, parse_hex(point).value());
    }
    [[nodiscard]] crypto::Ed25519Signature sign(Bytes peer_kex) const {
        Unit text{parties.role == Role::initiator ? std::byte{1} : std::byte{0}};
        append(text, kex);
        append(text, peer_kex);
        append(text, as_bytes(parties.label));
        return parties.own_key->sign(text);
    }
};

TYPED_TEST(Refusal, OfAPointOfLowOrder) {
    for (const auto point : low_order_points) {
        for (const auto role : {Role::initiator, Role::responder}) {
            typename TypeParam::End end(parties(role), 13);
            const EvilMember evil(
                parties(role == Role::initiator ? Role::responder : Role::initiator), point);
            end.start();
            const auto own_kex = Bytes(end.outgoing.front()).subspan(TypeParam::header_bytes);
            const auto sig = evil.sign(own_kex);
            ASSERT_TRUE(end.hear(TypeParam::in_clear(0, handshake_type, evil.kex)));
            const auto heard = end.hear(TypeParam::in_clear(1, handshake_type, sig));
            ASSERT_FALSE(heard) << point;
            EXPECT_EQ(heard.error().what.find("verify SIG"), std::string::npos)
                << "the signature is right";
            EXPECT_EQ(end.completed, 0);
        }
    }
}

TYPED_TEST(Refusal, OfASecondKex) {
    typename TypeParam::End again(parties(Role::initiator), 13);
    typename TypeParam::End b_too(parties(Role::responder), 12);
    again.start();
    this->a.start();
    for (auto* end : {&this->b, &b_too}) {
        end->start();
        end->outgoing.clear();
        ASSERT_TRUE(end->hear(this->a.outgoing.front()));
    }
    auto other = again.outgoing.front();
    EXPECT_FALSE(this->b.hear(this->a.outgoing.front())) << "the same";
    EXPECT_FALSE(b_too.hear(
        TypeParam::in_clear(1, handshake_type, Bytes(other).subspan(TypeParam::header_bytes))))
        << "another, with the right number";
    this->expect_nothing_came_of_it(this->b);
    this->expect_nothing_came_of_it(b_too);
}

TYPED_TEST(Refusal, OfEarlyData) {
    typename TypeParam::End b_too(parties(Role::responder), 12);
    this->b.start();
    EXPECT_FALSE(this->b.hear(TypeParam::in_clear(0, 0, as_bytes(some_text)))) << "in place of KEX";
    this->a.start();
    b_too.start();
    ASSERT_TRUE(b_too.hear(this->a.outgoing.front()));
    EXPECT_FALSE(b_too.hear(TypeParam::in_clear(1, 0, as_bytes(some_text)))) << "in place of SIG";
    EXPECT_EQ(b_too.completed, 0);
}

TYPED_TEST(Refusal, OfWhatIsTruncated) {
    this->a.start();
    const auto kex = this->a.outgoing.front();
    for (const auto bytes : {std::size_t{1}, std::size_t{32}, std::size_t{65}}) {
        typename TypeParam::End end(parties(Role::responder), 12);
        end.start();
        EXPECT_FALSE(end.hear(TypeParam::shortened(kex, bytes))) << "KEX without " << bytes;
    }
    this->exchange_kex(this->a, this->b);
    {
        typename TypeParam::End end(parties(Role::responder), 12);
        end.start();
        ASSERT_TRUE(end.hear(kex));
        EXPECT_FALSE(end.hear(TypeParam::shortened(this->a.outgoing.front(), 1))) << "SIG";
        EXPECT_EQ(end.completed, 0);
    }
    ASSERT_TRUE(this->carry(this->a, this->b));
    ASSERT_TRUE(this->carry(this->b, this->a));
    const auto said = this->a.seal();
    for (std::size_t bytes = 1; bytes <= some_text.size(); ++bytes)
        EXPECT_FALSE(this->b.open(TypeParam::shortened(said, bytes))) << bytes;
    EXPECT_TRUE(this->b.open(said));
}

TYPED_TEST(Refusal, OfASkippedNumber) {
    this->exchange_kex(this->a, this->b);
    typename TypeParam::End b_too(parties(Role::responder), 12);
    b_too.start();
    EXPECT_FALSE(b_too.hear(this->a.outgoing.front())) << "SIG, and KEX was left out";
    EXPECT_EQ(b_too.completed, 0);
    ASSERT_TRUE(this->carry(this->a, this->b));
    ASSERT_TRUE(this->carry(this->b, this->a));
    EXPECT_FALSE(this->b.open(TypeParam::after_a_gap(this->a)));
}

TYPED_TEST(Refusal, OfAFlippedTag) {
    this->meet(this->a, this->b);
    const auto said = this->a.seal();
    for (std::size_t bit = (said.size() - tag_bytes) * 8; bit < said.size() * 8; ++bit) {
        auto forged = said;
        forged[bit / 8] ^= std::byte{1} << (bit % 8);
        EXPECT_FALSE(this->b.open(forged)) << bit;
    }
    EXPECT_TRUE(this->b.open(said)) << "what was refused has changed nothing";
}

TYPED_TEST(Refusal, OfARekeyInClearWhileThatOfThePeerGoesOnUnderData) {
    typename TypeParam::RekeyingEnd caller(parties(Role::initiator), 11);
    caller.start();
    const auto old_kex = caller.outgoing.front();
    this->meet(caller, this->b);
    for (int rekeys = 0; rekeys < 3; ++rekeys) {
        // Whoever is in between begins one of its own, with what it has recorded or made up.
        auto in_clear =
            TypeParam::in_clear(2, handshake_type, Bytes(old_kex).subspan(TypeParam::header_bytes));
        in_clear.resize(in_clear.size() + tag_bytes);
        EXPECT_FALSE(this->b.hear(in_clear));

        caller.start();
        while (!caller.outgoing.empty() || !this->b.outgoing.empty()) {
            if (!caller.outgoing.empty()) {
                ASSERT_TRUE(this->carry(caller, this->b));
            }
            if (caller.outgoing.empty()) {
                EXPECT_TRUE(this->b.open(caller.seal()));
            }
            if (!this->b.outgoing.empty()) {
                ASSERT_TRUE(this->carry(this->b, caller));
            }
            if (this->b.outgoing.empty()) {
                EXPECT_TRUE(caller.open(this->b.seal()));
            }
        }
        EXPECT_EQ(caller.completed, 2 + rekeys);
        EXPECT_EQ(this->b.completed, 2 + rekeys);
    }
}

}  // namespace
}  // namespace tinc::sptps
