#include "tinc/base/node_id.hpp"

#include <fmt/format.h>

#include <iterator>

namespace tinc {

std::string NodeId::text() const {
    std::string text;
    for (const auto byte : bytes)
        fmt::format_to(std::back_inserter(text), "{:02x}", std::to_integer<unsigned>(byte));
    return text;
}

}  // namespace tinc
