#pragma once

// PEM blocks in a text that holds other things as well, as host files do.

#include "tinc/base/error.hpp"
#include "tinc/crypto/secret.hpp"

#include <array>
#include <string>
#include <string_view>

namespace tinc::crypto {

struct PemBlock {
    std::string label;  ///< "RSA PUBLIC KEY"
    Secret der;
};

/// The first block whose label is one of `labels`; `what` ("RSA public key") and `source` are for
/// the messages. Errc::refused if there is none, Errc::malformed if it cannot be decoded or is
/// encrypted.
[[nodiscard]] Result<PemBlock> first_pem_block(std::string_view text, std::string_view source,
                                               std::string_view what,
                                               const std::array<std::string_view, 2>& labels);

}  // namespace tinc::crypto
