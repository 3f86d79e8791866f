// Alias files: whatever stands in one, what is read is fit for RCPT, and each name ends somewhere or is
// refused.
#include <algorithm>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>

#include "mailramp/base/result.h"
#include "mailramp/base/text.h"
#include "mailramp/mail/address.h"
#include "mailramp/route/recipients.h"

namespace {

using mailramp::base::check;
using namespace mailramp::route;  // NOLINT(google-build-using-namespace): a test of just these

bool is_printable(const std::string& text) {
    return mailramp::base::printable(text, text.size()) == text;
}

void check_alias(const Alias& alias) {
    check(alias.targets.size() <= 5, "the limit of targets is kept");
    check(!alias.targets.empty() || !alias.not_done.empty(), "an alias leads somewhere, or says why not");
    for (const std::string& target : alias.targets)
        check(mailramp::mail::domain_of(target).empty()
                  ? is_alias_name(target)
                  : mailramp::mail::check_address(target, mailramp::mail::Utf8::refused).has_value(),
              "a target is an address or a name");
}

void check_resolved(const Recipients& table, const std::string& name) {
    const auto found = table.resolve(name);
    if (!found) {
        check(is_printable(found.error().message), "a refusal is printable");
        return;
    }
    check(!found->empty() && found->size() <= table.limits().addresses_max, "one address, and not too many");
    for (const std::string& address : *found)
        check(!table.needs_alias(address), "what it leads to lies beyond this machine");
    check(std::set<std::string>(found->begin(), found->end()).size() == found->size(), "no address twice");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const AliasFile file =
        parse_alias_file(text, "f", {.names_max = 50, .targets_max = 5, .problems_max = 20});
    check(file.aliases.size() <= 50 && file.problems.size() <= 20, "the limits are kept");
    const auto lines = std::count(text.begin(), text.end(), '\n') + 1;
    for (const AliasProblem& problem : file.problems)
        check(problem.line >= 1 && problem.line <= lines && is_printable(problem.text),
              "a problem has a line of the file, and can be shown");
    std::set<std::string> names;
    for (const Alias& alias : file.aliases) {
        check(names.insert(alias.name).second, "no name twice");
        check_alias(alias);
    }
    RecipientOptions options;
    options.limits = {.addresses_max = 9};
    const Recipients table(options, file.aliases);
    for (const Alias& alias : file.aliases)
        for (const std::string& target : alias.targets)
            check_resolved(table, target);
    check_resolved(table, "postmaster");
    for (const DeadEnd& end : table.dead_ends())
        check(is_printable(end.text) && names.contains(end.alias->name),
              "a dead end is an alias of the file");
    return 0;
}
