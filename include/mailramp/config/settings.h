// mailramp/config/settings.h: everything that the configuration says, checked, in the areas' own words.
//
// Move-only, since it may hold secrets. Presets are applied: what stands here is what counts.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "mailramp/admin/options.h"
#include "mailramp/alert/options.h"
#include "mailramp/base/clock.h"
#include "mailramp/base/log.h"
#include "mailramp/delivery/options.h"
#include "mailramp/inbound/options.h"
#include "mailramp/oauth/client_credentials_source.h"
#include "mailramp/oauth/token_cache.h"
#include "mailramp/provider/preset.h"
#include "mailramp/queue/sqlite_store.h"
#include "mailramp/route/recipients.h"
#include "mailramp/route/router.h"
#include "mailramp/upstream/options.h"

namespace mailramp::config {

// How a token is had. It belongs to an application in a tenant, and serves every mailbox that names it.
struct CredentialSettings {
    std::string name;
    oauth::ClientCredentialsOptions client;
    oauth::TokenCacheOptions cache;
    std::optional<base::WallTime> secret_expires;  // when the client secret ends, as far as somebody said
};

// One upstream identity that submits.
struct MailboxSettings {
    std::string name;
    std::string address;     // the address of the mailbox, and the default sender
    std::string credential;  // name of a CredentialSettings; empty when authentication is none
    const provider::Preset* preset = nullptr;  // never null once loaded; lives as long as the program
    upstream::ServerOptions server;
    delivery::MailboxOptions delivery;
};

// Something that works, but should be changed.
struct ConfigWarning {
    int line = 0;  // from 1; 0: the file as a whole
    int column = 0;
    std::string key;
    std::string message;
    std::string variable = {};  // as in ConfigError
};

struct Settings {
    std::filesystem::path file;          // where they come from; empty: there was none
    std::vector<std::string> variables;  // environment variables that gave keys, by name
    inbound::Options inbound;
    route::Options route;
    route::RecipientOptions recipients;
    // In the form of aliases(5). Empty: none.
    std::filesystem::path aliases_file;
    queue::SqliteStoreOptions queue;
    delivery::DeliveryOptions delivery;
    admin::AdminOptions admin;
    alert::Options alert;
    base::LogOptions log;
    // PEM; trusted in addition to the system's CAs, for SMTP and for the token endpoint. Empty: none.
    std::filesystem::path ca_file;
    std::vector<CredentialSettings> credentials;  // in the order of the file
    std::vector<MailboxSettings> mailboxes;       // likewise
    std::vector<ConfigWarning> warnings;
};

}  // namespace mailramp::config
