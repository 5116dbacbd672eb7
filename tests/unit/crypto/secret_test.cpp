#include "tinc/crypto/secret.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <type_traits>
#include <utility>

namespace tinc::crypto {
namespace {

static_assert(!std::is_copy_constructible_v<Secret> && !std::is_copy_assignable_v<Secret>);

TEST(SecretTest, StartsAsZeros) {
    const Secret secret(3);
    EXPECT_TRUE(std::ranges::equal(secret.bytes(), std::array<std::byte, 3>{}));
}

TEST(SecretTest, LeavesNothingBehindWhenMoved) {
    Secret a = Secret::copy_of(as_bytes("key"));
    Secret b = std::move(a);
    EXPECT_EQ(a.size(), 0U);  // NOLINT(bugprone-use-after-move): that is the claim
    EXPECT_EQ(as_text(b.bytes()), "key");
    Secret c = Secret::copy_of(as_bytes("older"));
    c = std::move(b);
    EXPECT_EQ(b.size(), 0U);  // NOLINT(bugprone-use-after-move)
    EXPECT_EQ(as_text(c.bytes()), "key");
}

TEST(SecretTest, ClonesOnPurpose) {
    const Secret a = Secret::copy_of(as_bytes("key"));
    EXPECT_EQ(as_text(a.clone().bytes()), "key");
    EXPECT_EQ(as_text(a.bytes()), "key");
}

TEST(WipeTest, OverwritesMemory) {
    std::array<std::byte, 4> bytes{std::byte{1}, std::byte{2}, std::byte{3}, std::byte{4}};
    wipe(bytes);
    EXPECT_TRUE(std::ranges::equal(bytes, std::array<std::byte, 4>{}));
}

TEST(WipeTest, OverwritesWhatATextHeldEarlier) {
    std::string text(100, 'k');
    const char* memory = text.data();
    text.resize(50);
    wipe(text);
    EXPECT_TRUE(text.empty());
    text.resize(100, '.');  // the memory is the same, and its second half is the string's again
    ASSERT_EQ(text.data(), memory);
    EXPECT_EQ(text.find('k'), std::string::npos);
}

TEST(ConstantTimeTest, ComparesAllBytesAndTheSize) {
    EXPECT_TRUE(equal_in_constant_time(as_bytes("same"), as_bytes("same")));
    EXPECT_FALSE(equal_in_constant_time(as_bytes("same"), as_bytes("samf")));
    EXPECT_FALSE(equal_in_constant_time(as_bytes("same"), as_bytes("Same")));
    EXPECT_FALSE(equal_in_constant_time(as_bytes("same"), as_bytes("sam")));
    EXPECT_TRUE(equal_in_constant_time({}, {}));
}

}  // namespace
}  // namespace tinc::crypto
