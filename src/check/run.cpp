#include "mailramp/check/run.h"

#include <algorithm>
#include <exception>
#include <optional>
#include <utility>
#include <vector>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include "check/machine.h"
#include "check/runner.h"
#include "mailramp/base/text.h"
#include "mailramp/config/load.h"
#include "mailramp/config/suggest.h"
#include "mailramp/io/http_client.h"
#include "mailramp/io/tls.h"
#include "mailramp/mail/address.h"

namespace mailramp::check {
namespace {

constexpr std::size_t name_bytes_shown_max = 200;

// The file's settings, and what is wrong with what it refers to but secrets.
struct Loaded {
    std::optional<config::Settings> settings;
    std::vector<config::ConfigError> errors;
};

Loaded load_all_but_secrets(const config::Source& source) {
    Loaded loaded;
    auto checked = config::load(source, config::References::check);
    if (checked) {
        loaded.settings = *std::move(checked);
        return loaded;
    }
    // A secret that cannot be read is a step of its own: the rest of the file may be good.
    auto text = config::load(source, config::References::ignore);
    loaded.errors = text ? std::move(checked.error()) : std::move(text.error());
    if (text) {
        std::erase_if(loaded.errors, is_about_a_secret);
        if (loaded.errors.empty()) loaded.settings = *std::move(text);
    }
    return loaded;
}

std::string source_shown(const config::Source& source, const Loaded& loaded) {
    const bool no_file = loaded.settings && loaded.settings->file.empty();
    return no_file ? std::string("the environment") : source.file.string();
}

base::Result<> keep_chosen(std::vector<config::MailboxSettings>& mailboxes, const std::string& chosen) {
    if (chosen.empty()) return {};
    std::vector<std::string> known;
    for (const config::MailboxSettings& mailbox : mailboxes)
        known.push_back(mailbox.name);
    std::erase_if(mailboxes, [&chosen](const config::MailboxSettings& mailbox) {
        return mailbox.name != chosen && !base::equals_ignoring_case(mailbox.address, chosen);
    });
    if (!mailboxes.empty()) return {};
    std::string message =
        "there is no mailbox \"" + base::printable(chosen, name_bytes_shown_max) + "\" in the configuration";
    if (const std::string meant = config::suggest(chosen, known); !meant.empty())
        message += "; did you mean " + meant + "?";
    else
        for (std::size_t i = 0; i < known.size(); ++i)
            message += (i == 0 ? "; it has: " : ", ") + known[i];
    return base::fail(base::ErrorKind::not_found, message);
}

// Without a configuration nothing else can be said, but that it would be.
Verdict without_configuration(const Report& report) {
    for (const Step step :
         {Step::port, Step::secret, Step::token_host, Step::token_server, Step::clock, Step::token,
          Step::audience, Step::tenant, Step::application, Step::role, Step::object_id, Step::lifetime,
          Step::mail_host, Step::connection, Step::starttls, Step::login, Step::message})
        report(skipped(step, {}, "needs the configuration"));
    return Verdict::misconfigured;
}

Verdict run_steps(const config::Settings& settings, const Options& options, const Report& report,
                  io::HttpClient& http, const io::TlsClient& tls) {
    boost::asio::io_context loop{1};
    Runner runner(settings, options, report, http, tls, loop.get_executor());
    auto work = runner.run();
    boost::asio::co_spawn(loop, std::move(work), [](const std::exception_ptr& error) {
        if (error) std::rethrow_exception(error);
    });
    loop.run();
    return runner.verdict();
}

}  // namespace

base::Result<Verdict> run(const Options& options, const Report& report) {
    if (!options.send_to.empty())
        if (auto good = mail::check_address(options.send_to, mail::Utf8::refused); !good)
            return base::fail("--send-to wants a mail address", std::move(good.error()));
    Loaded loaded = load_all_but_secrets(options.source);
    if (loaded.settings) {
        if (auto kept = keep_chosen(loaded.settings->mailboxes, options.mailbox); !kept)
            return std::unexpected(std::move(kept.error()));
    }
    const std::vector<config::ConfigWarning> none;
    const auto& warnings = loaded.settings ? loaded.settings->warnings : none;
    report(judge_configuration(source_shown(options.source, loaded), loaded.errors, warnings));
    if (!loaded.settings) return without_configuration(report);

    auto http = io::CurlHttpClient::create({.ca_file = loaded.settings->ca_file});
    if (!http) return base::fail("HTTPS for the token call", std::move(http.error()));
    auto tls = io::TlsClient::create({.ca_file = loaded.settings->ca_file});
    if (!tls) return base::fail("TLS for submission", std::move(tls.error()));
    return run_steps(*loaded.settings, options, report, **http, *tls);
}

}  // namespace mailramp::check
