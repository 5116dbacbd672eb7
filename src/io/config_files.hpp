#pragma once

// The files of a configuration folder: tinc.conf, conf.d/*.conf, hosts/NAME, rsa_key.priv.

#include "tinc/base/error.hpp"
#include "tinc/base/log.hpp"
#include "tinc/config/parser.hpp"
#include "tinc/config/settings.hpp"
#include "tinc/crypto/rsa.hpp"

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

/// read_sources() and config::read_settings(), with all that is to be said in the log.
[[nodiscard]] Result<config::Settings> load_settings(const ConfigPlace& place, LogSink& log);

/// hosts/NAME, of at most limits::config_file_bytes.
[[nodiscard]] Result<config::SourceFile> read_host_file(const ConfigPlace& place,
                                                        const std::string& name);

/// Our private key. Warns when others may read the file, and says what will fail when the public
/// key in our host file belongs to another one.
[[nodiscard]] Result<crypto::RsaPrivateKey> load_private_key(const ConfigPlace& place,
                                                             const config::Settings& settings,
                                                             std::string_view netname,
                                                             LogSink& log);

}  // namespace tinc::io
