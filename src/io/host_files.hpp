#pragma once

#include "io/background.hpp"
#include "io/config_files.hpp"
#include "tinc/base/error.hpp"
#include "tinc/base/log.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace tinc::io {

/// What other nodes' host files say, read on a thread of its own: names that take long to resolve
/// must not keep peers waiting whose file lies on the disk.
class HostFiles {
  public:
    /// `place` and `log` outlive this object.
    HostFiles(asio::io_context& loop, const ConfigPlace& place, LogSink& log);

    /// Fails if there is no such file. Faults inside it are written to the log, again only after
    /// the file was changed.
    void load(const std::string& name,
              const std::function<void(Result<config::HostSettings>)>& done);

    /// The names of those with an Address, in their files or by -o.
    void scan(const std::function<void(std::vector<std::string>)>& done);

    /// Writes the Ed25519 key of a node behind what its host file says. A file that is not there is
    /// made; one that could not be written is told in the log.
    void append_key(const std::string& name, const crypto::Ed25519PublicKey& key);

    /// Names whose file came, went or was written since the last call or the construction; what
    /// load() has read meanwhile counts from then.
    [[nodiscard]] std::vector<std::string> changed();

  private:
    /// Nanoseconds since the epoch of a file's last change.
    using Stamps = std::map<std::string, std::int64_t>;
    [[nodiscard]] Stamps look() const;
    [[nodiscard]] bool is_news(const std::string& name, std::int64_t stamp);

    Background background_;
    const ConfigPlace& place_;
    LogSink& log_;
    Stamps seen_;
    Stamps told_;  ///< of which the faults were written to the log
};

}  // namespace tinc::io
