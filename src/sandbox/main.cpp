// mailramp-sandbox: an Exchange Online and Entra simulator on loopback, for tests of anything that submits
// mail to Microsoft 365. It prints one line of JSON when it is ready, and one with its counters when SIGTERM
// or SIGINT ends it.
#include <cstdio>
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>
#include <sysexits.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>

#include "sandbox/sandbox.h"

namespace {

namespace sandbox = mailramp::sandbox;
using mailramp::base::Result;

constexpr long long clock_offset_max_s = 100LL * 365 * 24 * 3600;

// The command line, before it is checked.
struct Arguments {
    sandbox::SandboxOptions options;
    std::vector<std::string> apps;
    std::vector<std::string> faults;
    std::string auth_shape = "microsoft";
    std::string send_as = "any";
    std::string permission = "classic";
    bool plain = false;
    bool no_record = false;
    bool list_faults = false;
    long long token_ttl_s = 3599;
    long long refresh_in_s = 0;
    long long retry_after_s = 60;
    long long idle_timeout_ms = 300'000;
    long long session_age_max_ms = 1'200'000;
    long long slow_ms = 1'000;
    long long clock_offset_s = 0;
};

void describe(CLI::App& app, Arguments& arguments) {
    sandbox::SandboxOptions& options = arguments.options;
    app.add_option("--listen", options.listen_address, "address for both servers")->capture_default_str();
    app.add_option("--smtp-port", options.smtp_port, "0: any free port")->capture_default_str();
    app.add_option("--https-port", options.https_port, "token endpoint and control; 0: any free port")
        ->capture_default_str();
    app.add_option("--state-dir", options.state_directory,
                   "for ca.pem, client-secret and messages/; default: a new folder under TMPDIR");
    app.add_option(
        "--tenant", arguments.apps,
        "TENANT:CLIENT:SECRET:MAILBOX[,MAILBOX], repeatable; an empty secret is made up, the mailbox * "
        "stands for all");
    app.add_option("--fail", arguments.faults, "NAME[:COUNT][@MAILBOX], repeatable; see --list-faults");
    app.add_flag("--list-faults", arguments.list_faults, "print the names of all faults and end");
    app.add_flag("--plain", arguments.plain, "an SMTP sink without TLS, AUTH and limits of a mailbox");
    app.add_flag("--no-record", arguments.no_record, "count messages, but do not write them");
    app.add_option("--auth-shape", arguments.auth_shape, "how a login is refused")
        ->check(CLI::IsMember({"microsoft", "google"}))
        ->capture_default_str();
    app.add_option("--send-as", arguments.send_as, "which senders are taken")
        ->check(CLI::IsMember({"any", "mailbox"}))
        ->capture_default_str();
    app.add_option("--permission", arguments.permission, "how the applications came to theirs")
        ->check(CLI::IsMember({"classic", "rbac"}))
        ->capture_default_str();
    app.add_option("--connections-max", options.limits.connections_max, "of one mailbox, else 432 4.3.2")
        ->capture_default_str();
    app.add_option("--messages-per-minute", options.limits.messages_max, "of one mailbox, else 421 4.4.2")
        ->capture_default_str();
    app.add_option("--recipients-max", options.session.recipients_max, "of one message, else 452 4.5.3")
        ->capture_default_str();
    app.add_option("--size-max", options.session.size_bytes_max, "octets of one message, else 552 5.3.4")
        ->capture_default_str();
    app.add_option("--token-ttl", arguments.token_ttl_s, "seconds")->capture_default_str();
    app.add_option("--refresh-in", arguments.refresh_in_s, "seconds; 0: not in the answer")
        ->capture_default_str();
    app.add_option("--retry-after", arguments.retry_after_s, "seconds, under the fault token-429")
        ->capture_default_str();
    app.add_option("--idle-timeout-ms", arguments.idle_timeout_ms, "then 421 4.4.1")->capture_default_str();
    app.add_option("--session-age-max-ms", arguments.session_age_max_ms, "then 421 4.4.1")
        ->capture_default_str();
    app.add_option("--clock-offset", arguments.clock_offset_s,
                   "seconds that both servers' clock is ahead of this machine's")
        ->check(CLI::Range(-clock_offset_max_s, clock_offset_max_s))
        ->capture_default_str();
    app.add_option("--slow-ms", arguments.slow_ms, "delay of each reply under the fault slow")
        ->capture_default_str();
}

Result<sandbox::SandboxOptions> options_of(const Arguments& arguments) {
    sandbox::SandboxOptions options = arguments.options;
    for (const std::string& text : arguments.apps) {
        auto app = sandbox::parse_app(text);
        if (!app) return std::unexpected(app.error());
        options.apps.push_back(std::move(*app));
    }
    for (const std::string& text : arguments.faults) {
        auto fault = sandbox::Faults::parse(text);
        if (!fault) return std::unexpected(fault.error());
        options.faults.push_back(std::move(*fault));
    }
    if (options.state_directory.empty()) {
        std::string pattern = (std::filesystem::temp_directory_path() / "mailramp-sandbox-XXXXXX").string();
        if (::mkdtemp(pattern.data()) == nullptr)
            return std::unexpected(mailramp::base::system_error("create " + pattern, errno));
        options.state_directory = pattern;
    }
    options.session.security = arguments.plain ? sandbox::Security::none : sandbox::Security::starttls;
    options.session.auth_shape =
        arguments.auth_shape == "google" ? sandbox::AuthShape::google : sandbox::AuthShape::microsoft;
    options.session.send_as =
        arguments.send_as == "mailbox" ? sandbox::SendAs::mailbox : sandbox::SendAs::any;
    const sandbox::Permission permission =
        arguments.permission == "rbac" ? sandbox::Permission::rbac : sandbox::Permission::classic;
    options.session.permission = permission;
    options.tokens.permission = permission;
    options.clock_offset = std::chrono::seconds(arguments.clock_offset_s);
    options.recording = arguments.no_record ? sandbox::Recording::counts_only : sandbox::Recording::files;
    options.tokens.token_ttl = std::chrono::seconds(arguments.token_ttl_s);
    options.tokens.refresh_in = std::chrono::seconds(arguments.refresh_in_s);
    options.tokens.retry_after = std::chrono::seconds(arguments.retry_after_s);
    options.idle_timeout = std::chrono::milliseconds(arguments.idle_timeout_ms);
    options.session_age_max = std::chrono::milliseconds(arguments.session_age_max_ms);
    options.slow_delay = std::chrono::milliseconds(arguments.slow_ms);
    return options;
}

int fail(int code, const std::string& why) {
    std::fprintf(stderr, "mailramp-sandbox: %s\n", why.c_str());
    return code;
}

void print_line(const std::string& line) {
    std::puts(line.c_str());
    std::fflush(stdout);
}

int run(const sandbox::SandboxOptions& options) {
    boost::asio::io_context loop(1);
    auto made = sandbox::Sandbox::create(options, loop.get_executor());
    if (!made) return fail(EX_UNAVAILABLE, made.error().message);
    sandbox::Sandbox& server = **made;
    boost::asio::signal_set signals(loop, SIGTERM, SIGINT);
    signals.async_wait([&](const boost::system::error_code&, int) {
        server.stop();
        loop.stop();
    });
    server.start();
    print_line(server.ready_line());
    loop.run();
    print_line(server.state_line());
    return EX_OK;
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app("An Exchange Online and Entra simulator on loopback");
    Arguments arguments;
    describe(app, arguments);
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? EX_OK : EX_USAGE;
    }
    if (arguments.list_faults) {
        for (const sandbox::FaultName& fault : sandbox::Faults::names())
            std::printf("%-22s %s\n", std::string(fault.name).c_str(), std::string(fault.meaning).c_str());
        return EX_OK;
    }
    const auto options = options_of(arguments);
    if (!options) return fail(EX_USAGE, options.error().message);
    return run(*options);
}
