// sandbox/directory.h: the tenants, their applications, and the mailboxes each may submit as. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "mailramp/base/result.h"

namespace mailramp::sandbox {

struct App {
    std::string tenant;
    std::string client_id;
    std::string secret;                  // empty: one is generated at the start
    std::vector<std::string> mailboxes;  // in lower case; "*" stands for all
};

// "TENANT:CLIENT:SECRET:MAILBOX[,MAILBOX]…"; the secret may be empty and may hold colons.
[[nodiscard]] base::Result<App> parse_app(std::string_view text);

// How the applications came to their permission.
enum class Permission {
    classic,  // the role SMTP.SendAsApp, with admin consent, and full access to the mailbox
    rbac,     // a role of Exchange within a scope (RBAC for Applications); the token says nothing of it
};

class Directory {
  public:
    explicit Directory(std::vector<App> apps) : apps_(std::move(apps)) {}
    [[nodiscard]] const std::vector<App>& apps() const { return apps_; }
    [[nodiscard]] bool has_tenant(std::string_view tenant) const;
    [[nodiscard]] const App* find(std::string_view tenant, std::string_view client_id) const;
    [[nodiscard]] static bool may_submit(const App& app, std::string_view mailbox);

  private:
    std::vector<App> apps_;
};

}  // namespace mailramp::sandbox
