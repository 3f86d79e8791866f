// The commands of ExchangeSession but AUTH.
#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "mailramp/base/text.h"
#include "mailramp/mail/address.h"
#include "sandbox/exchange_names.h"
#include "sandbox/exchange_session.h"

namespace mailramp::sandbox {
namespace {

constexpr std::size_t helo_bytes_max = 255;

// Cuts the first word off the front of `text`.
std::string_view take_word(std::string_view& text) {
    text = base::trim(text);
    const std::size_t end = std::min(text.find(' '), text.size());
    const std::string_view word = text.substr(0, end);
    text.remove_prefix(end);
    return word;
}

bool is(std::string_view verb, std::string_view name) {
    return base::equals_ignoring_case(verb, name);
}

// Commands that a client may give without TLS.
bool needs_no_tls(std::string_view verb) {
    constexpr std::array harmless{"EHLO", "HELO", "NOOP", "STARTTLS", "QUIT", "RSET", "HELP"};
    return std::ranges::any_of(harmless, [&](const char* name) { return is(verb, name); });
}

}  // namespace

void ExchangeSession::run(std::string_view text, const Now& now) {
    Line line;
    line.verb = text.substr(0, std::min(text.find(' '), text.size()));
    line.arguments = base::trim(text.substr(line.verb.size()));
    if (tls_version_.empty() && options_.security == Security::starttls && !needs_no_tls(line.verb))
        ++world_.counters.commands_before_tls;
    if (is(line.verb, "EHLO") || is(line.verb, "HELO")) return ehlo(line);
    if (is(line.verb, "STARTTLS")) return starttls(line);
    if (is(line.verb, "AUTH")) return auth(line, now);
    if (is(line.verb, "MAIL")) return mail(line, now);
    if (is(line.verb, "RCPT")) return rcpt(line);
    if (is(line.verb, "DATA")) return data(line);
    if (is(line.verb, "BDAT")) return bdat(line, now);
    if (is(line.verb, "NOOP")) return say("250 2.0.0 OK");
    if (is(line.verb, "VRFY")) return say("252 2.1.5 Cannot VRFY user");
    if (is(line.verb, "HELP")) return say("214 This is a simulator");
    if (is(line.verb, "RSET")) {
        reset_message();
        return say("250 2.0.0 Resetting");
    }
    if (is(line.verb, "QUIT")) {
        if (!interrupted("quit")) hang_up("221 2.0.0 Service closing transmission channel");
        return;
    }
    say("500 5.3.3 Unrecognized command");
}

void ExchangeSession::ehlo(const Line& line) {
    if (interrupted("ehlo")) return;
    if (world_.faults.take("garbage")) {
        output_ += "\x01\x02 what? \xff\xfe\r\n9999 \r\n";
        return;
    }
    if (line.arguments.empty()) return say("501 5.5.4 Invalid domain name");
    helo_ = base::printable(line.arguments, helo_bytes_max);
    reset_message();
    if (is(line.verb, "HELO")) return say("250 " + std::string(host_name) + " Hello [" + peer_ + "]");
    std::vector<std::string> lines{std::string(host_name) + " Hello [" + peer_ + "]"};
    const auto offer = [&](std::string capability, const char* unless) {
        if (!session_faults_.contains(unless)) lines.push_back(std::move(capability));
    };
    const bool small = session_faults_.contains("small-size");
    lines.push_back("SIZE " + std::to_string(small ? small_size_bytes : options_.size_announced_bytes));
    offer("PIPELINING", "no-pipelining");
    lines.push_back("DSN");
    lines.push_back("ENHANCEDSTATUSCODES");
    if (options_.security == Security::starttls && tls_version_.empty()) offer("STARTTLS", "no-starttls");
    if (!tls_version_.empty()) lines.push_back(auth_offer());
    offer("8BITMIME", "no-8bitmime");
    offer("BINARYMIME", "no-8bitmime");
    lines.push_back("CHUNKING");
    offer("SMTPUTF8", "no-smtputf8");
    for (std::size_t i = 0; i < lines.size(); ++i)
        say((i + 1 < lines.size() ? "250-" : "250 ") + lines[i]);
}

std::string ExchangeSession::auth_offer() const {
    if (session_faults_.contains("no-xoauth2")) return "AUTH LOGIN";
    return options_.auth_shape == AuthShape::google ? "AUTH LOGIN PLAIN XOAUTH2 OAUTHBEARER"
                                                    : "AUTH LOGIN XOAUTH2";
}

void ExchangeSession::starttls(const Line& line) {
    if (options_.security == Security::none || !tls_version_.empty() ||
        session_faults_.contains("no-starttls"))
        return say("503 5.5.2 Send hello first");
    if (!line.arguments.empty()) return say("501 5.5.4 Invalid arguments");
    if (interrupted("starttls")) return;
    if (used_ != input_.size()) {
        // Somebody put plain octets where encrypted ones were to come (CVE-2011-0411): nothing of it counts.
        ++world_.counters.octets_after_starttls;
        return hang_up("501 5.5.4 Invalid arguments: data after STARTTLS");
    }
    say("220 2.0.0 SMTP server ready");
    state_ = world_.faults.take("hang-tls") ? State::hang : State::tls;
}

bool ExchangeSession::may_send_mail(const Now& now) {
    if (options_.security == Security::none) return true;
    if (tls_version_.empty()) {
        say(expand("451 5.7.3 STARTTLS is required to send mail %h", now));
        return false;
    }
    if (mailbox_.empty()) {
        say(expand("530 5.7.57 Client not authenticated to send mail. %h", now));
        return false;
    }
    return true;
}

void ExchangeSession::mail(const Line& line, const Now& now) {
    if (helo_.empty()) return say("503 5.5.2 Send hello first");
    if (!may_send_mail(now) || interrupted("mail")) return;
    if (world_.faults.take("421", mailbox_)) return hang_up("421 4.3.2 Service not available");
    if (has_sender_) return say("503 5.5.2 Sender already specified");
    if (!base::starts_with_ignoring_case(line.arguments, "FROM:"))
        return say("501 5.5.4 Unrecognized parameter");
    const mail::PathRules rules{.utf8 = mail::Utf8::allowed};
    const auto path = mail::parse_reverse_path(line.arguments.substr(5), rules);
    if (!path) return say("501 5.1.7 Invalid address");
    reset_message();
    std::string_view parameters = path->rest;
    while (!base::trim(parameters).empty()) {
        if (const auto refusal = mail_parameter(take_word(parameters))) {
            reset_message();
            return say(*refusal);
        }
    }
    if (!base::is_ascii(path->address) && !envelope_.smtputf8) return say("501 5.1.7 Invalid address");
    envelope_.sender = path->address;
    has_sender_ = true;
    say("250 2.1.0 Sender OK");
}

std::optional<std::string> ExchangeSession::mail_parameter(std::string_view parameter) {
    const std::size_t equals = std::min(parameter.find('='), parameter.size());
    const std::string_view name = parameter.substr(0, equals);
    const std::string_view value = parameter.substr(std::min(equals + 1, parameter.size()));
    const auto unknown = [] { return std::string("501 5.5.4 Unrecognized parameter"); };
    if (is(name, "SIZE")) {
        const auto size = base::parse_number(value);
        if (!size) return unknown();
        const bool small = session_faults_.contains("small-size");
        if (*size > (small ? small_size_bytes : options_.size_announced_bytes))
            return "552 5.3.4 Message size exceeds fixed maximum message size";
        return {};
    }
    if (is(name, "BODY")) {
        if (session_faults_.contains("no-8bitmime")) return unknown();
        if (is(value, "8BITMIME") || is(value, "BINARYMIME")) {
            envelope_.body = mail::BodyType::eight_bit_mime;
            return {};
        }
        return is(value, "7BIT") ? std::nullopt : std::optional(unknown());
    }
    if (is(name, "SMTPUTF8") && !session_faults_.contains("no-smtputf8")) {
        envelope_.smtputf8 = true;
        return {};
    }
    if (is(name, "RET")) {
        envelope_.ret = is(value, "FULL") ? mail::DsnReturn::full : mail::DsnReturn::headers;
        return is(value, "FULL") || is(value, "HDRS") ? std::nullopt : std::optional(unknown());
    }
    if (is(name, "ENVID")) {
        envelope_.envid = value;
        return {};
    }
    return is(name, "AUTH") ? std::nullopt : std::optional(unknown());
}

void ExchangeSession::rcpt(const Line& line) {
    if (!has_sender_) return say("503 5.5.2 Need mail command");
    if (interrupted("rcpt")) return;
    if (world_.faults.take("rcpt-550", mailbox_))
        return say("550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup");
    if (envelope_.recipients.size() >= options_.recipients_max || world_.faults.take("rcpt-452", mailbox_))
        return say("452 4.5.3 Too many recipients");
    if (!base::starts_with_ignoring_case(line.arguments, "TO:"))
        return say("501 5.5.4 Unrecognized parameter");
    const mail::PathRules rules{.utf8 = envelope_.smtputf8 ? mail::Utf8::allowed : mail::Utf8::refused};
    const auto path = mail::parse_forward_path(line.arguments.substr(3), rules);
    if (!path) return say("501 5.1.3 Invalid address");
    if (world_.faults.take("drop-recipient", path->address)) return hang_up();
    mail::Recipient recipient{path->address, {}, {}};
    std::string_view parameters = path->rest;
    while (!base::trim(parameters).empty()) {
        const std::string_view parameter = take_word(parameters);
        if (base::starts_with_ignoring_case(parameter, "NOTIFY=")) {
            recipient.notify = parameter.substr(7);
        } else if (base::starts_with_ignoring_case(parameter, "ORCPT=")) {
            recipient.orcpt = parameter.substr(6);
        } else {
            return say("501 5.5.4 Unrecognized parameter");
        }
    }
    envelope_.recipients.push_back(std::move(recipient));
    say("250 2.1.5 Recipient OK");
}

void ExchangeSession::data(const Line& line) {
    if (!line.arguments.empty()) return say("501 5.5.4 Invalid arguments");
    if (chunk_is_last_ || !content_.empty()) return say("503 5.5.2 Bad sequence of commands");
    if (!has_sender_) return say("503 5.5.2 Need mail command");
    if (envelope_.recipients.empty()) return say("503 5.5.2 Need rcpt command");
    if (interrupted("data")) return;
    body_ = BodyReader(options_.size_bytes_max);
    state_ = State::body;
    say("354 Start mail input; end with <CRLF>.<CRLF>");
}

// RFC 3030 §2. The chunk follows its command at once, so a refused one cannot be told from commands: the
// session ends then, as the RFC allows.
void ExchangeSession::bdat(const Line& line, const Now& now) {
    std::string_view arguments = line.arguments;
    const auto size = base::parse_number(take_word(arguments));
    arguments = base::trim(arguments);
    const bool last = is(arguments, "LAST");
    if (!size || (!last && !arguments.empty())) return hang_up("501 5.5.4 Invalid arguments");
    if (envelope_.recipients.empty()) return hang_up("503 5.5.2 Need rcpt command");
    if (content_.empty() && interrupted("data")) return;
    body_begun_ = true;
    chunk_left_ = *size;
    chunk_is_last_ = last;
    state_ = State::chunk;
    if (*size == 0) read_chunk(now);
}

}  // namespace mailramp::sandbox
