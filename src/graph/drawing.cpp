#include "tinc/graph/drawing.hpp"

#include <fmt/format.h>

#include <iterator>

namespace tinc::graph {

std::string drawing(const Graph& graph) {
    std::string text = "digraph {\n";
    auto out = std::back_inserter(text);
    for (const auto node : graph.nodes())
        fmt::format_to(out, "\t\"{0}\" [label = \"{0}\"];\n", graph.name(node));
    for (const auto* edge : graph.edges_by_weight())
        fmt::format_to(out, "\t\"{}\" -> \"{}\";\n", graph.name(edge->from), graph.name(edge->to));
    text += "}\n";
    return text;
}

}  // namespace tinc::graph
