// alert/body.h: an alert as JSON, for webhooks and commands; pure. docs/alerts.md lists the fields.
//
// Texts may hold what a server said: they are made printable and cut, so that a body has a largest size.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "mailramp/alert/condition.h"
#include "mailramp/alert/options.h"

namespace mailramp::alert {

inline constexpr std::size_t text_field_bytes_max = 2000;

// One object with the documented fields.
[[nodiscard]] std::string json_body(const Alert& alert, std::string_view host);
// What a webhook is sent.
[[nodiscard]] std::string webhook_body(const Alert& alert, std::string_view host, WebhookFormat format);
// One line: what is wrong, or that it is over.
[[nodiscard]] const std::string& summary_of(const Alert& alert);

}  // namespace mailramp::alert
