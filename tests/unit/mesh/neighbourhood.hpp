#pragma once

#include "support/recorded_log.hpp"
#include "support/seeded_random.hpp"
#include "tinc/mesh/mesh.hpp"

#include <fmt/format.h>

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace tinc::mesh {

/// A Mesh called "me" whose neighbours are played by the test. Everything it wants is kept.
class Neighbourhood {
  public:
    explicit Neighbourhood(MeshSettings settings = usual_settings())
        : mesh(std::move(settings), random, log) {
        const std::vector listening = {Endpoint{Address::parse("192.0.2.1").value(), 655}};
        mesh.start(listening, now);
        collect();
    }

    static MeshSettings usual_settings() {
        MeshSettings settings;
        settings.name = "me";
        settings.suite.cipher = crypto::cipher_by_name("aes-256-cbc").value();
        settings.suite.digest = crypto::digest_by_name("sha256").value();
        settings.options = 0xc;
        settings.subnets = {wire::parse_subnet("10.0.0.1").value()};
        return settings;
    }

    /// An authenticated connection that has not said anything yet.
    PeerId connect(const std::string& name, std::uint32_t options = 0xc) {
        const PeerId peer{++last_peer_};
        const auto done = mesh.activated(
            {.peer = peer,
             .name = name,
             .label = name + " (192.0.2.9 port 4000)",
             .address = {Address::parse(fmt::format("192.0.2.{}", 100 + last_peer_)).value(), 655},
             .options = options,
             .weight = 10,
             .pmtu = std::nullopt},
            now);
        TINC_ASSERT(done.has_value());
        settle();
        return peer;
    }
    /// A neighbour both ends agree on: reachable.
    PeerId join(const std::string& name) {
        const auto peer = connect(name);
        hear(peer, fmt::format("12 {:x} {} me 192.0.2.1 655 c 10", ++nonce_, name));
        return peer;
    }
    /// A node behind a neighbour, reachable.
    void join_behind(PeerId peer, const std::string& neighbour, const std::string& name) {
        hear(peer, fmt::format("12 {:x} {} {} 198.51.100.7 655 c 10", ++nonce_, neighbour, name));
        hear(peer, fmt::format("12 {:x} {} {} 198.51.100.8 655 c 10", ++nonce_, name, neighbour));
    }

    /// A line as a connection brings it, and the end of the turn.
    Result<void> say(PeerId peer, std::string_view line) {
        auto heard = mesh.receive(peer, wire::request_of(line).value(), line, now);
        settle();
        return heard;
    }
    void hear(PeerId peer, std::string_view line) { TINC_ASSERT(say(peer, line).has_value()); }
    std::string nonce() { return fmt::format("{:x}", ++nonce_); }

    /// Ends the turn, as often as recomputing may be put off.
    void settle() {
        mesh.settle(now);
        now += Mesh::recompute_pause;
        mesh.settle(now);
        collect();
    }
    /// Virtual time passes, with every deadline in it.
    void pass(Duration time) {
        const auto end = now + time;
        while (mesh.deadline() <= end) {
            now = std::max(now, mesh.deadline());
            mesh.on_time(now);
            mesh.settle(now);
            collect();
        }
        now = end;
    }
    void collect() {
        for (auto& effect : mesh.take_effects()) effects.push_back(std::move(effect));
    }

    void forget_effects() {
        collect();
        effects.clear();
    }
    [[nodiscard]] std::vector<std::string> lines_to(PeerId peer) const {
        std::vector<std::string> lines;
        for (const auto& effect : effects)
            if (const auto* line = std::get_if<SendLine>(&effect); line && line->peer == peer)
                lines.push_back(line->line);
        return lines;
    }
    /// Lines to a connection without their nonce, which is chance.
    [[nodiscard]] std::vector<std::string> news_to(PeerId peer) const {
        auto lines = lines_to(peer);
        for (auto& line : lines) {
            const auto space = line.find(' ');
            line.erase(space, line.find(' ', space + 1) - space);
        }
        return lines;
    }
    [[nodiscard]] std::size_t count_lines(PeerId peer, std::string_view start) const {
        std::size_t count = 0;
        for (const auto& line : lines_to(peer)) count += line.starts_with(start) ? 1U : 0U;
        return count;
    }
    template <class Kind>
    [[nodiscard]] std::vector<const Kind*> all() const {
        std::vector<const Kind*> found;
        for (const auto& effect : effects)
            if (const auto* kind = std::get_if<Kind>(&effect)) found.push_back(kind);
        return found;
    }
    [[nodiscard]] std::vector<std::string> scripts() const {
        std::vector<std::string> names;
        for (const auto* script : all<CallScript>()) names.push_back(script->script);
        return names;
    }
    [[nodiscard]] NodeIndex node(std::string_view name) const {
        return mesh.graph().find(name).value();
    }
    [[nodiscard]] bool is_reachable(std::string_view name) const {
        const auto found = mesh.graph().find(name);
        return found && mesh.graph().path(*found).reachable;
    }

    Time now{};
    test::SeededRandom random{1};
    test::RecordedLog log;
    Mesh mesh;
    std::vector<Effect> effects;

  private:
    std::uint64_t last_peer_ = 0;
    std::uint32_t nonce_ = 0x1000;
};

}  // namespace tinc::mesh
