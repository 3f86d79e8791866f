// mailramp/route/alias_file.h: what a file in the form of aliases(5) says, as Sendmail, Postfix and Exim read
// it.
//
//     name: value, value     # names in any case, quoted when they need it
//         , value            a line that begins with a blank continues the one before
//
// A value is an address, the name of another alias, or one of what only a mail server with mailboxes can do:
// a command, a file, a list in another file, a user's mailbox. Those are told and left out: a line for a
// program that is long gone must not keep the rest of the file from working. Pure.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace mailramp::route {

// Every name that has no alias of its own.
inline constexpr std::string_view any_name = "*";

struct Alias {
    std::string name;  // as alias_key() makes it, or any_name
    // Addresses, and local parts without a domain: the names of other aliases.
    std::vector<std::string> targets;
    std::string place = {};     // where it stands, for people: "/etc/aliases:12"
    std::string not_done = {};  // what else stands there, in words; empty: nothing
};

struct AliasProblem {
    enum class Kind {
        not_done,   // understood, and nothing for a relay
        malformed,  // not understood: somebody's slip, or no alias file at all
    };
    int line = 0;  // from 1
    Kind kind = Kind::malformed;
    std::string text;  // printable
};

struct AliasFileLimits {
    std::size_t names_max = 10'000;   // What follows is not read.
    std::size_t targets_max = 1000;   // Of one name.
    std::size_t problems_max = 1000;  // Further ones are not told.
};

struct AliasFile {
    std::vector<Alias> aliases;  // no name twice
    std::vector<AliasProblem> problems;

    // The first line that was not understood; null: none.
    [[nodiscard]] const AliasProblem* first_malformed() const;
};

// `path` names the file in what is told to people.
[[nodiscard]] AliasFile parse_alias_file(std::string_view text, std::string_view path,
                                         const AliasFileLimits& limits = {});

// What a value asks for that is not done, in words; empty: an address or a name, perhaps a malformed one.
[[nodiscard]] std::string_view what_is_not_done(std::string_view value);

// A local part as aliases are looked up: without its quotes, in lower case.
[[nodiscard]] std::string alias_key(std::string_view local_part);

// Whether the text may stand alone as the name of an alias.
[[nodiscard]] bool is_alias_name(std::string_view text);

}  // namespace mailramp::route
