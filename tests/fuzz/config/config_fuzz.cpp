// Configurations: whatever the text, there are settings or there are errors, and the errors can be shown.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "mailramp/base/result.h"
#include "mailramp/base/text.h"
#include "mailramp/config/load.h"

using mailramp::base::check;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace mailramp::config;  // NOLINT(google-build-using-namespace): a test of just these
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const LoadResult loaded = load_text(text, {"relay.contoso.com"});
    if (loaded) {
        check(!loaded->mailboxes.empty(), "settings have a mailbox");
        check(!loaded->route.rules.empty(), "settings have a route");
        check(!loaded->inbound.listen.empty(), "settings have a listener");
        for (const MailboxSettings& mailbox : loaded->mailboxes)
            check(mailramp::upstream::check(mailbox.server).has_value(), "a mailbox's server can be used");
        return 0;
    }
    check(!loaded.error().empty(), "what cannot be used has a reason");
    check(loaded.error().size() <= errors_max + 1, "errors have their limit");
    for (const ConfigError& error : loaded.error()) {
        const std::string line = render_errors("f", {error});
        const std::string_view shown = std::string_view(line).substr(0, line.size() - 1);
        check(mailramp::base::printable(shown, shown.size()) == shown, "an error is printable");
    }
    return 0;
}
