#pragma once

// One Node, with the world around it in the test's hand: host files are answered from a table,
// other effects are kept to be looked at, and members are Peers at the far end of a connection.

#include "support/configured.hpp"
#include "support/peer_pair.hpp"
#include "tinc/mesh/mesh.hpp"
#include "tinc/node/node.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tinc::test {

inline wire::Subnet subnet(std::string_view text) { return wire::parse_subnet(text).value(); }

inline Endpoint endpoint(std::string_view address, std::uint16_t port) {
    return {Address::parse(address).value(), port};
}

/// The far end of one meta connection.
struct Member {
    Member(std::string name, std::uint64_t seed) : end(std::move(name), seed) {}

    /// The lines the Node said since it was connected.
    [[nodiscard]] std::vector<std::string> heard() const {
        std::vector<std::string> lines;
        for (const auto& request : end.all<peer::RequestArrived>()) lines.push_back(request.line);
        return lines;
    }

    PeerEnd end;
    PeerId id{};
    bool has_given_up = false;  ///< it did not like what the Node said
};

class NodeWorld {
  public:
    static config::Settings default_settings() { return settings_of("Subnet = 192.168.77.1/32"); }

    explicit NodeWorld(config::Settings settings = default_settings(),
                       Level log_level = Level::traffic, std::uint16_t port = 655,
                       crypto::OwnKeys keys = {small_key(), nullptr})
        : log(log_level) {
        for (const auto* name : {"beta", "gamma", "delta"}) hosts[name] = host_with_key();
        node = node::Node::create(std::move(settings), std::move(keys),
                                  {"Linux tun/tap device (tun mode)", "/dev/net/tun"}, random, log)
                   .value();
        node->device_opened(now);
        const std::array listening = {endpoint("0.0.0.0", port)};
        node->start(listening, now);
        settle();
    }

    /// What floor 5 does after each event, as far as this world has a floor 5.
    void settle() {
        for (auto wanted = node->take_effects(); !wanted.empty(); wanted = node->take_effects()) {
            for (auto& effect : wanted) {
                if (const auto* load = std::get_if<node::LoadHost>(&effect); load && answers_hosts)
                    node->host_loaded(load->query, host_file(load->name), now);
                effects.push_back(std::move(effect));
            }
        }
        node->outbox().clear();
    }

    PeerId connect(const Endpoint& remote) {
        const auto id = node->accepted(remote, 8, now);
        settle();
        return id.value_or(PeerId{0});
    }

    void say(PeerId peer, std::string_view text) {
        node->receive(peer, as_bytes(text), now);
        settle();
    }

    /// What the Node has for a connection. Nobody reads it.
    std::string answer(PeerId peer) {
        std::string text;
        for (auto bytes = node->take_outgoing(peer); !bytes.empty();
             bytes = node->take_outgoing(peer))
            text += as_text(bytes);
        return text;
    }

    void pass_time(Duration time) {
        now += time;
        node->on_time(now);
        settle();
    }

    /// Long enough for the mesh to find its paths anew.
    void rest() { pass_time(mesh::Mesh::recompute_pause); }

    // --- members -------------------------------------------------------------------------------
    std::unique_ptr<Member> arrive(const std::string& name, const Endpoint& remote) {
        auto member = std::make_unique<Member>(name, ++seeds_);
        member->id = connect(remote);
        member->end.host.weight = 3;
        member->end.peer.emplace(
            peer::Peer::outgoing(member->end.settings, endpoint("10.99.1.1", 655), "alpha",
                                 member->end.host, member->end.random, member->end.log, now));
        member->end.peer->connected();
        return member;
    }

    /// As far as `active`.
    std::unique_ptr<Member> join(const std::string& name, const Endpoint& remote) {
        auto member = arrive(name, remote);
        talk(*member);
        return member;
    }

    /// Back and forth until both are silent.
    void talk(Member& member) {
        for (bool has_spoken = true; has_spoken && !is_closed(member.id);) {
            const auto said = member.end.peer->take_outgoing(now);
            member.end.peer->written(said.size(), now);
            if (!said.empty()) node->receive(member.id, said, now);
            settle();
            has_spoken = hear(member) || !said.empty();
        }
    }

    void tell(Member& member, std::string_view line) {
        member.has_given_up |=
            !member.end.peer->send_line(line, peer::Peer::Telling::silent).has_value();
        talk(member);
    }

    /// Member reads what there is for it.
    bool hear(Member& member) {
        const auto bytes = node->take_outgoing(member.id);
        if (bytes.empty()) return false;
        node->written(member.id, bytes.size(), now);
        if (!member.end.peer->receive(bytes, now)) member.has_given_up = true;
        while (auto event = member.end.peer->next_event())
            member.end.events.push_back(*std::move(event));
        return true;
    }

    // --- what came of it -----------------------------------------------------------------------
    template <class Kind>
    [[nodiscard]] std::vector<Kind> all() const {
        std::vector<Kind> found;
        for (const auto& effect : effects)
            if (const auto* kind = std::get_if<Kind>(&effect)) found.push_back(*kind);
        return found;
    }

    [[nodiscard]] std::optional<node::Close::How> closing_of(PeerId peer) const {
        for (const auto& close : all<node::Close>())
            if (close.peer == peer) return close.how;
        return std::nullopt;
    }
    [[nodiscard]] bool is_closed(PeerId peer) const { return closing_of(peer).has_value(); }

    [[nodiscard]] bool reaches(std::string_view name) const {
        const auto names = node->reachable_nodes();
        return std::ranges::find(names, name) != names.end();
    }

    [[nodiscard]] Result<config::HostSettings> host_file(const std::string& name) const {
        const auto found = hosts.find(name);
        if (found == hosts.end()) return failure(Errc::system, "No such file or directory");
        return found->second;
    }

    Time now{std::chrono::hours(1)};
    SeededRandom random{99};
    RecordedLog log;
    std::map<std::string, config::HostSettings> hosts;
    bool answers_hosts = true;
    std::unique_ptr<node::Node> node;
    std::vector<node::Effect> effects;  ///< all of them, in order

  private:
    std::uint64_t seeds_ = 0;
};

}  // namespace tinc::test
