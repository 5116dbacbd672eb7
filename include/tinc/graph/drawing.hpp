#pragma once

#include "tinc/graph/graph.hpp"

#include <string>

namespace tinc::graph {

/// The mesh in the language of graphviz, byte for byte as 1.0.36 draws it: nodes by name, then
/// edges by weight, each in both directions.
///
///     digraph {
///     	"alpha" [label = "alpha"];
///     	"alpha" -> "beta";
///     }
///
/// Source: legacy protocol 4, GraphDumpFile.
[[nodiscard]] std::string drawing(const Graph& graph);

}  // namespace tinc::graph
