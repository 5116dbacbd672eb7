#pragma once

#include "tinc/graph/graph.hpp"

#include <fmt/format.h>

#include <initializer_list>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

namespace tinc::graph {

/// One line of a drawing: edges both ways with the same weight and options, or one arrow.
struct Line {
    enum class Kind { both_ways, arrow };

    std::string from;
    std::string to;
    std::int32_t weight = 1;
    std::uint32_t options = 0;
    Kind kind = Kind::both_ways;
};

inline Line arrow(std::string from, std::string to, std::int32_t weight = 1,
                  std::uint32_t options = 0) {
    return {std::move(from), std::move(to), weight, options, Line::Kind::arrow};
}

inline Line indirect(std::string from, std::string to) {
    return {std::move(from), std::move(to), 1, wire::option::indirect, Line::Kind::both_ways};
}

/// A graph seen from "me", built from the lines of a drawing and recomputed.
class DrawnMesh {
  public:
    DrawnMesh() = default;
    DrawnMesh(std::initializer_list<Line> lines) : DrawnMesh(std::vector(lines)) {}
    explicit DrawnMesh(const std::vector<Line>& lines) {
        for (const auto& line : lines) draw(line);
        graph.recompute();
    }

    void draw(const Line& line) {
        set_edge(line.from, line.to, line);
        if (line.kind == Line::Kind::both_ways) set_edge(line.to, line.from, line);
    }

    /// The node of that name, made if unknown.
    NodeIndex operator[](std::string_view name) { return graph.add_node(name).value(); }

    const Path& path(std::string_view name) { return graph.path(graph.find(name).value()); }

    /// An arrow with an address.
    void announce(std::string_view from, std::string_view to, wire::EdgeAddress address) {
        graph.set_edge({.from = (*this)[from], .to = (*this)[to], .address = std::move(address)})
            .value();
    }

    void add_subnet(std::string_view owner, std::string_view subnet) {
        std::ignore = graph.add_subnet((*this)[owner], wire::parse_subnet(subnet).value()).value();
    }

    /// Names with blanks between them.
    template <class Nodes>
    std::string names(const Nodes& nodes) const {
        std::vector<std::string> texts;
        for (const auto node : nodes) texts.push_back(graph.name(node));
        return fmt::format("{}", fmt::join(texts, " "));
    }

    Graph graph{"me"};

  private:
    void set_edge(const std::string& from, const std::string& to, const Line& line) {
        graph
            .set_edge({.from = (*this)[from],
                       .to = (*this)[to],
                       .address = {},
                       .options = line.options,
                       .weight = line.weight})
            .value();
    }
};

}  // namespace tinc::graph
