#include "mailramp/provider/preset.h"

#include <algorithm>
#include <array>

namespace mailramp::provider {
namespace {

constexpr std::array all_presets{
    Preset{.name = "m365",
           .title = "Microsoft 365 (worldwide, GCC)",
           .dialect = Dialect::exchange_online,
           .host = "smtp.office365.com",
           .authority = "https://login.microsoftonline.com",
           .scope = "https://outlook.office365.com/.default"},
    // SMTP host from third parties; authority from Microsoft.
    Preset{.name = "m365-gcch",
           .title = "Microsoft 365 GCC High",
           .dialect = Dialect::exchange_online,
           .host = "smtp.office365.us",
           .authority = "https://login.microsoftonline.us",
           .scope = "https://outlook.office365.us/.default"},
    // SMTP host and scope from third parties, not confirmed by Microsoft.
    Preset{.name = "m365-dod",
           .title = "Microsoft 365 DoD",
           .dialect = Dialect::exchange_online,
           .host = "outlook-dod.office365.us",
           .authority = "https://login.microsoftonline.us",
           .scope = "https://outlook.office365.us/.default"},
    // SMTP host and scope from third parties, not confirmed by Microsoft.
    Preset{.name = "m365-china",
           .title = "Microsoft 365 operated by 21Vianet",
           .dialect = Dialect::exchange_online,
           .host = "smtp.partner.outlook.cn",
           .authority = "https://login.partner.microsoftonline.cn",
           .scope = "https://partner.outlook.cn/.default"},
    Preset{.name = "custom", .title = "any SMTP server", .dialect = Dialect::any},
};

}  // namespace

std::span<const Preset> presets() {
    return all_presets;
}

const Preset* find_preset(std::string_view name) {
    const auto found = std::ranges::find(all_presets, name, &Preset::name);
    return found == all_presets.end() ? nullptr : &*found;
}

}  // namespace mailramp::provider
