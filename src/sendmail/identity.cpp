#include "sendmail/identity.h"

#include <array>
#include <cctype>
#include <fstream>
#include <string_view>

#include <limits.h>
#include <pwd.h>
#include <unistd.h>

#include "mailramp/base/text.h"
#include "mailramp/mail/address.h"

namespace mailramp::sendmail {
namespace {

// Debian Policy §11.6: the name that mail programs put behind the '@'.
constexpr const char* mail_name_file = "/etc/mailname";

bool is_domain(const std::string& name) {
    return mail::check_address("a@" + name, mail::Utf8::refused).has_value();
}

std::string host_name() {
    std::array<char, HOST_NAME_MAX + 1> name{};
    if (::gethostname(name.data(), name.size() - 1) != 0 || !is_domain(name.data())) return "localhost";
    return name.data();
}

std::string mail_name(const std::string& host) {
    std::ifstream file(mail_name_file);
    std::string line;
    std::getline(file, line);
    const std::string name(base::trim(line));
    return is_domain(name) ? name : host;
}

}  // namespace

Identity identify() {
    Identity identity;
    const uid_t uid = ::getuid();
    if (const passwd* entry = ::getpwuid(uid); entry != nullptr) {
        identity.user = entry->pw_name;
        identity.full_name = full_name_of(entry->pw_gecos == nullptr ? "" : entry->pw_gecos, identity.user);
    }
    identity.host = host_name();
    identity.domain = mail_name(identity.host);
    // Containers run as users that no passwd knows.
    if (!mail::check_address(identity.user + "@" + identity.domain, mail::Utf8::allowed))
        identity.user = "uid-" + std::to_string(uid);
    return identity;
}

std::string qualified(std::string address, const std::string& domain) {
    if (address.empty() || !mail::domain_of(address).empty()) return address;
    return address.append("@").append(domain);
}

std::string full_name_of(const std::string& gecos, const std::string& user) {
    std::string name;
    for (const char c : std::string_view(gecos).substr(0, gecos.find(','))) {
        if (c != '&') {
            name += c;
            continue;
        }
        name += user;
        if (!user.empty()) {
            char& initial = name[name.size() - user.size()];
            if (initial >= 'a' && initial <= 'z') initial = static_cast<char>(initial - 'a' + 'A');
        }
    }
    return name;
}

}  // namespace mailramp::sendmail
