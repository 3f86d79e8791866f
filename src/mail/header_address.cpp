#include "mailramp/mail/header_address.h"

#include <algorithm>
#include <utility>

#include "mail/header_fields.h"
#include "mailramp/base/text.h"
#include "mailramp/mail/address.h"

namespace mailramp::mail {
namespace {

// The end of the comment that starts at `at`, behind its ')'; npos when nothing closes it. Comments nest,
// hence the count.
std::size_t behind_comment(std::string_view text, std::size_t at) {
    std::size_t depth = 0;
    for (; at < text.size(); ++at) {
        if (text[at] == '\\') {
            ++at;
        } else if (text[at] == '(') {
            ++depth;
        } else if (text[at] == ')' && --depth == 0) {
            return at + 1;
        }
    }
    return std::string_view::npos;
}

// The end of the quoted string that starts at `at`, behind its closing '"'; npos when nothing closes it.
std::size_t behind_quotes(std::string_view text, std::size_t at) {
    for (++at; at < text.size(); ++at) {
        if (text[at] == '\\') {
            ++at;
        } else if (text[at] == '"') {
            return at + 1;
        }
    }
    return std::string_view::npos;
}

// Quoted pairs (RFC 5322 §3.2.1) as what they stand for.
std::string without_escapes(std::string_view text) {
    std::string out;
    for (std::size_t at = 0; at < text.size(); ++at) {
        if (text[at] == '\\' && at + 1 < text.size()) ++at;
        out += text[at];
    }
    return out;
}

bool is_address(std::string_view text) {
    return !text.empty() && check_address(text, Utf8::allowed) && !domain_of(text).empty();
}

// Collects the mailboxes of a field, octet by octet of what stands outside quotes, comments and brackets.
class MailboxReader {
  public:
    explicit MailboxReader(std::string_view text) : text_(text) {}

    std::vector<HeaderMailbox> read() && {
        while (at_ < text_.size() && found_.size() < header_mailboxes_max)
            step();
        end_mailbox();
        return std::move(found_);
    }

  private:
    void step() {
        switch (const char c = text_[at_]; c) {
            case '(':
                take_comment();
                break;
            case '"':
                words_ += take_to(behind_quotes(text_, at_));
                words_end_ = at_;
                break;
            case '<':
                take_bracket();
                break;
            case ',':
            case ';':
                end_mailbox();
                ++at_;
                break;
            case ':':
                // Behind the name of a group; in a domain literal it is part of an address.
                if (literal_) {
                    take_octet(c);
                } else {
                    clear_words();
                    ++at_;
                }
                break;
            default:
                literal_ = literal_ || c == '[';
                take_octet(c);
        }
    }

    void take_octet(char c) {
        words_ += c;
        ++at_;
        if (!base::trim(std::string_view(&c, 1)).empty()) words_end_ = at_;
    }

    std::string_view take_to(std::size_t end) {
        const std::size_t begin = std::exchange(at_, std::min(end, text_.size()));
        return text_.substr(begin, at_ - begin);
    }

    void take_comment() {
        std::string_view comment = take_to(behind_comment(text_, at_));
        comment.remove_prefix(1);
        if (comment.ends_with(')')) comment.remove_suffix(1);
        if (mailbox_.comment.empty()) mailbox_.comment = without_escapes(base::trim(comment));
        // It parts words as a blank does: "a(x)b" is not "ab".
        if (!words_.empty() && !is_blank(words_.back())) words_ += ' ';
    }

    // What stood in front of it was the display name. A second bracket of one mailbox counts if the first had
    // no address.
    void take_bracket() {
        const std::size_t end = std::min(text_.find('>', at_), text_.size());
        const std::string_view inside = base::trim(text_.substr(at_ + 1, end - at_ - 1));
        at_ = std::min(end + 1, text_.size());
        if (mailbox_.phrase.empty()) mailbox_.phrase = base::trim(words_);
        clear_words();
        keep(inside, static_cast<std::size_t>(inside.data() - text_.data()) + inside.size());
    }

    void keep(std::string_view text, std::size_t end) {
        if (!mailbox_.address.empty()) return;
        if (is_address(text)) {
            mailbox_.address = text;
        } else if (mailbox_.words.empty()) {
            mailbox_.words = text;
            mailbox_.words_end = end;
        }
    }

    void end_mailbox() {
        keep(base::trim(words_), words_end_);
        clear_words();
        HeaderMailbox mailbox = std::exchange(mailbox_, {});
        if (!mailbox.address.empty()) mailbox.words.clear();
        if (!mailbox.address.empty() || !mailbox.words.empty()) found_.push_back(std::move(mailbox));
    }

    void clear_words() {
        words_.clear();
        literal_ = false;
    }

    std::string_view text_;
    std::size_t at_ = 0;
    // What stands outside comments and brackets since the last separator: an address if the sender wrote no
    // brackets, else the display name.
    std::string words_;
    std::size_t words_end_ = 0;  // behind the last of them that is no blank
    bool literal_ = false;       // words_ has a '[' outside quotes
    HeaderMailbox mailbox_;
    std::vector<HeaderMailbox> found_;
};

// RFC 5322 §3.2.3 and §4.1: what an unquoted word of a phrase may have, 8-bit octets included.
bool is_phrase_octet(char c) {
    const bool letter_or_digit = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    return letter_or_digit || static_cast<unsigned char>(c) >= 0x80 ||
           std::string_view("!#$%&'*+-/=?^_`{|}~. \t").contains(c);
}

bool is_phrase(std::string_view text) {
    for (std::size_t at = 0; at < text.size();) {
        if (text[at] == '"') {
            const std::size_t end = behind_quotes(text, at);
            if (end == std::string_view::npos) return false;
            at = end;
        } else if (!is_phrase_octet(text[at++])) {
            return false;
        }
    }
    return true;
}

bool is_control(char c) {
    return (static_cast<unsigned char>(c) < ' ' && c != '\t') || c == '\x7F';
}

// Takes the white space and the comments at the front of `text`; false when a comment does not end.
bool skip_around(std::string_view& text) {
    for (;;) {
        text.remove_prefix(std::min(text.find_first_not_of(" \t\r\n"), text.size()));
        if (!text.starts_with('(')) return true;
        const std::size_t end = behind_comment(text, 0);
        if (end == std::string_view::npos) return false;
        text.remove_prefix(end);
    }
}

// Takes a display name and the comments in it, up to the bracket.
bool skip_phrase(std::string_view& text) {
    while (skip_around(text) && !text.empty() && text.front() != '<') {
        const bool quoted = text.front() == '"';
        if (!quoted && !is_phrase_octet(text.front())) return false;
        const std::size_t end = quoted ? behind_quotes(text, 0) : 1;
        if (end == std::string_view::npos) return false;
        text.remove_prefix(end);
    }
    return text.starts_with('<');
}

// Takes an address that stands there without brackets.
bool skip_bare_address(std::string_view& text) {
    std::size_t end = text.starts_with('"') ? behind_quotes(text, 0) : 0;
    end = std::min(text.find_first_of(" \t\r\n(<,;", end), text.size());
    if (!is_address(text.substr(0, end))) return false;
    text.remove_prefix(end);
    return true;
}

}  // namespace

std::vector<HeaderMailbox> header_mailboxes(std::string_view field_value) {
    return MailboxReader(field_value).read();
}

std::string first_header_address(std::string_view field_value) {
    auto all = header_mailboxes(field_value);
    const auto first = std::ranges::find_if(all, [](const auto& one) { return !one.address.empty(); });
    return first == all.end() ? std::string() : std::move(first->address);
}

bool is_one_mailbox(std::string_view field_value) {
    const auto forbidden = [](char c) { return is_control(c) && c != '\r' && c != '\n'; };
    std::string_view rest = field_value;
    if (std::ranges::any_of(rest, forbidden) || !skip_around(rest)) return false;
    if (!skip_bare_address(rest)) {
        if (!skip_phrase(rest)) return false;
        const std::size_t end = rest.find('>');
        if (end == std::string_view::npos || !is_address(rest.substr(1, end - 1))) return false;
        rest.remove_prefix(end + 1);
    }
    return skip_around(rest) && rest.empty();
}

std::string as_phrase(std::string_view text) {
    std::string name(base::trim(text));
    std::erase_if(name, [](char c) { return c == '\r' || c == '\n'; });
    std::ranges::replace_if(name, is_control, '?');
    if (is_phrase(name)) return name;
    std::string out = "\"";
    for (const char c : name) {
        if (c == '"' || c == '\\') out += '\\';
        out += c;
    }
    return out += '"';
}

std::string plain_words(std::string_view phrase) {
    std::string out;
    bool quoted = false;
    for (std::size_t at = 0; at < phrase.size(); ++at) {
        if (phrase[at] == '"') {
            quoted = !quoted;
            continue;
        }
        if (quoted && phrase[at] == '\\' && at + 1 < phrase.size()) ++at;
        out += phrase[at];
    }
    return out;
}

}  // namespace mailramp::mail
