#include "unit/smtp/dialog.h"

#include <fstream>
#include <ostream>
#include <stdexcept>
#include <utility>

#include "mailramp/base/text.h"

namespace mailramp::smtp::testing {
namespace {

std::string unescape(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '\\') {
            out += text[i];
            continue;
        }
        const char c = text.at(++i);
        const std::size_t named = std::string_view("rnt0\\").find(c);
        if (named != std::string_view::npos) {
            out += std::string_view("\r\n\t\0\\", 5)[named];
        } else if (c == 'x') {
            out += static_cast<char>(std::stoi(std::string(text.substr(i + 1, 2)), nullptr, 16));
            i += 2;
        } else if (c == '{') {
            const std::size_t star = text.find('*', i);
            const std::size_t end = text.find('}', i);
            const std::string repeated = unescape(text.substr(star + 1, end - star - 1));
            for (int left = std::stoi(std::string(text.substr(i + 1, star - i - 1))); left > 0; --left)
                out += repeated;
            i = end;
        } else {
            throw std::runtime_error("unknown escape");
        }
    }
    return out;
}

// Takes the first word off.
std::string take_word(std::string_view& text) {
    const std::string word(text.substr(0, text.find(' ')));
    text.remove_prefix(std::min(word.size() + 1, text.size()));
    return word;
}

ServerReply take_reply(std::string_view text) {
    ServerReply reply;
    reply.code = std::stoi(take_word(text));
    reply.enhanced = take_word(text);
    reply.text = text;
    return reply;
}

void take_option(Dialog& dialog, std::string_view text) {
    const std::string name = take_word(text);
    ServerProtocolOptions& options = dialog.options;
    const auto number = [&text] { return base::parse_number(text).value(); };
    if (name == "starttls") {
        options.starttls = StartTlsOffer::offered;
    } else if (name == "tls") {
        dialog.implicit_tls = true;
    } else if (name == "auth") {
        options.auth = text == "under_tls" ? AuthOffer::under_tls : AuthOffer::always;
    } else if (name == "auth_required") {
        options.auth_need = AuthNeed::required;
    } else if (name == "auth_line_bytes_max") {
        options.auth_line_bytes_max = number();
    } else if (name == "auth_failures_max") {
        options.auth_failures_max = number();
    } else if (name == "refuse") {
        dialog.refusal = text;
    } else if (name == "reject") {
        const std::string stage = take_word(text);
        const std::string what = take_word(text);
        dialog.rejected[stage + " " + what] = take_reply(text);
    } else if (name == "domain_if_missing") {
        options.domain_if_missing = text;
    } else if (name == "message_bytes_max") {
        options.message_bytes_max = number();
    } else if (name == "discarded_bytes_max") {
        options.discarded_bytes_max = number();
    } else if (name == "command_line_bytes_max") {
        options.command_line_bytes_max = number();
    } else if (name == "recipients_max") {
        options.recipients_max = number();
    } else if (name == "errors_max") {
        options.errors_max = number();
    } else if (name == "commands_without_mail_max") {
        options.commands_without_mail_max = number();
    } else {
        throw std::runtime_error("unknown option");
    }
}

void take_line(Dialog& dialog, std::string_view line) {
    using Kind = DialogLine::Kind;
    if (line.empty() || line.starts_with('#')) return;
    const std::string mark(line.substr(0, 2));
    const std::string_view text = line.size() > 3 ? line.substr(3) : std::string_view();
    if (mark == "C:") {
        dialog.lines.push_back({Kind::client, unescape(text) + "\r\n"});
    } else if (mark == "C~") {
        dialog.lines.push_back({Kind::client, unescape(text)});
    } else if (mark == "S:") {
        dialog.lines.push_back({Kind::server, unescape(text)});
    } else if (mark == "E:") {
        dialog.messages.push_back({std::string(text), {}});
    } else if (mark == "M:") {
        dialog.messages.at(dialog.messages.size() - 1).content += unescape(text) + "\r\n";
    } else if (mark == "M~") {
        dialog.messages.at(dialog.messages.size() - 1).content += unescape(text);
    } else if (mark == "L:") {
        dialog.logins.emplace_back(unescape(text));
    } else if (mark == "X:") {
        dialog.closed = true;
        dialog.close_reason = text;
    } else if (line == "! reset") {
        ++dialog.resets;
    } else if (line.starts_with("! ")) {
        dialog.lines.push_back({Kind::event, std::string(line.substr(2))});
    } else if (line.starts_with("@ ")) {
        take_option(dialog, line.substr(2));
    } else {
        throw std::runtime_error("unknown mark");
    }
}

std::string given(const std::string& name, const std::string& value) {
    return value.empty() ? std::string() : name + value;
}

}  // namespace

Dialog read_dialog(const std::string& path) {
    Dialog dialog;
    dialog.options.host_name = "mail.test";
    std::ifstream file(path);
    if (!file) throw std::runtime_error(path + ": cannot be read");
    std::string line;
    for (int number = 1; std::getline(file, line); ++number) {
        try {
            take_line(dialog, line);
        } catch (const std::exception& error) {
            throw std::runtime_error(path + ":" + std::to_string(number) + ": " + error.what());
        }
    }
    return dialog;
}

void PrintTo(const DialogOutcome& outcome, std::ostream* out) {
    *out << "\n" << outcome.output;
    for (const DialogMessage& message : outcome.messages)
        *out << message.envelope << "\n" << message.content;
    for (const std::string& login : outcome.logins)
        *out << "login " << login << "\n";
    *out << outcome.resets << " resets, " << (outcome.closed ? "closed: " + outcome.close_reason : "open");
}

DialogShell::DialogShell(const Dialog& dialog) : dialog_(dialog), protocol_(dialog.options) {
    if (!dialog.refusal.empty()) protocol_.refuse(dialog.refusal);
    if (dialog.implicit_tls) protocol_.tls_started();
    run();
}

void DialogShell::receive(std::string_view octets) {
    if (outcome_.closed || shaking_hands_) return;
    protocol_.receive(octets);
    run();
}

void DialogShell::event(std::string_view what) {
    const std::string word = take_word(what);
    if (word == "shutdown") {
        protocol_.shutdown();
    } else if (word == "tls") {
        if (!std::exchange(shaking_hands_, false)) throw std::runtime_error("nobody has begun with TLS");
        protocol_.tls_started();
        run();
    } else if (word == "close") {
        protocol_.close(take_reply(what));
        run();
    } else if (word == "refuse_body") {
        protocol_.refuse_body(take_reply(what));
    } else {
        throw std::runtime_error("unknown event: " + word);
    }
}

void DialogShell::run() {
    using Step = ServerProtocol::Step;
    for (;;) {
        const Step step = protocol_.next();
        switch (step) {
            case Step::need_bytes:
            case Step::closed:
                outcome_.output += protocol_.take_output();
                outcome_.closed = step == Step::closed;
                outcome_.close_reason = protocol_.close_reason();
                return;
            case Step::start_tls:
                outcome_.output += protocol_.take_output();
                shaking_hands_ = true;
                return;
            case Step::auth:
                log_in();
                break;
            case Step::mail:
                protocol_.answer(policy("mail <" + protocol_.envelope().sender + ">", "sender"));
                break;
            case Step::rcpt:
                protocol_.answer(policy("rcpt <" + protocol_.recipient().address + ">", "recipient"));
                break;
            case Step::data:
                protocol_.answer(policy("data *", "go"));
                break;
            case Step::body_chunk:
                content_ += protocol_.chunk();
                break;
            case Step::body_end:
                accept();
                break;
            case Step::reset:
                ++outcome_.resets;
                content_.clear();
                break;
        }
    }
}

ServerReply DialogShell::policy(const std::string& what, std::string_view good_text) const {
    const auto rejected = dialog_.rejected.find(what);
    return rejected != dialog_.rejected.end() ? rejected->second
                                              : ServerReply{250, "2.1.0", std::string(good_text)};
}

void DialogShell::log_in() {
    const Credentials& given = protocol_.credentials();
    std::string login = given.user + " " + std::string(given.password.reveal());
    if (!given.act_as.empty()) login += " as " + given.act_as;
    const auto rejected = dialog_.rejected.find("auth " + given.user);
    outcome_.logins.push_back(std::move(login));
    protocol_.answer(rejected != dialog_.rejected.end() ? rejected->second
                                                        : ServerReply{235, "2.7.0", "welcome"});
}

void DialogShell::accept() {
    const ServerReply reply = policy("end *", "queued");
    if (reply.good()) {
        const mail::Envelope& envelope = protocol_.envelope();
        DialogMessage message{"<" + envelope.sender + ">", std::exchange(content_, {})};
        for (const mail::Recipient& recipient : envelope.recipients)
            message.envelope += " <" + recipient.address + ">" + given(" notify=", recipient.notify) +
                                given(" orcpt=", recipient.orcpt);
        if (envelope.body == mail::BodyType::eight_bit_mime) message.envelope += " [8bit]";
        if (envelope.smtputf8) message.envelope += " [utf8]";
        if (envelope.ret != mail::DsnReturn::unset)
            message.envelope += envelope.ret == mail::DsnReturn::full ? " [ret=FULL]" : " [ret=HDRS]";
        if (!envelope.envid.empty()) message.envelope += " [envid=" + envelope.envid + "]";
        outcome_.messages.push_back(std::move(message));
    }
    content_.clear();
    protocol_.answer(reply);
}

std::string difference(const std::vector<std::string>& expected, const std::string& output) {
    std::string_view rest = output;
    for (const std::string& line : expected) {
        const std::size_t end = rest.find("\r\n");
        if (end == std::string_view::npos) return "the server did not say: " + line;
        const std::string_view said = rest.substr(0, end);
        const bool wildcard = line.ends_with('*');
        const std::string_view wanted = std::string_view(line).substr(0, line.size() - (wildcard ? 1 : 0));
        if (wildcard ? !said.starts_with(wanted) : said != wanted)
            return "expected: " + line + "\n     said: " + std::string(said);
        rest.remove_prefix(end + 2);
    }
    return rest.empty() ? "" : "the server also said: " + std::string(rest);
}

}  // namespace mailramp::smtp::testing
