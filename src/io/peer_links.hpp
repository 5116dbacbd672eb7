#pragma once

#include "io/peer_link.hpp"
#include "io/proxy_commands.hpp"
#include "io/tarpit.hpp"
#include "tinc/config/settings.hpp"
#include "tinc/node/effect.hpp"

#include <memory>
#include <unordered_map>
#include <utility>
#include <vector>

namespace tinc::io {

/// All meta connections by the Node's name for them.
class PeerLinks {
  public:
    /// `world` and `settings` outlive this object.
    PeerLinks(LinkWorld world, const config::Settings& settings)
        : world_(world), settings_(settings), commands_(world.loop, world.log) {}

    /// Outgoing connections come from the one of these that has their family, if there is just
    /// one.
    void set_local_addresses(std::vector<Endpoint> local) { local_ = std::move(local); }

    /// What each command of `Proxy = exec` finds beside its own variables.
    void set_command_environment(Environment common) { commands_.set_common(std::move(common)); }

    /// Asks the Node whether it wants the connection; keeps or closes it.
    void accept(Descriptor socket, const Endpoint& remote);
    void open(const node::Open& wanted);
    void open(const node::OpenCommand& wanted);
    void wake(PeerId id);
    void close(const node::Close& wanted);
    /// Closes whatever is left, the tarpit included.
    void close_all();

  private:
    [[nodiscard]] std::shared_ptr<PeerLink> add(PeerId id);
    void forget(PeerId id);
    [[nodiscard]] Result<Descriptor> outgoing_socket(const Endpoint& remote) const;

    LinkWorld world_;
    const config::Settings& settings_;
    std::vector<Endpoint> local_;
    ProxyCommands commands_;
    std::unordered_map<PeerId, std::shared_ptr<PeerLink>> links_;
    Tarpit tarpit_;
};

}  // namespace tinc::io
