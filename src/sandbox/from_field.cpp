#include "sandbox/from_field.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "mailramp/base/text.h"

namespace mailramp::sandbox {
namespace {

base::Result<std::string> fault(std::string message) {
    return base::fail(base::ErrorKind::invalid, std::move(message));
}

// ------------------------------------------------------------------ the fields

// The values of all From fields, unfolded.
std::vector<std::string> from_values(std::string_view content) {
    std::vector<std::string> values;
    bool within_from = false;
    while (!content.empty()) {
        const std::size_t end = std::min(content.find("\r\n"), content.size());
        const std::string_view line = content.substr(0, end);
        content.remove_prefix(std::min(end + 2, content.size()));
        if (line.empty()) break;
        if (line.front() == ' ' || line.front() == '\t') {
            if (within_from) values.back() += line;
            continue;
        }
        const std::size_t colon = std::min(line.find(':'), line.size());
        within_from = base::equals_ignoring_case(base::trim(line.substr(0, colon)), "From");
        if (within_from) values.emplace_back(line.substr(std::min(colon + 1, line.size())));
    }
    return values;
}

// ------------------------------------------------------------------ the tokens (§3.2)

enum class Kind { atom, quoted, literal, special };

struct Token {
    Kind kind = Kind::special;
    std::string_view text;
    bool apart = false;  // white space or a comment stands in front of it
};

bool is_atom_octet(char c) {
    const bool letter_or_digit = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    return letter_or_digit || static_cast<unsigned char>(c) >= 0x80 ||
           std::string_view("!#$%&'*+-/=?^_`{|}~").contains(c);
}

// What may stand in quotes, comments and literals besides their own marks.
bool is_text_octet(char c) {
    return c == '\t' || (static_cast<unsigned char>(c) >= ' ' && c != '\x7F');
}

class Tokens {
  public:
    // All of `text`, or nothing when an octet or an end is not where the grammar has it.
    static std::optional<std::vector<Token>> of(std::string_view text) {
        Tokens tokens(text);
        while (tokens.at_ < text.size())
            if (!tokens.take()) return {};
        return std::move(tokens.found_);
    }

  private:
    explicit Tokens(std::string_view text) : text_(text) {}

    bool take() {
        const char c = text_[at_];
        if (c == ' ' || c == '\t') {
            ++at_;
            apart_ = true;
            return true;
        }
        if (c == '(') {
            apart_ = true;
            return skip_comment();
        }
        const std::size_t begin = at_;
        if (c == '"') return skip_to('"') && add(Kind::quoted, begin);
        if (c == '[') return skip_to(']') && add(Kind::literal, begin);
        if (std::string_view("<>@.,;:").contains(c)) {
            ++at_;
            return add(Kind::special, begin);
        }
        while (at_ < text_.size() && is_atom_octet(text_[at_]))
            ++at_;
        return at_ > begin && add(Kind::atom, begin);
    }

    bool add(Kind kind, std::size_t begin) {
        found_.push_back({kind, text_.substr(begin, at_ - begin), std::exchange(apart_, false)});
        return true;
    }

    // One octet, or a quoted pair; nothing at the end and at what no text has.
    std::optional<char> text_octet() {
        if (at_ == text_.size() || !is_text_octet(text_[at_])) return {};
        if (text_[at_] != '\\') return text_[at_++];
        if (at_ + 1 == text_.size() || !is_text_octet(text_[at_ + 1])) return {};
        at_ += 2;
        return '\\';
    }

    bool skip_to(char closing) {
        ++at_;
        while (const auto c = text_octet())
            if (*c == closing) return true;
        return false;
    }

    bool skip_comment() {
        std::size_t open = 0;
        while (const auto c = text_octet()) {
            if (*c == '(') ++open;
            if (*c == ')' && --open == 0) return true;
        }
        return false;
    }

    std::string_view text_;
    std::size_t at_ = 0;
    bool apart_ = false;
    std::vector<Token> found_;
};

// ------------------------------------------------------------------ the mailbox (§3.4)

class Mailbox {
  public:
    explicit Mailbox(const std::vector<Token>& tokens) : tokens_(tokens) {}

    // `address`, or `[phrase] <address>`, and nothing more.
    std::optional<std::string> address() {
        const auto bracket = std::ranges::find_if(tokens_, [](const Token& t) { return t.text == "<"; });
        const bool bare = bracket == tokens_.end();
        if (!bare && !std::all_of(tokens_.begin(), bracket, in_phrase)) return {};
        at_ = bare ? 0 : static_cast<std::size_t>(bracket - tokens_.begin()) + 1;
        const std::size_t begin = at_;
        if (!take_local_part() || !take("@") || !take_domain()) return {};
        const std::size_t end = at_;
        if (!bare && !take(">")) return {};
        if (at_ != tokens_.size()) return {};
        std::string address;
        for (std::size_t i = begin; i < end; ++i)
            address += tokens_[i].text;
        return address;
    }

  private:
    static bool in_phrase(const Token& token) {
        return token.kind == Kind::atom || token.kind == Kind::quoted || token.text == ".";
    }

    bool take_first(Kind kind) {
        if (at_ == tokens_.size() || tokens_[at_].kind != kind) return false;
        ++at_;
        return true;
    }
    // Comments within an address were once allowed (§4.4); who reads them differently finds another address.
    bool take(Kind kind) { return at_ < tokens_.size() && !tokens_[at_].apart && take_first(kind); }
    bool take(std::string_view special) {
        return at_ < tokens_.size() && tokens_[at_].text == special && take(Kind::special);
    }

    bool take_more_atoms() {
        while (take("."))
            if (!take(Kind::atom)) return false;
        return true;
    }
    bool take_local_part() {
        return take_first(Kind::quoted) || (take_first(Kind::atom) && take_more_atoms());
    }
    bool take_domain() { return take(Kind::literal) || (take(Kind::atom) && take_more_atoms()); }

    const std::vector<Token>& tokens_;
    std::size_t at_ = 0;
};

}  // namespace

base::Result<std::string> from_address(std::string_view content) {
    const std::vector<std::string> values = from_values(content);
    if (values.empty()) return fault("there is no From");
    if (values.size() > 1) return fault("there are " + std::to_string(values.size()) + " From fields");
    if (values.front().size() > from_bytes_max) return fault("From is too long");
    const auto tokens = Tokens::of(values.front());
    if (!tokens) return fault("From has an octet or an end where none can be");
    auto address = Mailbox(*tokens).address();
    if (!address) return fault("From is not one mailbox");
    return *std::move(address);
}

}  // namespace mailramp::sandbox
