#pragma once

// Bytes as the libraries of C take them. Private to the room.

#include "tinc/base/bytes.hpp"

namespace tinc::crypto {

[[nodiscard]] inline const unsigned char* data_of(Bytes bytes) {
    return reinterpret_cast<const unsigned char*>(bytes.data());
}

[[nodiscard]] inline unsigned char* data_of(MutableBytes bytes) {
    return reinterpret_cast<unsigned char*>(bytes.data());
}

}  // namespace tinc::crypto
