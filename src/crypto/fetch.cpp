#include "fetch.hpp"

#include "tinc/crypto/weakness.hpp"

#include <fmt/format.h>
#include <openssl/core_names.h>
#include <openssl/objects.h>
#include <openssl/provider.h>

#include <memory>

namespace tinc::crypto {

namespace {

using LibraryContext = std::unique_ptr<OSSL_LIB_CTX, FreedBy<OSSL_LIB_CTX_free>>;
using Provider = std::unique_ptr<OSSL_PROVIDER, FreedBy<OSSL_PROVIDER_unload>>;

/// A library context with the legacy provider; with the default one, too, for HMAC.
class LegacyLibrary {
  public:
    LegacyLibrary() : context_(OSSL_LIB_CTX_new()) {
        const CleanErrors clean;
        if (!context_) return;
        legacy_.reset(OSSL_PROVIDER_load(context_.get(), "legacy"));
        default_.reset(OSSL_PROVIDER_load(context_.get(), "default"));
    }
    /// Null if there is no such provider.
    [[nodiscard]] OSSL_LIB_CTX* context() const {
        return legacy_ && default_ ? context_.get() : nullptr;
    }

  private:
    LibraryContext context_;  // Goes last: it does not unload what was loaded into it.
    Provider legacy_;
    Provider default_;
};

/// Made once and never changed. What it holds outlives all that was fetched from it.
const LegacyLibrary& legacy_library() {
    static const LegacyLibrary library;
    return library;
}

std::unexpected<Error> not_available(std::string_view name) {
    const auto* reason = has_legacy_provider() ? "OpenSSL cannot run {}"
                                               : "{} needs OpenSSL's legacy provider, which cannot "
                                                 "be loaded";
    return failure(Errc::refused, fmt::format(fmt::runtime(reason), name));
}

/// Asks the default provider, then the legacy one.
template <class Handle, auto Fetch>
Handle fetch(int nid) {
    const CleanErrors clean;
    const char* name = OBJ_nid2sn(nid);
    Handle found(Fetch(nullptr, name, nullptr));
    if (!found && has_legacy_provider())
        found.reset(Fetch(legacy_library().context(), name, nullptr));
    return found;
}

}  // namespace

bool has_legacy_provider() { return legacy_library().context() != nullptr; }

Result<CipherHandle> fetch_cipher(const CipherSpec& spec) {
    auto cipher = fetch<CipherHandle, EVP_CIPHER_fetch>(spec.nid);
    if (!cipher) return not_available(spec.name);
    return cipher;
}

Result<DigestHandle> fetch_digest(const DigestSpec& spec) {
    auto digest = fetch<DigestHandle, EVP_MD_fetch>(spec.nid);
    if (!digest) return not_available(spec.name);
    return digest;
}

Result<MacContext> fetch_hmac(const DigestSpec& spec) {
    const CleanErrors clean;
    const char* name = OBJ_nid2sn(spec.nid);
    const DigestHandle by_default(EVP_MD_fetch(nullptr, name, nullptr));
    if (!by_default && !has_legacy_provider()) return not_available(spec.name);
    auto* library = by_default ? nullptr : legacy_library().context();
    const MacHandle mac(EVP_MAC_fetch(library, OSSL_MAC_NAME_HMAC, nullptr));
    MacContext context(mac ? EVP_MAC_CTX_new(mac.get()) : nullptr);
    if (!context) return not_available(spec.name);
    return context;
}

}  // namespace tinc::crypto
