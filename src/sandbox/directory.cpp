#include "sandbox/directory.h"

#include <algorithm>

#include "mailramp/base/text.h"

namespace mailramp::sandbox {

base::Result<App> parse_app(std::string_view text) {
    const auto wrong = [&] {
        return base::fail(
            base::ErrorKind::invalid,
            "an application is TENANT:CLIENT:SECRET:MAILBOX[,MAILBOX], not " + base::printable(text, 200));
    };
    App app;
    const std::size_t first = text.find(':');
    const std::size_t second = first == text.npos ? text.npos : text.find(':', first + 1);
    const std::size_t last = text.rfind(':');
    if (second == text.npos || last == second || first == 0 || second == first + 1) return wrong();
    app.tenant = base::to_lower(text.substr(0, first));
    app.client_id = base::to_lower(text.substr(first + 1, second - first - 1));
    app.secret = text.substr(second + 1, last - second - 1);
    std::string_view mailboxes = text.substr(last + 1);
    while (!mailboxes.empty()) {
        const std::size_t comma = std::min(mailboxes.find(','), mailboxes.size());
        if (comma == 0) return wrong();
        app.mailboxes.push_back(base::to_lower(mailboxes.substr(0, comma)));
        mailboxes.remove_prefix(std::min(comma + 1, mailboxes.size()));
    }
    if (app.mailboxes.empty()) return wrong();
    return app;
}

bool Directory::has_tenant(std::string_view tenant) const {
    return std::ranges::any_of(
        apps_, [&](const App& app) { return base::equals_ignoring_case(app.tenant, tenant); });
}

const App* Directory::find(std::string_view tenant, std::string_view client_id) const {
    const auto found = std::ranges::find_if(apps_, [&](const App& app) {
        return base::equals_ignoring_case(app.tenant, tenant) &&
               base::equals_ignoring_case(app.client_id, client_id);
    });
    return found == apps_.end() ? nullptr : &*found;
}

bool Directory::may_submit(const App& app, std::string_view mailbox) {
    return std::ranges::any_of(app.mailboxes, [&](const std::string& own) {
        return own == "*" || base::equals_ignoring_case(own, mailbox);
    });
}

}  // namespace mailramp::sandbox
