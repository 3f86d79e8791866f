#include "mailramp/route/recipients.h"

#include <algorithm>
#include <optional>
#include <set>
#include <unordered_set>
#include <utility>
#include <vector>

#include "mailramp/base/result.h"
#include "mailramp/base/text.h"
#include "mailramp/mail/address.h"

namespace mailramp::route {
namespace {

constexpr std::string_view postmaster = "postmaster";
constexpr std::string_view root = "root";
constexpr std::size_t path_bytes_shown_max = 300;

// What to type. Names that would need quotes in YAML are left to the reader.
std::string remedy_for(std::string_view name) {
    const bool plain = name == any_name || std::ranges::all_of(name, [](char c) {
                           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || c == '-' || c == '_' ||
                                  c == '.' || c == '+';
                       });
    const std::string key = !plain ? "NAME" : name == any_name ? "\"*\"" : std::string(name);
    return "add to mailramp.yaml: aliases: {" + key + ": you@example.com}";
}

// Follows one recipient's aliases, each of them once, the nearest first.
class Expansion {
  public:
    explicit Expansion(const Recipients& table) : table_(table) {}

    base::Result<std::vector<std::string>> run(std::string_view recipient) && {
        look_at(recipient);
        for (std::size_t at = 0; at < reached_.size() && !too_many_; ++at)
            follow(at);
        if (too_many_)
            return base::fail(base::ErrorKind::limit,
                              "the alias " + std::string(mail::local_part_of(recipient)) +
                                  " leads to more than " + std::to_string(table_.limits().addresses_max) +
                                  " addresses");
        if (addresses_.empty()) return base::fail(base::ErrorKind::not_found, why_nobody());
        return std::move(addresses_);
    }

  private:
    struct Step {
        const Alias* alias;
        std::optional<std::size_t> from;  // the step that led here; nothing: the recipient itself
    };

    void follow(std::size_t at) {
        const Alias& alias = *reached_[at].alias;
        for (const std::string& next : alias.targets)
            look_at(next, at);
        if (alias.targets.empty())
            note("the alias " + alias.name + " (" + alias.place + ") leads to " + alias.not_done +
                 ", which mailramp does not do; " + remedy_for(alias.name));
    }

    void look_at(std::string_view target, std::optional<std::size_t> from = {}) {
        if (!table_.needs_alias(target)) return add(target, mail::domain_of(target));
        const std::string name = alias_key(mail::local_part_of(target));
        const Alias* const alias = table_.find(name);
        if (alias == nullptr) return note(nobody_behind(target, name, from));
        if (!seen_.insert(alias).second) {
            if (!again_) again_ = {alias, from};
            return;
        }
        reached_.push_back({alias, from});
    }

    // Local parts are compared as they are: at worst somebody gets a second copy.
    void add(std::string_view address, std::string_view domain) {
        std::string key = std::string(mail::local_part_of(address)) + "@" + base::to_lower(domain);
        if (!keys_.insert(std::move(key)).second) return;
        if (addresses_.size() >= table_.limits().addresses_max)
            too_many_ = true;
        else
            addresses_.emplace_back(address);
    }

    std::string nobody_behind(std::string_view target, const std::string& name,
                              std::optional<std::size_t> from) const {
        const std::string who(target);
        const std::string_view domain = mail::domain_of(target);
        if (from) {
            const Alias& alias = *reached_[*from].alias;
            return "the alias " + alias.name + " (" + alias.place + ") leads to " + who +
                   ", which is no address beyond this machine and has no alias; " + remedy_for(name);
        }
        if (domain.empty())
            return who + " has no domain and no alias; send to an address such as " + who +
                   "@example.com, or " + remedy_for(name);
        return std::string(domain) + " is this machine, and " + name + " has no alias; " + remedy_for(name) +
               "; or, if others receive mail for " + std::string(domain) + ", take it out of local_domains";
    }

    // The first trouble is told: it is what an administrator would find first. Without any, all that was
    // reached leads back to something that had been reached.
    std::string why_nobody() const {
        if (!trouble_.empty()) return trouble_;
        base::check(again_.has_value(), "aliases that end nowhere have a reason");
        return "its aliases go in circles (" + path_to(*again_) + "); " +
               remedy_for(reached_.front().alias->name);
    }

    std::string path_to(const Step& last) const {
        std::vector<std::string_view> names{last.alias->name};
        for (std::optional<std::size_t> at = last.from; at; at = reached_[*at].from)
            names.push_back(reached_[*at].alias->name);
        std::string text(names.back());
        names.pop_back();
        for (; !names.empty(); names.pop_back())
            text.append(" -> ").append(names.back());
        return base::printable(text, path_bytes_shown_max);
    }

    void note(std::string text) {
        if (trouble_.empty()) trouble_ = std::move(text);
    }

    const Recipients& table_;
    std::vector<std::string> addresses_;
    std::set<std::string> keys_;  // of `addresses_`
    std::vector<Step> reached_;   // in the order in which they are followed
    std::unordered_set<const Alias*> seen_;
    std::optional<Step> again_;  // the first that led to what had been reached
    std::string trouble_;
    bool too_many_ = false;
};

// Marks what leads to something marked.
void spread(std::vector<bool>& marks, const std::vector<std::vector<std::size_t>>& led_here) {
    std::vector<std::size_t> waiting;
    for (std::size_t at = 0; at < marks.size(); ++at)
        if (marks[at]) waiting.push_back(at);
    while (!waiting.empty()) {
        const std::size_t at = waiting.back();
        waiting.pop_back();
        for (const std::size_t before : led_here[at])
            if (!marks[before]) {
                marks[before] = true;
                waiting.push_back(before);
            }
    }
}

}  // namespace

Recipients::Recipients(RecipientOptions options, std::vector<Alias> of_file) : options_(std::move(options)) {
    for (const Alias& alias : options_.aliases)
        add(alias);
    for (Alias& alias : of_file)
        add(std::move(alias));
}

void Recipients::add(Alias alias) {
    if (by_name_.emplace(alias.name, aliases_.size()).second) aliases_.push_back(std::move(alias));
}

base::Result<std::vector<std::string>> Recipients::resolve(std::string_view recipient) const {
    return Expansion(*this).run(recipient);
}

std::vector<DeadEnd> Recipients::dead_ends() const& {
    std::vector<DeadEnd> found;
    std::vector<std::vector<std::size_t>> led_here(aliases_.size());  // which aliases lead to each
    std::vector<bool> told(aliases_.size());                          // leads to what is told about
    std::vector<bool> good(aliases_.size());                          // leads to an address
    for (std::size_t at = 0; at < aliases_.size(); ++at) {
        const Alias& alias = aliases_[at];
        told[at] = alias.targets.empty();
        for (const std::string& target : alias.targets) {
            if (!needs_alias(target)) {
                good[at] = true;
            } else if (const Alias* next = find(alias_key(mail::local_part_of(target)))) {
                led_here[static_cast<std::size_t>(next - aliases_.data())].push_back(at);
            } else {
                told[at] = true;
                found.push_back({&alias, alias.name + " leads to " + target +
                                             ", which is no address beyond this machine and has no alias"});
            }
        }
    }
    spread(good, led_here);
    spread(told, led_here);
    for (std::size_t at = 0; at < aliases_.size(); ++at)
        if (!good[at] && !told[at])
            found.push_back({&aliases_[at], aliases_[at].name + " leads to aliases that go in circles"});
    return found;
}

bool Recipients::is_local(std::string_view domain) const {
    return std::ranges::any_of(options_.local_domains, [domain](const std::string& local) {
        return base::equals_ignoring_case(domain, local);
    });
}

bool Recipients::needs_alias(std::string_view address) const {
    const std::string_view domain = mail::domain_of(address);
    return domain.empty() || is_local(domain);
}

const Alias* Recipients::find(std::string_view name) const {
    for (const std::string_view tried : {name, name == postmaster ? root : any_name, any_name})
        if (const auto found = by_name_.find(std::string(tried)); found != by_name_.end())
            return &aliases_[found->second];
    return nullptr;
}

}  // namespace mailramp::route
