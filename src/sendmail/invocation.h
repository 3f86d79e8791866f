// sendmail/invocation.h: what a command line in the style of sendmail(1) asks for. Pure.
//
// Options as getopt(3) takes them: letters may share a word (`-ti`), an argument may share it with its letter
// (`-FCronDaemon`) or be the next word, options may stand behind recipients, and `--` ends them. Letters that
// Sendmail, Postfix and Exim know and that mean nothing here are accepted; letters nobody knows are an error,
// as they are to Postfix, because their arguments would else be taken for recipients.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mailramp/base/result.h"
#include "mailramp/mail/envelope.h"

namespace mailramp::sendmail {

enum class Mode {
    send,             // a message from the standard input
    smtp_session,     // -bs
    list_queue,       // -bp, mailq
    rebuild_aliases,  // -bi, -I, newaliases
    run_queue,        // -q
    help,
    version,
};

enum class LoneDot { ends_the_input, is_content };
enum class HeaderRecipients { ignored, added };  // added: -t
enum class Talk { of_trouble, of_everything };   // of_everything: -v

struct Invocation {
    Mode mode = Mode::send;
    // Words of the command line, each a list of addresses. Neither these nor `sender` have control
    // characters.
    std::vector<std::string> recipients;
    HeaderRecipients header_recipients = HeaderRecipients::ignored;
    LoneDot lone_dot = LoneDot::ends_the_input;
    std::optional<std::string> sender;     // -f, as given
    std::optional<std::string> full_name;  // -F
    std::string notify;                    // -N, as RCPT has it: "FAILURE,DELAY"
    mail::DsnReturn ret = mail::DsnReturn::unset;
    std::string envid;  // -V, as MAIL has it (xtext)
    Talk talk = Talk::of_trouble;
};

// `program` is argv[0]: as `mailq` and `newaliases` the command has other modes. Errors are of kind invalid,
// one line each.
[[nodiscard]] base::Result<Invocation> read_arguments(std::string_view program,
                                                      const std::vector<std::string>& words);

[[nodiscard]] std::string_view help_text();

}  // namespace mailramp::sendmail
