// mailramp/alert/webhook_url.h: which URLs a webhook may have; pure.
#pragma once

#include <string>
#include <string_view>

#include "mailramp/base/result.h"

namespace mailramp::alert {

// https, or http to this machine itself; a host; no user name, no white space. ErrorKind::invalid; the error
// does not repeat the URL, which is as good as a password.
[[nodiscard]] base::Result<> check_webhook_url(std::string_view url);

// "https://hooks.slack.com": the part of a good URL that may be seen.
[[nodiscard]] std::string visible_part(std::string_view url);

}  // namespace mailramp::alert
