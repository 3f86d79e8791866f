// ClientProtocol: whatever a server says, every recipient gets one outcome that fits what was sent, no token
// goes out in plain text, and what is sent are clean lines.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "mailramp/base/result.h"
#include "mailramp/base/text.h"
#include "mailramp/smtp/client_protocol.h"
#include "unit/smtp/wire_strings.h"

namespace {

namespace base = mailramp::base;
namespace mail = mailramp::mail;
using base::check;
using namespace mailramp::smtp;  // NOLINT(google-build-using-namespace): a test of just these
using Step = ClientProtocol::Step;

constexpr std::size_t messages_max = 3;
constexpr std::size_t recipients = 3;
constexpr std::string_view token_part = "TTTTTTTT";
constexpr std::string_view content = "Subject: x\r\n\r\n.hidden\r\n.\r\nbye\r\n";

struct Setting {
    bool tls = true;
    bool long_token = false;  // the login then takes two steps
    bool lingers = false;     // the end of data waits while the server speaks

    explicit Setting(std::uint8_t octet)
        : tls((octet & 1) == 0), long_token((octet & 2) != 0), lingers((octet & 4) != 0) {}
    [[nodiscard]] std::string token() const { return std::string(long_token ? 600 : 30, 'T'); }
};

ClientOptions options_for(const Setting& setting) {
    ClientOptions options;
    if (!setting.tls) {
        options.starttls = StartTls::none;
        options.authentication = Authentication::none;
    }
    options.host = "smtp.test";
    options.reply = {.line_bytes_max = 200, .lines_max = 8};
    options.pipelined_bytes_max = 80;
    return options;
}

void check_shown(const mail::Answer& answer) {
    check(answer.text.size() <= mail::answer_text_bytes_max, "an answer has its limit");
    check(base::printable(answer.text, answer.text.size()) == answer.text, "an answer is printable");
    check(answer.text.find(token_part) == std::string::npos, "an answer does not repeat the token");
}

// The driver of a session, without a socket. It acts whenever a line of the server is complete.
class Session {
  public:
    explicit Session(Setting setting) : setting_(setting), protocol_(options_for(setting)) {}

    void hear(std::string_view line, std::size_t piece_size) {
        act();
        for (std::size_t at = 0; at < line.size(); at += piece_size)
            protocol_.receive(line.substr(at, piece_size));
        act();
    }
    void lose_connection() {
        protocol_.connection_lost({base::ErrorKind::closed, "the line went dead"});
        act();
        check(over(), "a session without a connection is over");
        if (submitting_) check_outcomes();
    }
    // All that was sent and what became of it.
    [[nodiscard]] const std::string& story() const { return story_; }

  private:
    [[nodiscard]] bool over() const {
        return protocol_.next() == Step::closed || protocol_.next() == Step::failed;
    }

    void act() {
        for (bool going = true; going;) {
            switch (protocol_.next()) {
                case Step::need_bytes:
                    going = false;
                    if (!setting_.lingers || protocol_.phase() != mail::Phase::body_end) send();
                    break;
                case Step::start_tls:
                    send();
                    check(story_.find("AUTH ") == std::string::npos, "nobody logs in without TLS");
                    secure_ = true;
                    protocol_.tls_started();
                    break;
                case Step::need_credentials:
                    check(secure_, "credentials are for TLS only");
                    protocol_.authenticate("relay@example.com", base::Secret(setting_.token()));
                    break;
                case Step::ready:
                    next_message();
                    break;
                case Step::need_body:
                    protocol_.send_body(content);
                    send();
                    protocol_.end_body();
                    end_sent_ = !setting_.lingers;
                    break;
                case Step::submitted:
                    check_outcomes();
                    break;
                case Step::closed:
                case Step::failed:
                    going = false;
                    break;
            }
        }
        check_shown(protocol_.failure());
        check(base::printable(protocol_.greeting(), protocol_.greeting().size()) == protocol_.greeting(),
              "a greeting is printable");
    }

    void send() {
        const std::string output = protocol_.take_output();
        check(testing::is_crlf_only(output), "what is sent are lines");
        check(secure_ || output.find(token_part) == std::string::npos, "no token goes out in plain text");
        if (protocol_.phase() == mail::Phase::rcpt || protocol_.phase() == mail::Phase::data)
            check(output.size() <= 80 + 64, "a pipelined group is within its window, but for a line");
        story_ += output;
    }

    void next_message() {
        if (++messages_ > messages_max) return protocol_.quit();
        OutgoingMessage message;
        message.envelope.sender = "relay@example.com";
        message.size_bytes = content.size();
        for (std::size_t i = 0; i < recipients; ++i)
            message.envelope.recipients.push_back({std::to_string(i) + "@example.net", "", ""});
        submitting_ = true;
        end_sent_ = false;
        protocol_.submit(std::move(message));
    }

    void check_outcomes() {
        submitting_ = false;
        const std::vector<RecipientOutcome> outcomes = protocol_.take_outcomes();
        check(outcomes.size() == recipients, "every recipient has an outcome");
        for (const RecipientOutcome& outcome : outcomes) {
            check_shown(outcome.answer);
            const int code_class = outcome.answer.code / 100;
            switch (outcome.fate) {
                case RecipientFate::delivered:
                    check(end_sent_ && code_class == 2, "delivered is what got a 2yz behind its end");
                    break;
                case RecipientFate::refused:
                    check(code_class == 4 || code_class == 5, "a refusal has its code");
                    break;
                case RecipientFate::not_tried:
                    check(!end_sent_, "what was sent to its end was tried");
                    break;
                case RecipientFate::uncertain:
                    check(end_sent_, "uncertain is only what was sent to its end");
                    break;
            }
            story_ +=
                std::to_string(static_cast<int>(outcome.fate)) + mail::to_string(outcome.answer) + "\r\n";
        }
    }

    Setting setting_;
    ClientProtocol protocol_;
    std::string story_;
    std::size_t messages_ = 0;
    bool secure_ = false;
    bool submitting_ = false;
    bool end_sent_ = false;  // of the message under way
};

std::string run(Setting setting, std::string_view octets, std::size_t piece_size) {
    Session session(setting);
    while (!octets.empty()) {
        const std::size_t length = std::min(octets.find('\n'), octets.size() - 1) + 1;
        session.hear(octets.substr(0, length), piece_size);
        octets.remove_prefix(length);
    }
    session.lose_connection();
    return session.story();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const Setting setting(data[0]);
    const std::string_view octets(reinterpret_cast<const char*>(data) + 1, size - 1);
    // A server that says the token itself proves nothing.
    if (octets.find(token_part) != std::string_view::npos) return 0;
    const std::string whole = run(setting, octets, octets.size() + 1);
    check(run(setting, octets, 1 + (data[0] >> 3)) == whole, "a session does not depend on the pieces");
    return 0;
}
