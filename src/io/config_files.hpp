#pragma once

// The files of a configuration folder: tinc.conf, conf.d/*.conf, hosts/NAME, the private
// keys.

#include "tinc/base/error.hpp"
#include "tinc/base/log.hpp"
#include "tinc/config/parser.hpp"
#include "tinc/config/settings.hpp"
#include "tinc/crypto/own_keys.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace tinc::io {

/// Where the configuration is.
struct ConfigPlace {
    std::string base;  ///< absolute; empty after chroot
    std::vector<config::CommandLineOption> options;

    /// A path below the folder.
    [[nodiscard]] std::string path(std::string_view name) const;
    /// What the configuration calls `name`: below the folder unless it is absolute.
    [[nodiscard]] std::string resolve(const std::string& name) const;
};

/// Reads tinc.conf and conf.d. Fails, in two lines as tinc words it, if tinc.conf cannot be read;
/// files of conf.d that cannot be read are left out.
[[nodiscard]] Result<config::Sources> read_sources(const ConfigPlace& place);

/// What there is to say, and the settings or all that is wrong with them, a line each.
struct LoadedSettings {
    std::vector<std::string> warnings;
    Result<config::Settings> settings;
};

/// read_sources() and config::read_settings(), and with StrictSubnets all host files.
[[nodiscard]] LoadedSettings load_settings(const ConfigPlace& place);

/// The same for a reload of `running`, with the host files that it needs. What could be read before
/// and cannot now is an error. Touches nothing but files: may run on any thread.
[[nodiscard]] LoadedSettings reload_settings(const ConfigPlace& place,
                                             const config::Settings& running);

/// The names of all host files, own one included, and at most limits::nodes.
[[nodiscard]] std::vector<std::string> host_file_names(const ConfigPlace& place);

/// Those of them whose file, or whose -o, gives an Address.
[[nodiscard]] std::vector<std::string> names_with_address(const ConfigPlace& place);

/// The subnets of all other nodes, as StrictSubnets has them.
[[nodiscard]] config::HostSubnets read_all_host_subnets(const ConfigPlace& place,
                                                        const std::string& own_name,
                                                        config::Report& report);

/// hosts/NAME, of at most limits::config_file_bytes.
[[nodiscard]] Result<config::SourceFile> read_host_file(const ConfigPlace& place,
                                                        const std::string& name);

/// Our private keys. Warns when others may read their files, and says what will fail when the
/// public key in our host file belongs to another one. ExperimentalProtocol decides whether there
/// must, may or shall not be an Ed25519 key; with one, the RSA key may be missing.
[[nodiscard]] Result<crypto::OwnKeys> load_own_keys(const ConfigPlace& place,
                                                    const config::Settings& settings,
                                                    std::string_view netname, LogSink& log);

}  // namespace tinc::io
