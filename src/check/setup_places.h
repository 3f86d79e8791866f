// check/setup_places.h: where docs/setup-microsoft-365.md explains what a step needs. A test compares the
// headings.
#pragma once

#include <array>

#include "mailramp/check/finding.h"

namespace mailramp::check::places {

inline constexpr SetupPlace tenant{"1 Before you start", ""};
inline constexpr SetupPlace mailbox{"2 The mailbox", ""};
inline constexpr SetupPlace application{"3 The application in Entra", "1.1, step 7"};
inline constexpr SetupPlace secret{"3 The application in Entra", "1.1, steps 19 to 23"};
inline constexpr SetupPlace object_id{"Wrong Object ID", "1.2, steps 5 and 12"};
inline constexpr SetupPlace smtp_auth{"5 SMTP AUTH", "1.2, step 17"};
inline constexpr SetupPlace policies{"5 SMTP AUTH", ""};
inline constexpr SetupPlace server{"6 mailramp", ""};
inline constexpr SetupPlace server_settings{"6 mailramp", "1.4"};
inline constexpr SetupPlace secret_file{"6 mailramp", "1.3, step 9"};
inline constexpr SetupPlace first_message{"7 The first message", ""};
inline constexpr SetupPlace errors{"What errors look like", ""};
inline constexpr SetupPlace consent{"The classic way", "1.1, steps 8 to 18"};
inline constexpr SetupPlace mailbox_permission{"The classic way", "1.2, steps 15 and 16"};
inline constexpr SetupPlace clouds{"GCC High, DoD and China", ""};

inline constexpr std::array all{
    tenant,          mailbox,     application,   secret, object_id, smtp_auth,          policies, server,
    server_settings, secret_file, first_message, errors, consent,   mailbox_permission, clouds};

}  // namespace mailramp::check::places
