// What a host file says about another node.

#include "tinc/base/text.hpp"
#include "tinc/config/parser.hpp"
#include "tinc/config/value_reader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace tinc::config {

namespace {

using KeyFileReader = std::function<Result<std::string>(const std::string& path)>;

Result<std::string> key_file_of(const Assignment& given, const KeyFileReader& key_file) {
    if (!key_file) return failure(Errc::refused, given.variable + " cannot be read here");
    auto text = key_file(given.value);
    if (!text) text.error().what += " (" + place_of(given) + ")";
    return text;
}

/// PublicKey, else PublicKeyFile, else the PEM block of the host file itself. What is given but
/// wrong is an error, not a reason to look further.
Result<crypto::RsaPublicKey> public_key_of(const std::string& name, const ValueReader& reader,
                                           const Result<SourceFile>& host_file,
                                           const KeyFileReader& key_file) {
    if (const auto* given = reader.find("PublicKey"))
        return crypto::RsaPublicKey::from_hex_modulus(given->value, place_of(*given));
    std::string text;
    std::string source;
    if (const auto* given = reader.find("PublicKeyFile")) {
        TINC_TRY(text, key_file_of(*given, key_file));
        source = shown(given->value);
    } else if (host_file) {
        text = host_file->text;
        source = host_file->path;
    }
    auto key = crypto::RsaPublicKey::from_pem(text, source);
    if (!key && key.error().code == Errc::refused)
        return failure(Errc::refused,
                       fmt::format("No public key for {} specified!{}", name,
                                   source.empty() ? "" : " (" + key.error().what + ")"));
    return key;
}

/// Ed25519PublicKey, else the block of Ed25519PublicKeyFile, else that of the host file itself.
Result<std::optional<crypto::Ed25519PublicKey>> ed25519_key_of(const ValueReader& reader,
                                                               const Result<SourceFile>& host_file,
                                                               const KeyFileReader& key_file) {
    if (const auto* given = reader.find("Ed25519PublicKey")) {
        auto key = crypto::Ed25519PublicKey::parse(given->value);
        if (!key)
            return failure(key.error().code,
                           fmt::format("{}: {}", place_of(*given), key.error().what));
        return *key;
    }
    if (const auto* given = reader.find("Ed25519PublicKeyFile")) {
        TINC_TRY(const auto text, key_file_of(*given, key_file));
        return crypto::find_public_key(text, shown(given->value));
    }
    if (!host_file) return std::nullopt;
    return crypto::find_public_key(host_file->text, host_file->path);
}

void read_options(ValueReader& reader, HostSettings& settings) {
    settings.addresses = reader.host_ports("Address");
    settings.port = reader.port();
    settings.tcp_only = reader.yes_or_no("TCPOnly");
    settings.indirect_data = reader.yes_or_no("IndirectData") || settings.tcp_only;
    settings.clamp_mss = reader.given_yes_or_no("ClampMSS");
    if (const auto pmtu = reader.given_integer("PMTU"))
        settings.pmtu =
            static_cast<std::uint16_t>(std::min(*pmtu, reader.fallback_integer("PMTU")));
    if (const auto weight = reader.given_integer("Weight"))
        settings.weight = static_cast<std::int32_t>(*weight);
    settings.subnets = reader.subnets("Subnet");
}

}  // namespace

std::vector<wire::Subnet> read_host_subnets(const std::string& name,
                                            const Result<SourceFile>& host_file,
                                            const std::vector<CommandLineOption>& options,
                                            Report& report) {
    const auto refuse = [&](const std::string& reason) {
        add_message(report.warnings,
                    fmt::format("{}: {} has no subnets until that is put right", reason, name));
        return std::vector<wire::Subnet>();
    };
    if (!host_file) return refuse(host_file.error().what);
    auto parsed = parse_file(host_file->text, host_file->path);
    if (parsed.error) return refuse(parsed.error->what);
    for (const auto& given : options)
        if (given.host == name) parsed.assignments.push_back(given.assignment);

    Report faults;
    ValueReader reader(std::move(parsed.assignments), ValueReader::Whose::peers, faults);
    auto subnets = reader.subnets("Subnet");
    if (!faults.warnings.empty()) return refuse(faults.warnings.front());
    return subnets;
}

bool has_address(const std::string& name, const Result<SourceFile>& host_file,
                 const std::vector<CommandLineOption>& options) {
    const auto is_address = [](const Assignment& given) {
        return equal_ignoring_case(given.variable, "Address");
    };
    const bool is_in_file =
        host_file &&
        std::ranges::any_of(parse_file(host_file->text, host_file->path).assignments, is_address);
    return is_in_file || std::ranges::any_of(options, [&](const CommandLineOption& given) {
               return given.host == name && is_address(given.assignment);
           });
}

HostSettings read_host_settings(const std::string& name, const Result<SourceFile>& host_file,
                                const std::vector<CommandLineOption>& options,
                                const KeyFileReader& key_file, Report& report) {
    std::vector<Assignment> assignments;
    for (const auto& given : options)
        if (given.host == name) assignments.push_back(given.assignment);
    if (host_file) {
        std::ranges::move(assignments_of(*host_file, OnFault::warning, report),
                          std::back_inserter(assignments));
    } else {
        report.warnings.push_back(host_file.error().what);
    }

    HostSettings settings;
    ValueReader reader(std::move(assignments), ValueReader::Whose::peers, report);
    reader.check_names();
    reader.check_scope();
    read_options(reader, settings);
    settings.public_key = public_key_of(name, reader, host_file, key_file);
    settings.ed25519_key = ed25519_key_of(reader, host_file, key_file);
    return settings;
}

}  // namespace tinc::config
