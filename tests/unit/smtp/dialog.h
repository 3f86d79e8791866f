// A dialog file, read, and the machine that replays it. The format is described in tests/dialogs/README.md.
#pragma once

#include <iosfwd>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "mailramp/smtp/server_protocol.h"

namespace mailramp::smtp::testing {

struct DialogMessage {
    std::string envelope;  // "<a@b> <c@d> [8bit]"
    std::string content;
    friend bool operator==(const DialogMessage&, const DialogMessage&) = default;
};

struct DialogLine {
    enum class Kind { client, server, event };
    Kind kind;
    std::string text;
};

struct Dialog {
    ServerProtocolOptions options;
    std::string refusal;                          // of `@ refuse`
    bool implicit_tls = false;                    // `@ tls`
    std::map<std::string, ServerReply> rejected;  // "rcpt <a@b>" and its reply
    std::vector<DialogLine> lines;
    std::vector<DialogMessage> messages;
    std::vector<std::string> logins;  // "user password", or "user password as identity"
    std::size_t resets = 0;
    bool closed = false;
    std::string close_reason;
};

// Throws std::runtime_error, which names the line, when the file is not as the README says.
[[nodiscard]] Dialog read_dialog(const std::string& path);

// What a replay came to.
struct DialogOutcome {
    std::string output;
    std::vector<DialogMessage> messages;
    std::vector<std::string> logins;
    std::size_t resets = 0;
    bool closed = false;
    std::string close_reason;
    friend bool operator==(const DialogOutcome&, const DialogOutcome&) = default;
};

// For the words of a failed test.
void PrintTo(const DialogOutcome& outcome, std::ostream* out);

// Plays the shell of a ServerProtocol: accepts all but what the dialog rejects.
class DialogShell {
  public:
    explicit DialogShell(const Dialog& dialog);
    void receive(std::string_view octets);
    void event(std::string_view what);
    [[nodiscard]] const DialogOutcome& outcome() const { return outcome_; }

  private:
    void run();
    [[nodiscard]] ServerReply policy(const std::string& what, std::string_view good_text) const;
    void accept();
    void log_in();

    const Dialog& dialog_;
    ServerProtocol protocol_;
    DialogOutcome outcome_;
    std::string content_;
    bool shaking_hands_ = false;  // what the client sends is for the TLS layer
};

// What is the matter if `output` is not made of just these lines (a '*' at the end of one stands for any
// rest), else empty.
[[nodiscard]] std::string difference(const std::vector<std::string>& expected, const std::string& output);

}  // namespace mailramp::smtp::testing
