#include "mailramp/route/recipients.h"

#include <algorithm>
#include <set>
#include <unordered_set>
#include <utility>

#include "mailramp/base/text.h"
#include "mailramp/mail/address.h"

namespace mailramp::route {
namespace {

constexpr std::string_view postmaster = "postmaster";
constexpr std::string_view root = "root";

// What to type. Names that would need quotes in YAML are left to the reader.
std::string remedy_for(std::string_view name) {
    const bool plain = name == any_name || std::ranges::all_of(name, [](char c) {
                           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || c == '-' || c == '_' ||
                                  c == '.' || c == '+';
                       });
    const std::string key = !plain ? "NAME" : name == any_name ? "\"*\"" : std::string(name);
    return "add to mailramp.yaml: aliases: {" + key + ": you@example.com}";
}

// Follows one recipient's aliases, each of them once.
class Expansion {
  public:
    explicit Expansion(const Recipients& table) : table_(table) {}

    base::Result<std::vector<std::string>> run(std::string_view recipient) && {
        follow(recipient);
        if (too_many_)
            return base::fail(base::ErrorKind::limit,
                              "the alias " + std::string(mail::local_part_of(recipient)) +
                                  " leads to more than " + std::to_string(table_.limits().addresses_max) +
                                  " addresses");
        if (addresses_.empty()) return base::fail(base::ErrorKind::not_found, std::move(trouble_));
        return std::move(addresses_);
    }

  private:
    void follow(std::string_view target) {
        if (too_many_) return;
        if (!table_.needs_alias(target)) return add(target, mail::domain_of(target));
        const std::string name = alias_key(mail::local_part_of(target));
        const Alias* const alias = table_.find(name);
        if (alias == nullptr) return note(nobody_behind(target, name));
        if (std::ranges::find(path_, alias) != path_.end())
            return note("its aliases go in circles (" + path_to(alias->name) + "); " +
                        remedy_for(path_.front()->name));
        if (path_.size() >= table_.limits().depth_max)
            return note("its aliases lead to each other more than " +
                        std::to_string(table_.limits().depth_max) + " times (" + path_to(alias->name) +
                        "); " + remedy_for(path_.front()->name));
        if (!seen_.insert(alias).second) return;
        path_.push_back(alias);
        for (const std::string& next : alias->targets)
            follow(next);
        if (alias->targets.empty())
            note("the alias " + alias->name + " (" + alias->place + ") leads to " + alias->not_done +
                 ", which mailramp does not do; " + remedy_for(alias->name));
        path_.pop_back();
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

    std::string nobody_behind(std::string_view target, const std::string& name) const {
        const std::string who(target);
        const std::string_view domain = mail::domain_of(target);
        if (!path_.empty())
            return "the alias " + path_.back()->name + " (" + path_.back()->place + ") leads to " + who +
                   ", which is no address beyond this machine and has no alias; " + remedy_for(name);
        if (domain.empty())
            return who + " has no domain and no alias; send to an address such as " + who +
                   "@example.com, or " + remedy_for(name);
        return std::string(domain) + " is this machine, and " + name + " has no alias; " + remedy_for(name) +
               "; or, if others receive mail for " + std::string(domain) + ", take it out of local_domains";
    }

    std::string path_to(const std::string& last) const {
        std::string text;
        for (const Alias* alias : path_)
            text += alias->name + " -> ";
        return text + last;
    }

    // The first one is told: it is what an administrator would find first.
    void note(std::string text) {
        if (trouble_.empty()) trouble_ = std::move(text);
    }

    const Recipients& table_;
    std::vector<std::string> addresses_;
    std::set<std::string> keys_;  // of `addresses_`
    std::vector<const Alias*> path_;
    std::unordered_set<const Alias*> seen_;
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
