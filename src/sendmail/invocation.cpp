#include "sendmail/invocation.h"

#include <algorithm>
#include <utility>

#include "mailramp/base/text.h"
#include "mailramp/mail/dsn.h"

namespace mailramp::sendmail {
namespace {

using base::ErrorKind;
using base::fail;

constexpr std::size_t argument_bytes_shown_max = 200;

constexpr std::string_view alone = "GUcimntvx";                 // never have an argument
constexpr std::string_view with_argument = "BCFLNORVXbefhopr";  // the rest of the word, or the next word
constexpr std::string_view with_rest = "Adq";                   // the rest of the word, maybe nothing
constexpr std::string_view without_effect = "GUcmnxCLOXehpAd";

std::string in_quotes(std::string_view text) {
    return "'" + base::printable(text, argument_bytes_shown_max) + "'";
}

Mode mode_by_name(std::string_view program) {
    const std::string_view name = program.substr(program.find_last_of('/') + 1);
    if (name == "mailq") return Mode::list_queue;
    if (name == "newaliases") return Mode::rebuild_aliases;
    return Mode::send;
}

base::Result<Mode> mode_by_letter(std::string_view letter) {
    if (letter == "m") return Mode::send;
    if (letter == "s") return Mode::smtp_session;
    if (letter == "p") return Mode::list_queue;
    if (letter == "i") return Mode::rebuild_aliases;
    if (letter == "d" || letter == "D")
        return fail(ErrorKind::invalid,
                    "-b" + std::string(letter) +
                        " starts no daemon here; 'mailramp serve' does, or the service manager");
    return fail(ErrorKind::invalid, "-b takes m, s, p or i, not " + in_quotes(letter));
}

base::Result<std::string> notify_of(std::string_view words) {
    std::string list;
    bool never = false;
    for (std::string_view rest = words; !rest.empty();) {
        const std::size_t comma = std::min(rest.find(','), rest.size());
        std::string word = base::to_lower(base::trim(rest.substr(0, comma)));
        rest.remove_prefix(std::min(comma + 1, rest.size()));
        if (word != "never" && word != "success" && word != "failure" && word != "delay")
            return fail(ErrorKind::invalid,
                        "-N takes never, or some of success,failure,delay; not " + in_quotes(words));
        never = never || word == "never";
        std::ranges::transform(word, word.begin(), [](char c) { return static_cast<char>(c - 'a' + 'A'); });
        list.append(list.empty() ? "" : ",").append(word);
    }
    if (list.empty() || (never && list != "NEVER"))
        return fail(ErrorKind::invalid,
                    "-N takes never, or some of success,failure,delay; not " + in_quotes(words));
    return list;
}

class ArgumentReader {
  public:
    ArgumentReader(std::string_view program, const std::vector<std::string>& words) : words_(words) {
        invocation_.mode = mode_by_name(program);
    }

    base::Result<Invocation> read() {
        while (at_ < words_.size()) {
            const std::string& word = words_[at_++];
            if (word == "--") {
                invocation_.recipients.insert(invocation_.recipients.end(),
                                              words_.begin() + static_cast<std::ptrdiff_t>(at_),
                                              words_.end());
                break;
            }
            if (auto taken = take(word); !taken) return std::unexpected(std::move(taken).error());
        }
        return checked();
    }

  private:
    base::Result<> take(std::string_view word) {
        if (word.starts_with("--")) return take_long(word);
        if (word.size() < 2 || !word.starts_with('-')) {
            invocation_.recipients.emplace_back(word);
            return {};
        }
        word.remove_prefix(1);
        while (!word.empty()) {
            const char letter = word.front();
            word.remove_prefix(1);
            if (alone.contains(letter)) {
                take_flag(letter);
            } else if (letter == 'I') {
                invocation_.mode = Mode::rebuild_aliases;
            } else if (with_rest.contains(letter)) {
                return take_option(letter, std::exchange(word, {}));
            } else if (with_argument.contains(letter)) {
                if (word.empty() && at_ == words_.size())
                    return fail(ErrorKind::invalid, std::string("-") + letter + " needs an argument");
                return take_option(letter, word.empty() ? words_[at_++] : word);
            } else {
                return fail(ErrorKind::invalid, "unknown option " + in_quotes(std::string("-") + letter));
            }
        }
        return {};
    }

    base::Result<> take_long(std::string_view word) {
        if (word == "--help")
            invocation_.mode = Mode::help;
        else if (word == "--version")
            invocation_.mode = Mode::version;
        else
            return fail(ErrorKind::invalid, "unknown option " + in_quotes(word));
        return {};
    }

    void take_flag(char letter) {
        if (letter == 'i') invocation_.lone_dot = LoneDot::is_content;
        if (letter == 't') invocation_.header_recipients = HeaderRecipients::added;
        if (letter == 'v') invocation_.talk = Talk::of_everything;
    }

    base::Result<> take_option(char letter, std::string_view value) {
        if (without_effect.contains(letter)) return {};
        switch (letter) {
            case 'f':
            case 'r':
                invocation_.sender = value;
                return {};
            case 'F':
                invocation_.full_name = value;
                return {};
            case 'b':
                return take_mode(value);
            case 'o':
                return take_old_option(value);
            case 'q':
                invocation_.mode = Mode::run_queue;
                return {};
            case 'B':
                return take_body(value);
            case 'N':
                return take_notify(value);
            case 'R':
                return take_return(value);
            case 'V':
                return take_envelope_id(value);
            default:
                return fail(ErrorKind::internal, std::string("-") + letter + " is listed and not handled");
        }
    }

    base::Result<> take_mode(std::string_view letter) {
        const auto mode = mode_by_letter(letter);
        if (!mode) return std::unexpected(mode.error());
        invocation_.mode = *mode;
        return {};
    }

    // -oX: of these only -oi changes anything; -om, -oem, -oep, -oeq, -odb, -odi, -odq, -o7, -o8 are common.
    base::Result<> take_old_option(std::string_view value) {
        if (value.starts_with('i')) invocation_.lone_dot = LoneDot::is_content;
        if (value.starts_with('v')) invocation_.talk = Talk::of_everything;
        return {};
    }

    // Which of the two it is, the octets themselves tell.
    base::Result<> take_body(std::string_view value) {
        if (base::equals_ignoring_case(value, "7BIT") || base::equals_ignoring_case(value, "8BITMIME"))
            return {};
        return fail(ErrorKind::invalid, "-B takes 7BIT or 8BITMIME, not " + in_quotes(value));
    }

    base::Result<> take_notify(std::string_view value) {
        auto notify = notify_of(value);
        if (!notify) return std::unexpected(std::move(notify).error());
        invocation_.notify = *std::move(notify);
        return {};
    }

    base::Result<> take_return(std::string_view value) {
        if (!base::equals_ignoring_case(value, "full") && !base::equals_ignoring_case(value, "hdrs"))
            return fail(ErrorKind::invalid, "-R takes full or hdrs, not " + in_quotes(value));
        invocation_.ret =
            base::equals_ignoring_case(value, "full") ? mail::DsnReturn::full : mail::DsnReturn::headers;
        return {};
    }

    base::Result<> take_envelope_id(std::string_view value) {
        std::string envid = mail::encoded_xtext(value);
        if (!mail::parse_envid(envid))
            return fail(ErrorKind::invalid,
                        "-V takes 1 to " + std::to_string(mail::envid_bytes_max) +
                            " octets of printable ASCII; '+', '=' and spaces count three");
        invocation_.envid = std::move(envid);
        return {};
    }

    // Addresses are read leniently, line ends as blanks: an address could hide behind one.
    base::Result<> check_words() const {
        const auto has_control = [](std::string_view word) {
            return std::ranges::any_of(
                word, [](char c) { return static_cast<unsigned char>(c) < ' ' || c == '\x7f'; });
        };
        if (invocation_.sender && has_control(*invocation_.sender))
            return fail(ErrorKind::invalid, "a control character in -f " + in_quotes(*invocation_.sender));
        const auto odd = std::ranges::find_if(invocation_.recipients, has_control);
        if (odd != invocation_.recipients.end())
            return fail(ErrorKind::invalid, "a control character in the recipient " + in_quotes(*odd));
        return {};
    }

    base::Result<Invocation> checked() {
        if (auto words = check_words(); !words) return std::unexpected(std::move(words).error());
        const bool sends = invocation_.mode == Mode::send;
        const bool free = invocation_.mode == Mode::help || invocation_.mode == Mode::version;
        if (!sends && !free && !invocation_.recipients.empty())
            return fail(ErrorKind::invalid, "no message is sent in this mode, so there can be no recipient " +
                                                in_quotes(invocation_.recipients.front()));
        if (sends && invocation_.recipients.empty() &&
            invocation_.header_recipients == HeaderRecipients::ignored)
            return fail(ErrorKind::invalid, "no recipient: name one, or let -t take them from the header");
        return std::move(invocation_);
    }

    const std::vector<std::string>& words_;
    std::size_t at_ = 0;
    Invocation invocation_;
};

}  // namespace

base::Result<Invocation> read_arguments(std::string_view program, const std::vector<std::string>& words) {
    return ArgumentReader(program, words).read();
}

std::string_view help_text() {
    return R"(usage: mailramp-sendmail [OPTION...] [--] RECIPIENT...
       mailramp-sendmail -t [OPTION...] [RECIPIENT...]

Hands the message on the standard input to the mailramp on this machine, by SMTP. Ends with 0 only once
mailramp has it on disk.

  -t              recipients also from To, Cc and Bcc (from Resent-To, -Cc and -Bcc where there is one)
  -i, -oi         a line with a lone dot does not end the input
  -f, -r ADDRESS  the envelope's sender; <> for none
  -F NAME         the name in From, where the message has no From
  -N WHEN         never, or some of success,failure,delay
  -R full|hdrs    how much of the message a notification returns
  -V ID           the envelope's identifier
  -v              say what mailramp answered
  -bm             send a message (the default)
  -bs             talk SMTP on the standard input and output
  -bp             list the queue, as 'mailramp queue list'; also when called mailq
  -bi, -I         nothing: the daemon reads its aliases by itself; also when called newaliases
  -q...           nothing: the queue needs no runner
  --help, --version

Taken and without effect: -A -B -C -G -L -O -U -X -c -d -e -h -m -n -o... -p -x

MAILRAMP_SENDMAIL_SERVER=HOST[:PORT][,...] says where mailramp listens; by default 127.0.0.1:25, then [::1]:25.

Exit status (sysexits): 0 taken, 64 wrong command line, 65 message too large or wrong, 67 and 68 no such
recipient, 69 refused, 74 input not readable, 75 not taken, try again, 77 not allowed.
)";
}

}  // namespace mailramp::sendmail
