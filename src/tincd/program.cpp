#include "tincd/program.hpp"

#include "io/config_files.hpp"
#include "io/daemon.hpp"
#include "io/log.hpp"
#include "io/signals.hpp"
#include "io/system_random.hpp"
#include "tinc/config/parser.hpp"
#include "tinc/crypto/weakness.hpp"
#include "tincd/activation.hpp"
#include "tincd/daemonise.hpp"
#include "tincd/key_generation.hpp"
#include "tincd/options.hpp"
#include "tincd/pid_file.hpp"
#include "tincd/privileges.hpp"

#include <fmt/format.h>
#include <sys/stat.h>

#include <cstdio>
#include <exception>
#include <filesystem>
#include <memory>
#include <optional>
#include <system_error>
#include <utility>

namespace tinc::tincd {

namespace {

int complain(const Error& error) {
    fmt::print(stderr, "{}\n", error.what);
    return 1;
}

std::string current_folder() {
    std::error_code ec;
    const auto path = std::filesystem::current_path(ec);
    return ec || path == "/" ? std::string() : path.string();
}

int generate(const Options& options, const std::string& folder) {
    ::umask(077);
    const io::ConfigPlace place{options.config_dir, options.settings};
    io::SystemRandom random;
    const auto done = generate_keys(place, options.key_bits, ask_on_terminal(folder), random);
    return done ? 0 : complain(done.error());
}

/// What the caller learns before a detaching start lets it go: as in 1.0.36, whether tinc.conf can
/// be read, and no more.
Result<void> check_tinc_conf(const io::ConfigPlace& place) {
    TINC_TRY(const auto sources, io::read_sources(place));
    const auto file = config::parse_file(sources.tinc_conf.text, sources.tinc_conf.path);
    if (file.error) return std::unexpected(*file.error);
    return {};
}

Result<std::unique_ptr<io::LogTarget>> log_target(const Options& options) {
    if (options.log_file) return io::file_target(*options.log_file, options.ident());
    if (options.detaches) return io::syslog_target(options.ident());
    return io::standard_error_target();
}

/// The last of the start: priority, root folder, user.
Result<std::string> settle(const Options& options, const config::Settings& settings) {
    TINC_CHECK(set_priority(settings.process_priority));
    std::optional<User> user;
    if (!options.user.empty()) {
        TINC_TRY(user, find_user(options.user));
    }
    auto base = options.config_dir;
    if (options.changes_root) {
        static_cast<void>(
            crypto::has_legacy_provider());  // loads it, while its file is within reach
        TINC_CHECK(change_root(base));
        base.clear();
    }
    if (user) TINC_CHECK(become(*user));
    return base;
}

/// All after the command line, up to the end of the daemon.
Result<int> start(const Options& options, std::vector<io::Descriptor> sockets) {
    io::ConfigPlace place{options.config_dir, options.settings};
    TINC_CHECK(check_tinc_conf(place));
    TINC_TRY(auto pid_file, PidFile::acquire(options.pid_file, options.netname));
    auto target = log_target(options);
    const auto detached = target && options.detaches ? daemonise() : Result<void>();
    if (!target || !detached) {
        pid_file.remove();
        return std::unexpected(target ? detached.error() : target.error());
    }

    io::Log log(options.debug_level, *std::move(target));
    const auto end = [&](const Error& error) {
        log.print(Level::always, Severity::error, "{}", error.what);
        pid_file.remove();
        return 1;
    };
    forbid_core_files();
    io::hold_signals();
    if (const auto written = pid_file.write_own_pid(); !written) return end(written.error());
    log.print(Level::always, Severity::notice, "tincd {} starting, debug level {}", version(),
              options.debug_level);
    if (options.locks_memory) {
        if (const auto locked = lock_memory(); !locked) return end(locked.error());
    }

    io::SystemRandom random;
    io::DaemonPlan plan;
    plan.place = std::move(place);
    plan.netname = options.netname;
    plan.handed_over = std::move(sockets);
    plan.bypass_security = options.bypasses_security;
    plan.debug_level = options.debug_level;
    plan.settle = [&options](const config::Settings& settings) {
        return settle(options, settings);
    };
    try {
        const int exit_code = io::Daemon(std::move(plan), random, log).run();
        pid_file.remove();
        return exit_code;
    } catch (const std::exception& problem) {
        return end({Errc::system, problem.what()});
    }
}

}  // namespace

int run_program(const std::vector<std::string>& arguments) {
    ensure_standard_streams();
    const auto folder = current_folder();
    auto options = parse_options(arguments, folder);
    if (!options) return complain(options.error());
    switch (options->action) {
        case Action::show_help:
            fmt::print("{}", help_text(options->program));
            return 0;
        case Action::show_version:
            fmt::print("{}", version_text());
            return 0;
        case Action::kill:
            return signal_daemon(options->pid_file, options->netname, options->kill_signal);
        case Action::generate_keys:
            return generate(*options, folder);
        case Action::run:
            break;
    }
    if (options->overrides_netname_dir) {
        fmt::print(stderr, "Both netname and configuration directory given, using the latter...\n");
    }
    auto activation = take_activation(options->detaches ? Ground::back : Ground::fore);
    if (activation.is_meant) options->detaches = false;
    const auto exit_code = start(*options, std::move(activation.sockets));
    return exit_code ? *exit_code : complain(exit_code.error());
}

}  // namespace tinc::tincd
