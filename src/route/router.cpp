#include "mailramp/route/router.h"

#include <algorithm>

#include "mailramp/base/text.h"
#include "mailramp/mail/address.h"

namespace mailramp::route {
namespace {

enum class Unknown { matches, does_not_match };  // what to make of a header From that has not come yet

constexpr std::string_view null_sender = "<>";

// Whether '*' can be filled so that the pattern becomes the text. Both in lower case. Linear in practice and
// at most quadratic: only the last '*' is ever tried again.
bool glob(std::string_view pattern, std::string_view text) {
    std::size_t p = 0, t = 0;
    std::size_t star = std::string_view::npos, resume = 0;
    while (t < text.size()) {
        if (p < pattern.size() && pattern[p] == '*') {
            star = p++;
            resume = t;
        } else if (p < pattern.size() && pattern[p] == text[t]) {
            ++p;
            ++t;
        } else if (star != std::string_view::npos) {
            p = star + 1;
            t = ++resume;
        } else {
            return false;
        }
    }
    while (p < pattern.size() && pattern[p] == '*')
        ++p;
    return p == pattern.size();
}

bool matches_any_pattern(const std::vector<std::string>& patterns, std::string_view address) {
    return std::ranges::any_of(
        patterns, [address](std::string_view pattern) { return matches_pattern(pattern, address); });
}

bool matches_domain(std::string_view pattern, std::string_view domain) {
    return glob(base::to_lower(pattern), base::to_lower(domain));
}

bool takes(const Match& match, const Query& query, Unknown unknown) {
    if (!match.senders.empty() && !matches_any_pattern(match.senders, query.sender)) return false;
    if (!match.clients.empty() && std::ranges::none_of(match.clients, [&](const Cidr& block) {
            return block.contains(query.client_address);
        }))
        return false;
    if (!match.listeners.empty() &&
        std::ranges::find(match.listeners, query.listener) == match.listeners.end())
        return false;
    if (!match.recipient_domains.empty() &&
        std::ranges::none_of(match.recipient_domains,
                             [domain = mail::domain_of(query.recipient)](const auto& pattern) {
                                 return matches_domain(pattern, domain);
                             }))
        return false;
    if (match.header_froms.empty()) return true;
    if (!query.header_from) return unknown == Unknown::matches;
    return matches_any_pattern(match.header_froms, *query.header_from);
}

}  // namespace

bool matches_pattern(std::string_view pattern, std::string_view address) {
    if (address.empty()) return pattern == null_sender || pattern == "*";
    return glob(base::to_lower(pattern), base::to_lower(address));
}

bool Router::may_route(const Query& query) const {
    return std::ranges::any_of(options_.rules,
                               [&](const Rule& rule) { return takes(rule.match, query, Unknown::matches); });
}

std::optional<Choice> Router::choose(const Query& query) const {
    for (const Rule& rule : options_.rules)
        if (takes(rule.match, query, Unknown::does_not_match)) return Choice{rule.mailbox, rule.name};
    return {};
}

}  // namespace mailramp::route
