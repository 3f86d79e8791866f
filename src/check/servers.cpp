#include "check/servers.h"

#include <algorithm>
#include <utility>

#include "check/setup_places.h"
#include "mailramp/base/text.h"
#include "mailramp/provider/reply_catalogue.h"

namespace mailramp::check {
namespace {

constexpr std::size_t addresses_shown_max = 4;

std::string listed(const std::vector<io::Endpoint>& endpoints) {
    std::string text;
    for (std::size_t i = 0; i < endpoints.size() && i < addresses_shown_max; ++i)
        text += (i == 0 ? "" : ", ") + endpoints[i].address;
    if (endpoints.size() > addresses_shown_max)
        text += " and " + std::to_string(endpoints.size() - addresses_shown_max) + " more";
    return text;
}

bool says(const Finding& finding, std::string_view words) {
    return base::contains_ignoring_case(finding.text, words);
}

std::string openssl_command(const ServerName& server) {
    return "openssl s_client -connect " + name_of(server) + " -starttls smtp -showcerts";
}

// The phases in which the server has not said yet that it speaks TLS.
bool before_tls(mail::Phase phase) {
    return phase == mail::Phase::banner || phase == mail::Phase::ehlo || phase == mail::Phase::starttls;
}

// The catalogue speaks to a daemon's owner: what a daemon does by itself, nobody does here.
bool says_what_to_do(std::string_view remedy) {
    return !remedy.starts_with("nothing to do") && remedy.find('<') == remedy.npos;
}

void explain_no_starttls(Finding& finding, const ServerName& server) {
    finding.cause =
        "the server does not offer STARTTLS; nothing is ever sent without TLS. Either it is not the "
        "provider's submission server, or a firewall that inspects SMTP hides STARTTLS";
    finding.remedy = {
        {"see what it offers; STARTTLS must be listed",
         "printf 'EHLO test\\r\\nQUIT\\r\\n' | nc " + server.host + " " + std::to_string(server.port)},
        {"exempt " + server.host +
         " from SMTP inspection in the firewall (Cisco: no inspect esmtp), or correct upstream: "
         "host and port"}};
    finding.setup = places::server_settings;
}

}  // namespace

std::string words_of(const mail::Answer& answer) {
    std::string text = answer.code == 0 ? std::string() : std::to_string(answer.code) + " ";
    if (!answer.enhanced.empty()) text += answer.enhanced + " ";
    return text + answer.text;
}

// ------------------------------------------------------------------ names

Finding judge_name(Step step, const std::string& host, const base::Result<std::vector<io::Endpoint>>& found) {
    Finding finding = passed(step, {}, host);
    if (found) {
        if (found->size() != 1 || found->front().address != host) finding.text += " is " + listed(*found);
        return finding;
    }
    finding.outcome = Outcome::failed;
    finding.text = found.error().message;
    finding.cause = found.error().kind == base::ErrorKind::not_found
                        ? "DNS knows no such name: it is misspelt, or this machine asks the wrong name server"
                        : "the name server did not answer";
    const std::string key =
        step == Step::mail_host ? "upstream: host (or provider)" : "token: authority (or provider)";
    finding.remedy = {{"must print addresses", "getent ahosts " + host},
                      {"if other names work, correct " + key + "; if none does, look at /etc/resolv.conf"}};
    finding.setup = places::server;
    return finding;
}

// ------------------------------------------------------------------ connections

std::string name_of(const ServerName& server) {
    const bool ipv6 = server.host.find(':') != std::string::npos;
    return (ipv6 ? "[" + server.host + "]" : server.host) + ":" + std::to_string(server.port);
}

Finding judge_connection(const ServerName& server, const base::Error* failure, const std::string& peer) {
    const std::string name = name_of(server);
    if (failure == nullptr)
        return passed(Step::connection, {},
                      name + (peer == server.host ? " answers" : " answers (" + peer + ")"));
    Finding finding = passed(Step::connection, {}, failure->message);
    finding.outcome = Outcome::failed;
    const std::string port = std::to_string(server.port);
    const bool refused = base::contains_ignoring_case(failure->message, "refused");
    finding.cause = refused
                        ? "nothing listens on TCP " + port +
                              " there, or a firewall refuses it: host or port are wrong, or "
                              "the way is closed"
                        : "TCP " + port +
                              " is closed on the way: this machine's firewall, the network's, or the hosting "
                              "provider's (many close port 25, some 587 as well). A web proxy does not help, "
                              "mail needs the "
                              "port itself";
    finding.remedy = {{"must succeed, whatever mailramp does", "nc -vz -w 5 " + server.host + " " + port},
                      {"open TCP " + port + " from this machine to " + server.host +
                       ", or ask the hosting provider to; if host or port are wrong, correct upstream: host, "
                       "port"}};
    finding.setup = places::server;
    return finding;
}

// ------------------------------------------------------------------ TLS

std::string issuer_in(std::string_view failure) {
    constexpr std::string_view mark = "; issuer: ";
    const std::size_t at = failure.rfind(mark);
    if (at == failure.npos || !failure.ends_with(')')) return {};
    failure.remove_prefix(at + mark.size());
    failure.remove_suffix(1);
    return std::string(failure);
}

void explain_certificate(Finding& finding, const std::string& host, std::string look) {
    const std::string issuer = issuer_in(finding.text);
    finding.setup = places::server;
    finding.remedy = {{"see the certificates", std::move(look) + " </dev/null"}};
    if (says(finding, "expired") || says(finding, "not yet valid")) {
        finding.cause =
            "by this machine's clock the certificate is not valid now; it was issued by " + issuer;
        finding.remedy.emplace_back("is the clock right?", "timedatectl status");
        finding.remedy.emplace_back("if it is, the certificate is bad: ask whoever runs " + issuer);
        return;
    }
    if (says(finding, "mismatch")) {
        finding.cause =
            "the certificate is for another name than " + host +
            ": the configured host is not the server's name, or another server answers in its place";
        finding.remedy.emplace_back("is that the provider's server?", "getent ahosts " + host);
        finding.remedy.emplace_back("name the host as the provider does, never by an address");
        return;
    }
    if (issuer.empty()) {
        finding.cause = "TLS could not be agreed on; something between may allow old versions of it only";
        return;
    }
    finding.cause = "the certificate was issued by \"" + issuer +
                    "\", which this machine does not trust: most often a firewall or proxy that opens and "
                    "re-signs TLS on the way";
    finding.remedy.emplace_back("best: exempt " + host + " from TLS inspection");
    finding.remedy.emplace_back("else save the CA certificate of \"" + issuer +
                                "\" as PEM and name it in the configuration: ca_file: /etc/mailramp/ca.pem");
    finding.remedy.emplace_back("if it is a public CA", "apt install ca-certificates");
}

Finding judge_session(const SessionFacts& facts) {
    const std::string name = name_of(facts.server);
    if (facts.ready && facts.tls == Tls::none)
        return skipped(Step::starttls, {}, "not used: upstream: tls is none for " + name);
    Finding finding = passed(Step::starttls, {}, {});
    if (facts.ready) {
        finding.text = facts.tls_info.version + "; certificate of " + facts.tls_info.peer_subject +
                       ", issued by " + facts.tls_info.peer_issuer;
        const bool offered = facts.capabilities.auth_xoauth2 || facts.capabilities.auth_oauthbearer;
        if (facts.login == Login::none || offered) return finding;
        finding.outcome = Outcome::failed;
        finding.text = name + " does not offer AUTH XOAUTH2";
        finding.cause =
            "the server takes no login with a token: this is not the submission server that you think";
        finding.remedy = {
            {"then type EHLO test: it must list AUTH with XOAUTH2", openssl_command(facts.server)},
            {"correct upstream: host and port; Microsoft 365 has smtp.office365.com and 587"}};
        finding.setup = places::server_settings;
        return finding;
    }
    finding.outcome = Outcome::failed;
    finding.text = words_of(facts.failure);
    if (facts.failure.phase == mail::Phase::tls) {
        finding.text = facts.failure.text;
        explain_certificate(finding, facts.server.host, openssl_command(facts.server));
        return finding;
    }
    if (facts.failure.phase == mail::Phase::starttls && facts.failure.channel == mail::Channel::local) {
        explain_no_starttls(finding, facts.server);
        return finding;
    }
    const provider::Verdict verdict = provider::classify(provider::Dialect::any, facts.failure);
    finding.cause = verdict.cause;
    if (facts.failure.code == 0 && before_tls(facts.failure.phase))
        finding.cause = "something took the connection on " + name +
                        ", but does not speak SMTP: another program, or a firewall that lets nothing through";
    if (facts.failure.code != 0 && says_what_to_do(verdict.remedy))
        finding.remedy.emplace_back(std::string(verdict.remedy));
    finding.remedy.emplace_back("see what answers", openssl_command(facts.server) + " </dev/null");
    finding.remedy.emplace_back(
        "correct upstream: host and port if they are wrong; if it lasts, ask whoever runs the server");
    finding.setup = places::server;
    return finding;
}

}  // namespace mailramp::check
