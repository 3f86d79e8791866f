// check/servers.h: names, connections and TLS, from what was seen to findings. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mailramp/base/result.h"
#include "mailramp/check/finding.h"
#include "mailramp/io/listener.h"
#include "mailramp/io/stream.h"
#include "mailramp/mail/answer.h"
#include "mailramp/smtp/client_protocol.h"

namespace mailramp::check {

// Step::token_host or Step::mail_host.
[[nodiscard]] Finding judge_name(Step step, const std::string& host,
                                 const base::Result<std::vector<io::Endpoint>>& found);

struct ServerName {
    std::string host;
    std::uint16_t port = 0;
};
[[nodiscard]] std::string name_of(const ServerName& server);

// `peer`: the address that answered.
[[nodiscard]] Finding judge_connection(const ServerName& server, const base::Error* failure,
                                       const std::string& peer);

enum class Tls { starttls, none };
enum class Login { token, none };

struct SessionFacts {
    ServerName server;
    Tls tls = Tls::starttls;
    Login login = Login::token;
    bool ready = false;    // EHLO under TLS was answered
    mail::Answer failure;  // why not
    io::TlsInfo tls_info;
    smtp::Capabilities capabilities;
};
// Up to the EHLO under TLS, and whether the server offers the login that is needed.
[[nodiscard]] Finding judge_session(const SessionFacts& facts);

// "535 5.7.3 Authentication unsuccessful": what the other side said.
[[nodiscard]] std::string words_of(const mail::Answer& answer);
// "CN = Firewall CA" of "… (subject: …; issuer: CN = Firewall CA)", as io::Stream says it; empty without.
[[nodiscard]] std::string issuer_in(std::string_view failure);
// Cause and remedy of a certificate that was refused; finding.text says how. `look` is a command that shows
// the certificates.
void explain_certificate(Finding& finding, const std::string& host, std::string look);

}  // namespace mailramp::check
