#include "mailramp/app/serve.h"

#include <cstdio>
#include <utility>
#include <vector>

#include <sysexits.h>
#include <unistd.h>

#include "app/daemon.h"
#include "app/log_sink.h"
#include "app/service_manager.h"
#include "mailramp/app/hardening.h"
#include "mailramp/config/load.h"
#include "mailramp/oauth/secret_reference.h"

namespace mailramp::app {
namespace {

// What stays in the environment is shown to whoever may look at this process, for as long as it runs.
void take_secrets(config::Settings& settings) {
    std::vector<oauth::SecretReference*> secrets;
    for (config::CredentialSettings& credential : settings.credentials)
        secrets.push_back(&credential.client.secret);
    secrets.push_back(&settings.alert.webhook);
    oauth::take_from_environment(secrets);
}

}  // namespace

int serve(const ServeOptions& options) {
    const auto environment = config::process_environment();
    auto settings = config::load({options.config_file, options.need, environment});
    if (!settings) {
        std::fputs(config::render_errors(options.config_file, settings.error()).c_str(), stderr);
        return EX_CONFIG;
    }
    if (auto hardened = harden_process(); !hardened) {
        std::fprintf(stderr, "mailramp: %s\n", hardened.error().message.c_str());
        return EX_OSERR;
    }
    take_secrets(*settings);
    settings->queue.hold_at_start = options.hold;
    ManagerTerms manager = take_manager_terms();
    LogSink log(settings->log);
    Daemon daemon(*std::move(settings), std::move(manager), log);
    const int status = daemon.run();
    log.flush();
    // Threads may still hang in DNS or HTTP; destroying what they use, or joining them, could take minutes.
    _exit(status);
}

}  // namespace mailramp::app
