// config/tables.h: the keys of the configuration file, and the parts they are read into.
//
// What a mailbox and a credential become depends on presets and on the sections `upstream` and `token`, which
// apply to all of them; assemble.h puts the layers on each other.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "config/table.h"
#include "mailramp/config/settings.h"

namespace mailramp::config {

inline constexpr base::Duration day = std::chrono::days(1);
inline constexpr std::uint64_t kib = 1ull << 10, mib = 1ull << 20, gib = 1ull << 30, tib = 1ull << 40;
inline constexpr std::string_view default_name = "default";  // of what the short form makes

// The sections `upstream` and `mailboxes.<name>.upstream`.
struct UpstreamPart {
    upstream::ServerOptions server;
    delivery::MailboxOptions delivery;
};

// The sections `token` and `credentials.<name>.token`.
struct TokenPart {
    oauth::ClientCredentialsOptions client;
    oauth::TokenCacheOptions cache;
};

struct CredentialPart {
    std::string name;
    std::string tenant_id;
    std::string client_id;
    oauth::SecretReference client_secret;
    std::optional<base::WallTime> secret_expires;
    TokenPart token;  // only to see whether the section is right
};

// What a mailbox does with senders that it may not send as.
struct SendersPart {
    enum class Mode { by_provider, keep, collapse, map };
    Mode mode = Mode::by_provider;
    std::vector<std::string> allowed;
    std::vector<route::SenderMapping> map;
};

struct MailboxPart {
    std::string name;
    std::string address;
    std::string auth_user;
    std::vector<std::string> credentials;
    const provider::Preset* preset = provider::find_preset("m365");
    SendersPart senders;
    UpstreamPart upstream;  // only to see whether the section is right
};

// The keys of the top level that describe one mailbox and its credential.
struct ShortForm {
    std::string mailbox;
    std::string auth_user;
    const provider::Preset* preset = provider::find_preset("m365");
    std::string tenant_id;
    std::string client_id;
    oauth::SecretReference client_secret;
    std::optional<base::WallTime> secret_expires;
    SendersPart senders;
};

struct RoutePart {
    std::string name;
    route::Match match;
    std::string mailbox;
    delivery::BounceTarget bounce;
};

struct File {
    ShortForm short_form;
    Settings settings;
    UpstreamPart upstream;
    TokenPart token;
    std::vector<CredentialPart> credentials;
    std::vector<MailboxPart> mailboxes;
    std::vector<RoutePart> routes;
};

[[nodiscard]] Table<inbound::Options> inbound_table();
[[nodiscard]] Table<inbound::ListenerOptions> listener_table();
[[nodiscard]] Table<UpstreamPart> upstream_table();
[[nodiscard]] Table<TokenPart> token_table();
[[nodiscard]] Table<alert::Options> alert_table();
[[nodiscard]] Table<File> file_table();

// The values of a preset, in the form of the two layered sections.
[[nodiscard]] UpstreamPart upstream_defaults(const provider::Preset& preset);
[[nodiscard]] TokenPart token_defaults(const provider::Preset& preset);

}  // namespace mailramp::config
