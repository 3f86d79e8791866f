// sendmail/identity.h: who calls, and on which machine.
#pragma once

#include <string>

namespace mailramp::sendmail {

struct Identity {
    std::string user;       // the login name
    std::string full_name;  // of the GECOS field; may be empty
    std::string host;       // as EHLO has it
    std::string domain;     // behind the '@' of local addresses: /etc/mailname, or the host's name
};

[[nodiscard]] Identity identify();

// "root" → "root@web1.example.com"; an address with a domain and the null sender stay.
[[nodiscard]] std::string qualified(std::string address, const std::string& domain);

// The full name in a GECOS field: up to the first comma, with '&' for the capitalised login name. Pure.
[[nodiscard]] std::string full_name_of(const std::string& gecos, const std::string& user);

}  // namespace mailramp::sendmail
