#include "sendmail/address_list.h"

#include <algorithm>
#include <optional>

#include "mailramp/base/text.h"
#include "mailramp/mail/address.h"

namespace mailramp::sendmail {
namespace {

constexpr std::size_t shown_bytes_max = 200;

std::optional<std::string> readable(std::string_view candidate) {
    const mail::PathRules rules{.utf8 = mail::Utf8::allowed};
    const std::string path = "<" + std::string(candidate) + ">";
    if (auto parsed = mail::parse_forward_path(path, rules);
        parsed && parsed->rest.empty() && !parsed->address.empty())
        return std::move(parsed->address);
    // A bare name is good if it would be with a domain.
    const bool bare = !candidate.contains('@') && !candidate.contains('"');
    if (bare && mail::check_address(std::string(candidate) + "@a", mail::Utf8::allowed))
        return std::string(candidate);
    return {};
}

class Reader {
  public:
    Reader(std::string_view text, AddressList& list) : text_(text), list_(list) {}

    void read() {
        while (at_ < text_.size()) {
            switch (text_[at_]) {
                case '(':
                    skip_comment();
                    break;
                case '"':
                    take_quoted();
                    break;
                case '<':
                    take_bracketed();
                    break;
                case ',':
                case ';':
                    end_entry();
                    ++at_;
                    break;
                case ':':
                    take_colon();
                    break;
                default:
                    literal_ = literal_ || text_[at_] == '[';
                    words_ += text_[at_++];
            }
        }
        end_entry();
    }

  private:
    // Comments nest, and a backslash hides what follows it.
    void skip_comment() {
        std::size_t depth = 0;
        while (at_ < text_.size()) {
            const char c = text_[at_++];
            if (c == '\\' && at_ < text_.size()) ++at_;
            if (c == '(') ++depth;
            if (c == ')' && --depth == 0) break;
        }
        words_ += ' ';
    }

    // With its quotes: it may be a local part.
    void take_quoted() {
        const std::size_t begin = at_;
        skip_quoted();
        words_ += text_.substr(begin, at_ - begin);
    }

    void skip_quoted() {
        ++at_;
        while (at_ < text_.size()) {
            const char c = text_[at_++];
            if (c == '\\' && at_ < text_.size()) ++at_;
            if (c == '"') break;
        }
    }

    void take_bracketed() {
        const std::size_t begin = ++at_;
        while (at_ < text_.size() && text_[at_] != '>') {
            if (text_[at_] == '"')
                skip_quoted();
            else
                ++at_;
        }
        const std::string_view inside = base::trim(text_.substr(begin, at_ - begin));
        if (!inside.empty()) keep(inside);  // "<>" names nobody
        at_ = std::min(at_ + 1, text_.size());
        clear_words();
        bracketed_ = true;
    }

    // Behind the name of a group, unless it is the colon of an address literal.
    void take_colon() {
        if (literal_)
            words_ += ':';
        else
            clear_words();
        ++at_;
    }

    // What follows a bracketed address is noise, unless it looks like an address whose comma is missing.
    void end_entry() {
        const std::string_view entry = base::trim(words_);
        if (!entry.empty() && (!bracketed_ || entry.contains('@'))) keep(entry);
        clear_words();
        bracketed_ = false;
    }

    void clear_words() {
        words_.clear();
        literal_ = false;
    }

    void keep(std::string_view candidate) {
        if (auto address = readable(candidate))
            list_.addresses.push_back(*std::move(address));
        else
            list_.unreadable.push_back(base::printable(candidate, shown_bytes_max));
    }

    std::string_view text_;
    AddressList& list_;
    std::size_t at_ = 0;
    std::string words_;     // outside of comments and brackets since the last separator
    bool literal_ = false;  // words_ has a '[' outside quotes
    bool bracketed_ = false;
};

}  // namespace

void read_addresses(std::string_view text, AddressList& list) {
    Reader(text, list).read();
}

}  // namespace mailramp::sendmail
