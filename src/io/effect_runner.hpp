#pragma once

#include "io/address_cache.hpp"
#include "io/asio.hpp"
#include "io/data_path.hpp"
#include "io/host_files.hpp"
#include "io/packet_sender.hpp"
#include "io/peer_links.hpp"
#include "io/resolver.hpp"
#include "io/scripts.hpp"
#include "io/tun_queue.hpp"
#include "io/turn.hpp"
#include "io/udp_port.hpp"
#include "io/workers.hpp"
#include "tinc/base/time.hpp"
#include "tinc/node/effect.hpp"
#include "tinc/node/node.hpp"

#include <limits>
#include <memory>
#include <span>
#include <vector>

namespace tinc::io {

/// Carries out what the Node wants: the end of every turn. Brings it packets, too, unless
/// others have the data plane.
class EffectRunner final : public Turn, public DataPath {
  public:
    /// Those who do the work; set before the first turn, null while there is none.
    struct Hands {
        PeerLinks* links = nullptr;
        Resolver* resolver = nullptr;
        HostFiles* host_files = nullptr;
        AddressCache* addresses = nullptr;
        ScriptQueue* scripts = nullptr;
        TunQueue* device = nullptr;
        std::vector<std::unique_ptr<UdpPort>>* ports = nullptr;
        Workers* planes = nullptr;  ///< if they have the data plane
    };

    EffectRunner(asio::io_context& loop, node::Node& node, LogSink& log);

    void employ(const Hands& hands);
    void finish() override;

    [[nodiscard]] std::size_t room() const override {
        return std::numeric_limits<std::size_t>::max();
    }
    void from_device(packet::Batch& frames) override;
    void from_network(packet::Batch& datagrams, std::span<const Endpoint> sources,
                      SocketIndex socket) override;
    void forget_packets() override { node_.outbox().clear(); }

  private:
    /// Turns of effects that cause effects at once, before the loop gets its turn.
    static constexpr int most_rounds = 1'000;

    void carry_out_effects();
    void send_packets();
    void arm_timer();

    void operator()(const node::Wake& effect);
    void operator()(const node::Open& effect);
    void operator()(const node::OpenCommand& effect);
    void operator()(const node::Close& effect);
    void operator()(const node::Resolve& effect);
    void operator()(const node::LoadHost& effect);
    void operator()(const node::ScanHosts& effect);
    void operator()(const node::RecallAddresses& effect);
    void operator()(const node::RememberAddress& effect);
    void operator()(const node::SaveKey& effect);
    void operator()(const node::RunScript& effect);

    node::Node& node_;
    LogSink& log_;
    Hands hands_;
    PacketSender sender_;
    asio::steady_timer timer_;
    Time armed_for_ = never;
    bool is_running_ = false;
    bool is_wanted_again_ = false;
    std::vector<plane::Sending> too_big_;
};

}  // namespace tinc::io
