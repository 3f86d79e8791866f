// mailramp/route/recipients.h: who gets the mail for a name without a domain, or for a user of this machine.
//
// Cron, PHP and monitoring write to `root`, `root@localhost`, `root@web1`. A relay has no mailboxes, so such
// a name is a wish, and an alias says who fulfils it. Without one the recipient is refused at once, with what
// to do: nobody would read it later. Pure.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "mailramp/base/result.h"
#include "mailramp/route/alias_file.h"

namespace mailramp::route {

struct ExpansionLimits {
    std::size_t addresses_max = 1000;  // Of one recipient.
};

struct RecipientOptions {
    std::vector<Alias> aliases = {};  // of the configuration: they count before those of the file
    // Domains that are this machine: their local parts are names to be looked up.
    std::vector<std::string> local_domains = {"localhost", "localhost.localdomain"};
    ExpansionLimits limits = {};
};

// An alias that does not lead to an address, by itself.
struct DeadEnd {
    const Alias* alias = nullptr;  // of the Recipients that were asked
    std::string text;
};

class Recipients {
  public:
    explicit Recipients(RecipientOptions options, std::vector<Alias> of_file = {});

    // Who gets what is for `recipient`, a checked address with or without a domain: itself, or all that its
    // alias leads to, the nearest first, no address twice, however many aliases lie between. What an alias
    // asks for and nobody can have (a command, a name without an alias, a circle) is left out while it leads
    // to some address. ErrorKind::not_found: there is none; limit: there are too many. The text is for the
    // client: what is wrong and what to type.
    [[nodiscard]] base::Result<std::vector<std::string>> resolve(std::string_view recipient) const;

    // What an administrator would want to know: names that an alias leads to and that lead nowhere, and
    // circles without a way out.
    [[nodiscard]] std::vector<DeadEnd> dead_ends() const&;
    [[nodiscard]] std::vector<DeadEnd> dead_ends() const&& = delete;  // they point into it

    [[nodiscard]] bool is_local(std::string_view domain) const;
    // Whether the address has no domain, or one that is this machine.
    [[nodiscard]] bool needs_alias(std::string_view address) const;
    // The alias that counts for a name: its own; for postmaster, which must be there (RFC 5321 §4.5.1), that
    // of root; or the one for any name. Null: none.
    [[nodiscard]] const Alias* find(std::string_view name) const;
    [[nodiscard]] const ExpansionLimits& limits() const { return options_.limits; }
    [[nodiscard]] std::size_t size() const { return aliases_.size(); }

  private:
    void add(Alias alias);

    RecipientOptions options_;
    std::vector<Alias> aliases_;  // in their order; the first of a name
    std::unordered_map<std::string, std::size_t> by_name_;
};

}  // namespace mailramp::route
