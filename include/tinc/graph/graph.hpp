#pragma once

// What the mesh knows: who there is, who is connected with whom, who answers for which subnet.
// A Graph is plain data with two algorithms over it; it neither talks nor keeps time.
//
// Nodes live in slots that are reused after a node was forgotten. Every list that other nodes must
// agree on (spanning tree) or that people read (dumps) has tinc's order.

#include "tinc/base/endpoint.hpp"
#include "tinc/base/error.hpp"
#include "tinc/base/ids.hpp"
#include "tinc/graph/forwarding_table.hpp"
#include "tinc/wire/messages.hpp"
#include "tinc/wire/subnet.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace tinc::graph {

/// One direction of a meta connection, as its `from` announced it.
struct Edge {
    NodeIndex from{};
    NodeIndex to{};
    wire::EdgeAddress address;  ///< where `from` reaches `to`
    std::uint32_t options = 0;
    std::int32_t weight = 0;
    std::optional<wire::EdgeAddress> local_address = std::nullopt;  ///< where `from` itself is
    friend bool operator==(const Edge&, const Edge&) = default;
};

/// How a node is reached, as the last recompute() found it.
struct Path {
    bool reachable = false;
    bool indirect = true;       ///< some edge on the way forbids direct UDP
    NodeIndex nexthop{};        ///< the neighbour of ours that leads there
    NodeIndex via{};            ///< the last node on the way that may be sent UDP; self: none
    std::uint32_t options = 0;  ///< of the last edge
    std::uint32_t hops = 0;     ///< edges on the way
    std::int64_t weight = 0;    ///< of all of them
    std::optional<NodeIndex> previous;          ///< the node before it on the way
    std::optional<Endpoint> announced_address;  ///< the first numeric one an edge on the way gave
    friend bool operator==(const Path&, const Path&) = default;
};

struct OwnedSubnet {
    wire::Subnet subnet;
    NodeIndex owner{};
    friend bool operator==(const OwnedSubnet&, const OwnedSubnet&) = default;
};

struct ReachabilityChange {
    NodeIndex node{};
    bool reachable = false;
    friend bool operator==(const ReachabilityChange&, const ReachabilityChange&) = default;
};

class Graph {
  public:
    static constexpr NodeIndex self{0};

    /// A graph of one node: ourselves, reachable.
    explicit Graph(std::string own_name);
    Graph(const Graph&) = delete;  // its indexes point into itself
    Graph& operator=(const Graph&) = delete;
    Graph(Graph&&) = default;
    Graph& operator=(Graph&&) = default;
    ~Graph() = default;

    // --- nodes ---------------------------------------------------------------------------------
    /// The node of that name, made if unknown. Errc::exhausted at limits::nodes.
    [[nodiscard]] Result<NodeIndex> add_node(std::string_view name);
    [[nodiscard]] std::optional<NodeIndex> find(std::string_view name) const;
    [[nodiscard]] const std::string& name(NodeIndex node) const;
    [[nodiscard]] bool exists(NodeIndex node) const;
    /// Forgets a node with its subnets and the edges from and to it. Not self. Its slot goes to
    /// the next new node. Until the next recompute() other paths may still lead through the slot,
    /// though no forwarding_table() does.
    void remove_node(NodeIndex node);
    /// All nodes in name order, self included.
    [[nodiscard]] std::vector<NodeIndex> nodes() const;
    [[nodiscard]] std::size_t node_count() const;

    // --- edges ---------------------------------------------------------------------------------
    [[nodiscard]] const Edge* find_edge(NodeIndex from, NodeIndex to) const;
    /// Adds or replaces. Errc::exhausted at limits::edges. Both nodes exist and differ.
    [[nodiscard]] Result<void> set_edge(Edge edge);
    /// False if there was none.
    bool remove_edge(NodeIndex from, NodeIndex to);
    /// In order of the destination's name. Valid until the next change.
    [[nodiscard]] std::vector<const Edge*> edges_from(NodeIndex from) const;
    [[nodiscard]] bool has_edge_to(NodeIndex to) const;
    /// All edges by weight, then names: the order of the spanning tree and of dumps.
    [[nodiscard]] std::vector<const Edge*> edges_by_weight() const;
    [[nodiscard]] std::size_t edge_count() const;

    // --- subnets -------------------------------------------------------------------------------
    /// False if it was known. Errc::exhausted at limits::subnets.
    [[nodiscard]] Result<bool> add_subnet(NodeIndex owner, const wire::Subnet& subnet);
    /// False if it was not known.
    bool remove_subnet(NodeIndex owner, const wire::Subnet& subnet);
    [[nodiscard]] bool has_subnet(NodeIndex owner, const wire::Subnet& subnet) const;
    [[nodiscard]] const std::set<wire::Subnet>& subnets_of(NodeIndex owner) const;
    /// All, in tinc's list order with the owner's name last.
    [[nodiscard]] std::vector<OwnedSubnet> subnets() const;
    [[nodiscard]] std::size_t subnet_count() const;
    /// Addresses that are for everybody, unless a node has a smaller subnet around them. They are
    /// our own business: not among the subnets above.
    void set_broadcast_subnets(std::vector<wire::Subnet> subnets);

    // --- algorithms ----------------------------------------------------------------------------
    /// Whether nodes or edges changed since the last recompute(). Subnets need none.
    [[nodiscard]] bool is_dirty() const;
    /// Another number after every change of nodes or edges.
    [[nodiscard]] std::uint64_t topology_version() const { return topology_version_; }
    /// Finds all paths and the spanning tree anew. Returns whose reachability changed, in name
    /// order; a node that was removed meanwhile is not mentioned. O((V + E) log (V + E)).
    std::vector<ReachabilityChange> recompute();
    [[nodiscard]] const Path& path(NodeIndex node) const;
    /// Our neighbours in the minimum spanning tree, which carries broadcasts. In name order.
    [[nodiscard]] const std::vector<NodeIndex>& tree_neighbours() const;
    /// What the data plane needs of the last recompute() and the present subnets. The same object
    /// as before if nothing changed.
    [[nodiscard]] std::shared_ptr<const ForwardingTable> forwarding_table() const;

  private:
    struct EdgeRecord {
        Edge edge;
        bool has_reverse = false;  ///< only such edges carry anything
    };
    struct Node {
        const std::string* name = nullptr;             ///< in names_; none: a free slot
        std::map<std::string_view, EdgeRecord> edges;  ///< by the name of the destination
        std::set<NodeIndex> edges_from;                ///< who has an edge to this node
        std::set<wire::Subnet> subnets;
        Path path;
    };
    /// A subnet in the order of the whole mesh.
    struct ListedSubnet {
        wire::Subnet subnet;
        std::string_view owner_name;
        NodeIndex owner{};
        bool operator<(const ListedSubnet& other) const;
    };

    [[nodiscard]] Node& node_at(NodeIndex node);
    [[nodiscard]] const Node& node_at(NodeIndex node) const;
    [[nodiscard]] NodeIndex free_slot();
    [[nodiscard]] const EdgeRecord* find_record(NodeIndex from, NodeIndex to) const;
    void mark_reverse(NodeIndex from, NodeIndex to, bool has_reverse);
    [[nodiscard]] std::vector<const EdgeRecord*> records_by_weight() const;
    [[nodiscard]] std::vector<Path> shortest_paths() const;
    [[nodiscard]] std::vector<NodeIndex> spanning_tree_neighbours() const;
    [[nodiscard]] ForwardingTable make_forwarding_table() const;
    void topology_changed();

    std::map<std::string, NodeIndex, std::less<>> names_;
    std::vector<Node> nodes_;
    std::vector<NodeIndex> free_slots_;
    std::set<ListedSubnet> listed_subnets_;
    std::vector<wire::Subnet> broadcast_subnets_;
    std::vector<NodeIndex> tree_neighbours_;
    std::size_t edge_count_ = 0;
    bool dirty_ = false;
    std::uint64_t topology_version_ = 0;
    mutable std::shared_ptr<const ForwardingTable> table_;  ///< none: something changed
};

}  // namespace tinc::graph
