// mailramp/config/settings.h: what the configuration file says, checked, in the types of the areas.
#pragma once

#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

#include "mailramp/admin/options.h"
#include "mailramp/base/clock.h"
#include "mailramp/base/log.h"
#include "mailramp/delivery/options.h"
#include "mailramp/inbound/options.h"
#include "mailramp/oauth/client_credentials_source.h"
#include "mailramp/oauth/token_cache.h"
#include "mailramp/queue/sqlite_store.h"
#include "mailramp/route/router.h"
#include "mailramp/upstream/options.h"

namespace mailramp::config {

// One way to a token; several mailboxes may use it.
struct Credential {
    std::string name;
    oauth::ClientCredentialsOptions source;
    oauth::TokenCacheOptions cache;
};

// One upstream identity.
struct Mailbox {
    std::string name;
    std::string credential;             // the name of one above; empty when authentication is none
    upstream::ServerOptions server;     // server.mailbox == name
    delivery::MailboxOptions delivery;  // delivery.name == name
};

// Everything the daemon needs. References between the parts hold: every credential and mailbox named exists.
struct Settings {
    std::filesystem::path file;
    inbound::Options inbound;
    queue::SqliteStoreOptions queue;
    delivery::DeliveryOptions delivery;
    std::vector<Credential> credentials;
    std::vector<Mailbox> mailboxes;
    route::Options routes;
    admin::AdminOptions admin;
    base::LogOptions log;
    std::filesystem::path
        ca_file;  // trusted for SMTP and for the token call, in addition to the system's CAs
    // From SIGTERM to the end: what is in flight then is stored as uncertain. At most 9 s, so that the whole
    // end takes less than 10 s.
    base::Duration drain_timeout = std::chrono::seconds(8);
    std::vector<std::string> warnings;  // works, but should be changed; each says how
};

}  // namespace mailramp::config
