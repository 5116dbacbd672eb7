#pragma once

#include "tinc/base/bytes.hpp"
#include "tinc/base/error.hpp"

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace tinc::crypto {

/// A digest as the legacy protocol names it: by OpenSSL's number, 0 for none.
struct DigestSpec {
    int nid = 0;
    std::size_t bytes = 0;
    std::string name = "none";

    [[nodiscard]] bool is_none() const { return nid == 0; }
    friend bool operator==(const DigestSpec&, const DigestSpec&) = default;
};

/// Errc::refused if OpenSSL knows no such digest.
[[nodiscard]] Result<DigestSpec> digest_by_nid(int nid);
[[nodiscard]] Result<DigestSpec> digest_by_name(std::string_view name);

/// A plain hash. Errc::refused for none and for what OpenSSL cannot run.
[[nodiscard]] Result<std::vector<std::byte>> hash(const DigestSpec& spec, Bytes data);

/// A keyed hash set up once and used for many packets: the key is not hashed again for each.
class Hmac {
  public:
    [[nodiscard]] static Result<Hmac> create(const DigestSpec& spec, Bytes key);
    Hmac(Hmac&&) noexcept;
    Hmac& operator=(Hmac&&) noexcept;
    ~Hmac();

    /// Writes the first `out.size()` bytes of the MAC; that is at most the digest's size.
    void sign(Bytes data, MutableBytes out) noexcept;
    /// Whether `mac` is the beginning of the MAC of `data`; in constant time. False if it is longer
    /// than the digest.
    [[nodiscard]] bool verify(Bytes data, Bytes mac) noexcept;

  private:
    struct State;
    explicit Hmac(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace tinc::crypto
