// mailramp/route/router.h: which mailbox submits a message: rules in order, the first that matches counts.
//
// Pure. A router is immutable after construction and may be shared.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mailramp/route/cidr.h"

namespace mailramp::route {

// What a rule asks of a message. Every field that is not empty must match, by any one of its entries; a match
// without fields takes everything. Addresses and domains are compared without regard to case.
struct Match {
    // Address patterns, '*' standing for any run of characters: "*@contoso.com", "erp-*@*". "<>" is the null
    // sender, which no other pattern but "*" matches.
    std::vector<std::string> senders = {};
    std::vector<std::string> header_froms = {};  // the same, for the address in the From field
    std::vector<Cidr> clients = {};
    std::vector<std::string> listeners = {};          // Listener::name(): "127.0.0.1:25"
    std::vector<std::string> recipient_domains = {};  // "contoso.com"; "*.contoso.com" for those below it
};

struct Rule {
    std::string name;  // for logs and for the queue; "default" for the rule that the short form makes
    Match match;
    std::string mailbox;  // the configured name
};

struct Options {
    std::vector<Rule> rules;  // in order
};

// What is known of a message for one recipient.
struct Query {
    std::string_view sender;  // empty is the null sender
    // Nothing: not yet known, the content is still to come.
    std::optional<std::string_view> header_from;
    std::string_view client_address;
    std::string_view listener;
    std::string_view recipient;
};

struct Choice {
    std::string mailbox;
    std::string route;
};

class Router {
  public:
    explicit Router(Options options) : options_(std::move(options)) {}

    // Whether some rule takes this recipient: the answer to RCPT. While header_from is unknown, a rule that
    // asks for it may still match.
    [[nodiscard]] bool may_route(const Query& query) const;
    // The mailbox, once the content is known; an unknown header_from matches no rule that asks for one.
    // Nothing: no rule matches.
    [[nodiscard]] std::optional<Choice> choose(const Query& query) const;

  private:
    Options options_;
};

// Whether `pattern` takes `address`, as described at Match::senders.
[[nodiscard]] bool matches_pattern(std::string_view pattern, std::string_view address);

}  // namespace mailramp::route
