#include "mailramp/route/alias_file.h"

#include <algorithm>
#include <unordered_set>
#include <utility>

#include "mailramp/base/text.h"
#include "mailramp/mail/address.h"
#include "mailramp/mail/header_address.h"

namespace mailramp::route {
namespace {

using Kind = AliasProblem::Kind;

constexpr std::size_t shown_bytes_max = 80;
constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";

std::string shown(std::string_view text) {
    return base::printable(text, shown_bytes_max);
}

bool is_blank(char c) {
    return c == ' ' || c == '\t';
}

// Walks over text and knows what stands in quotes, with their backslashes.
class QuoteTracker {
  public:
    // Whether `c`, the next octet, stands outside quotes. A quotation mark itself stands inside.
    bool is_outside(char c) {
        if (std::exchange(escaped_, false)) return false;
        if (inside_ && c == '\\') {
            escaped_ = true;
            return false;
        }
        if (c == '"') {
            inside_ = !inside_;
            return false;
        }
        return !inside_;
    }

  private:
    bool inside_ = false;
    bool escaped_ = false;
};

// Only a # at the front of a line is a comment by the book, but people write them behind values as well, and
// no address has one behind a blank.
std::string_view without_comment(std::string_view line) {
    QuoteTracker quotes;
    for (std::size_t at = 0; at < line.size(); ++at) {
        const bool outside = quotes.is_outside(line[at]);
        if (outside && line[at] == '#' && (at == 0 || is_blank(line[at - 1]))) return line.substr(0, at);
    }
    return line;
}

// Commas outside quotes, comments and angle brackets separate values.
std::vector<std::string_view> values_of(std::string_view text) {
    std::vector<std::string_view> values;
    QuoteTracker quotes;
    std::size_t begin = 0, brackets = 0;
    for (std::size_t at = 0; at <= text.size(); ++at) {
        const bool end = at == text.size();
        const bool outside = !end && quotes.is_outside(text[at]);
        if (outside && (text[at] == '(' || text[at] == '<')) ++brackets;
        if (outside && (text[at] == ')' || text[at] == '>') && brackets > 0) --brackets;
        if (!end && !(outside && brackets == 0 && text[at] == ',')) continue;
        const std::string_view value = base::trim(text.substr(begin, at - begin));
        if (!value.empty()) values.push_back(value);
        begin = at + 1;
    }
    return values;
}

bool has_control(std::string_view text) {
    return std::ranges::any_of(
        text, [](char c) { return (static_cast<unsigned char>(c) < ' ' && c != '\t') || c == '\x7F'; });
}

// An address or a name in whatever a header field may have around it; empty: neither.
std::string target_in(std::string_view value) {
    // No name of a group, though they would be skipped in a header field: `root: daemon: ops` is two lines in
    // one.
    const bool colon = value.contains(':') && !value.contains('[') && !value.contains('"');
    auto mailboxes = mail::header_mailboxes(value);
    if (colon || mailboxes.size() != 1) return {};
    mail::HeaderMailbox& only = mailboxes.front();
    if (!only.address.empty())
        return mail::check_address(only.address, mail::Utf8::refused) ? std::move(only.address)
                                                                      : std::string();
    return is_alias_name(only.words) ? std::move(only.words) : std::string();
}

// Puts lines together, and entries from them.
class AliasReader {
  public:
    AliasReader(std::string_view path, const AliasFileLimits& limits) : path_(path), limits_(limits) {}

    AliasFile read(std::string_view text) && {
        if (text.starts_with(byte_order_mark)) text.remove_prefix(byte_order_mark.size());
        int line = 0;
        while (!text.empty()) {
            const std::size_t end = std::min(text.find('\n'), text.size());
            take_line(text.substr(0, end), ++line);
            text.remove_prefix(std::min(end + 1, text.size()));
        }
        end_entry();
        return std::move(file_);
    }

  private:
    void take_line(std::string_view line, int number) {
        const std::string_view content = without_comment(base::trim(line));
        if (content.empty()) return;
        if (!is_blank(line.front())) {
            end_entry();
            entry_line_ = number;
        } else if (entry_line_ == 0) {
            return note(number, Kind::malformed,
                        "this line begins with a blank, and there is none to go on with");
        }
        entry_.append(entry_.empty() ? "" : " ").append(content);
    }

    void end_entry() {
        if (!entry_.empty()) take_entry(entry_, entry_line_);
        entry_.clear();
    }

    void take_entry(std::string_view entry, int line) {
        if (has_control(entry) || !base::is_utf8(entry))
            return note(line, Kind::malformed, "this line has octets in it that no text has");
        QuoteTracker quotes;
        const auto* const colon =
            std::ranges::find_if(entry, [&quotes](char c) { return quotes.is_outside(c) && c == ':'; });
        if (colon == entry.end())
            return note(line, Kind::malformed, "\"" + shown(entry) + "\" is not \"name: address\"");
        const auto name_length = static_cast<std::size_t>(colon - entry.begin());
        const std::string_view name = base::trim(entry.substr(0, name_length));
        if (name != any_name && !is_alias_name(name))
            return note(line, Kind::malformed,
                        "\"" + shown(name) + "\" is no name of an alias (letters, digits, no domain)");
        take_values(name == any_name ? std::string(any_name) : alias_key(name),
                    values_of(entry.substr(name_length + 1)), line);
    }

    void take_values(std::string name, const std::vector<std::string_view>& values, int line) {
        if (file_.aliases.size() >= limits_.names_max) {
            if (!std::exchange(full_, true))
                note(line, Kind::malformed,
                     "from here on nothing is read: " + std::to_string(limits_.names_max) +
                         " names are enough");
            return;
        }
        if (values.empty()) return note(line, Kind::malformed, shown(name) + " has no address");
        if (values.size() > limits_.targets_max)
            return note(line, Kind::malformed,
                        shown(name) + " has more than " + std::to_string(limits_.targets_max) + " addresses");
        if (names_.contains(name))
            return note(line, Kind::malformed, "a line above this one has the name " + shown(name) + " too");
        Alias alias{.name = name, .targets = {}, .place = path_ + ":" + std::to_string(line)};
        bool understood = true;
        for (const std::string_view value : values) {
            if (const std::string_view not_done = what_is_not_done(value); !not_done.empty()) {
                alias.not_done = not_done;
                continue;
            }
            std::string target = target_in(value);
            if (target.empty()) {
                understood = false;
                note(line, Kind::malformed, shown(name) + ": \"" + shown(value) + "\" is no address");
            } else {
                alias.targets.push_back(std::move(target));
            }
        }
        if (alias.targets.empty() && !understood) return;
        if (!alias.not_done.empty())
            note(line, Kind::not_done,
                 shown(name) + " leads to " + alias.not_done + ", which mailramp does not do; " +
                     (alias.targets.empty() ? "mail to it is refused" : "only its addresses get the mail"));
        names_.insert(std::move(name));
        file_.aliases.push_back(std::move(alias));
    }

    void note(int line, Kind kind, std::string text) {
        if (file_.problems.size() < limits_.problems_max)
            file_.problems.push_back({line, kind, std::move(text)});
    }

    const std::string path_;
    const AliasFileLimits& limits_;
    AliasFile file_;
    std::unordered_set<std::string> names_;
    std::string entry_;  // its lines so far, with one blank between them
    int entry_line_ = 0;
    bool full_ = false;
};

}  // namespace

const AliasProblem* AliasFile::first_malformed() const {
    const auto first = std::ranges::find(problems, Kind::malformed, &AliasProblem::kind);
    return first == problems.end() ? nullptr : &*first;
}

AliasFile parse_alias_file(std::string_view text, std::string_view path, const AliasFileLimits& limits) {
    return AliasReader(path, limits).read(text);
}

std::string_view what_is_not_done(std::string_view value) {
    if (value.starts_with('"')) value.remove_prefix(1);
    value = base::trim(value);
    if (value.starts_with('|')) return "a program (|command)";
    if (value.starts_with('/')) return "a file (/path)";
    if (value.starts_with('\\')) return "a user's mailbox on this machine (\\name)";
    if (base::starts_with_ignoring_case(value, ":include:")) return "a list in another file (:include:)";
    return {};
}

std::string alias_key(std::string_view local_part) {
    if (local_part.size() < 2 || !local_part.starts_with('"')) return base::to_lower(local_part);
    std::string key;
    for (std::size_t at = 1; at + 1 < local_part.size(); ++at) {
        if (local_part[at] == '\\' && at + 2 < local_part.size()) ++at;
        key += local_part[at];
    }
    return base::to_lower(key);
}

bool is_alias_name(std::string_view text) {
    return mail::check_address(std::string(text) + "@a", mail::Utf8::refused).has_value();
}

}  // namespace mailramp::route
