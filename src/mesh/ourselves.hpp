#pragma once

// Private to the room.

#include "tinc/graph/graph.hpp"

namespace tinc::mesh {

inline constexpr auto self = graph::Graph::self;

}  // namespace tinc::mesh
