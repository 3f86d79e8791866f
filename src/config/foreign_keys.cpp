#include "config/foreign_keys.h"

#include <algorithm>
#include <array>

#include "mailramp/base/text.h"

namespace mailramp::config {
namespace {

// Other programs' words, and the portal's, for keys of ours.
struct Synonym {
    std::string_view theirs;
    std::string_view ours;
};
constexpr std::array synonyms{
    Synonym{"tenant", "tenant_id"},
    Synonym{"directory_id", "tenant_id"},
    Synonym{"application_id", "client_id"},
    Synonym{"app_id", "client_id"},
    Synonym{"secret", "client_secret"},
    Synonym{"username", "auth_user"},
    Synonym{"user", "auth_user"},
    Synonym{"from", "mailbox"},
    Synonym{"sender", "mailbox"},
    Synonym{"email", "mailbox"},
    Synonym{"mail", "mailbox"},
    Synonym{"bind", "listen"},
    Synonym{"ca", "ca_file"},
    Synonym{"ca_bundle", "ca_file"},
    Synonym{"host", "upstream.host"},
    Synonym{"server", "upstream.host"},
    Synonym{"smtp_host", "upstream.host"},
    Synonym{"relayhost", "upstream.host"},
    Synonym{"port", "upstream.port"},
    Synonym{"smtp_port", "upstream.port"},
    Synonym{"starttls", "upstream.tls"},
    Synonym{"tls", "upstream.tls"},
    Synonym{"mechanism", "upstream.authentication"},
    Synonym{"authentication", "upstream.authentication"},
    Synonym{"authority", "token.authority"},
    Synonym{"scope", "token.scope"},
    Synonym{"proxy", "token.proxy"},
    Synonym{"scopes", "token.scope"},
    Synonym{"log_level", "log.level"},
    Synonym{"spool", "queue.directory"},
};

// What switches verification off elsewhere. Without marks, in lower case.
constexpr std::array<std::string_view, 20> verification_switches{
    "verify",          "tlsverify",   "sslverify",          "verifytls",
    "verifyssl",       "skipverify",  "tlsskipverify",      "insecureskipverify",
    "insecure",        "tlsinsecure", "allowinsecure",      "verifycertificate",
    "verifypeer",      "verifyhost",  "noverify",           "checkcertificate",
    "allowselfsigned", "trustall",    "rejectunauthorized", "disabletlsverification"};
constexpr std::string_view verification_advice =
    "certificates are always verified, which cannot be switched off; where the server's CA is not one of "
    "this "
    "machine's: ca_file: /path/of/its/ca.pem";

constexpr std::string_view password_advice =
    "Microsoft 365 takes no password here, but tokens: give tenant_id, client_id and client_secret";

// Jakarta Mail's session properties, and Spring's for the same.
struct Property {
    std::string_view theirs;  // in lower case
    std::string_view ours;
    std::string_view advice;
};
constexpr std::string_view host_advice = "here it is upstream.host; Microsoft 365 needs no such line";
constexpr std::string_view port_advice = "here it is upstream.port; Microsoft 365 needs no such line";
constexpr std::string_view tls_advice =
    "here it is upstream.tls: starttls, which is the default; leave the line out";
constexpr std::string_view authentication_advice =
    "here it is upstream.authentication: xoauth2, which is the default; leave the line out";
constexpr std::string_view user_advice = "here it is auth_user; not needed when it is the mailbox itself";
constexpr std::array properties{
    Property{"mail.smtp.host", "upstream.host", host_advice},
    Property{"mail.smtp.port", "upstream.port", port_advice},
    Property{"mail.smtp.socketfactory.port", "upstream.port", port_advice},
    Property{"mail.smtp.starttls.enable", "upstream.tls", tls_advice},
    Property{"mail.smtp.starttls.required", "upstream.tls", tls_advice},
    Property{"mail.smtp.auth", "upstream.authentication", authentication_advice},
    Property{"mail.smtp.auth.mechanisms", "upstream.authentication", authentication_advice},
    Property{"mail.smtp.user", "auth_user", user_advice},
    Property{"mail.user", "auth_user", user_advice},
    Property{"mail.smtp.password", "", password_advice},
    Property{"mail.password", "", password_advice},
    Property{"mail.smtp.from", "mailbox", "here it is mailbox"},
    Property{"mail.from", "mailbox", "here it is mailbox"},
    Property{"mail.smtp.localhost", "upstream.ehlo_name", "here it is upstream.ehlo_name"},
    Property{"mail.smtp.connectiontimeout", "upstream.connect_timeout",
             "here it is upstream.connect_timeout"},
    Property{"mail.smtp.timeout", "upstream.envelope_timeout", "here it is upstream.envelope_timeout"},
    Property{"mail.smtp.writetimeout", "upstream.body_timeout", "here it is upstream.body_timeout"},
    Property{"mail.smtp.ssl.enable", "",
             "TLS from the first octet (port 465) is not there yet; STARTTLS on port 587 is the default"},
    Property{"mail.smtp.ssl.protocols", "",
             "TLS 1.2 and later are spoken, and nothing else; leave the line out"},
    Property{"mail.smtp.ssl.trust", "", verification_advice},
    Property{"mail.smtp.ssl.checkserveridentity", "", verification_advice},
    Property{"mail.transport.protocol", "", "it is always SMTP; leave the line out"},
    Property{"mail.debug", "log.level", "here it is log.level: debug"},
    Property{"spring.mail.host", "upstream.host", host_advice},
    Property{"spring.mail.port", "upstream.port", port_advice},
    Property{"spring.mail.username", "auth_user", user_advice},
    Property{"spring.mail.password", "", password_advice},
};
constexpr std::string_view spring_prefix = "spring.mail.properties.";
constexpr std::string_view unknown_property_advice =
    "properties of a Java program mean nothing here; docs/configuration.md says which keys take their places";

bool is_property(std::string_view name) {
    return name.starts_with("mail.") || name.starts_with("spring.");
}

std::string without_marks(std::string_view word) {
    std::string out = base::to_lower(word);
    std::erase_if(out, [](char c) { return c == '_' || c == '-'; });
    return out;
}

ForeignKey find_property(std::string name) {
    if (name.starts_with(spring_prefix)) name.erase(0, spring_prefix.size());
    if (constexpr std::string_view smtps = "mail.smtps."; name.starts_with(smtps))
        name.replace(0, smtps.size(), "mail.smtp.");
    const auto found = std::ranges::find(properties, name, &Property::theirs);
    if (found == properties.end()) return {"", std::string(unknown_property_advice)};
    return {std::string(found->ours), std::string(found->advice)};
}

}  // namespace

std::optional<ForeignKey> find_foreign_key(std::string_view word) {
    if (std::string name = base::to_lower(word); is_property(name)) return find_property(std::move(name));
    const std::string bare = without_marks(word);
    if (std::ranges::find(verification_switches, bare) != verification_switches.end())
        return ForeignKey{"", std::string(verification_advice)};
    if (bare == "password" || bare == "smtppassword") return ForeignKey{"", std::string(password_advice)};
    return {};
}

std::string synonym_of(std::string_view word, const Path& path, const std::vector<std::string>& known) {
    for (const Synonym& synonym : synonyms) {
        if (synonym.theirs != word) continue;
        const bool here = std::ranges::find(known, synonym.ours) != known.end();
        // A word with a dot names a key of the top level.
        if (here || (path.empty() && synonym.ours.find('.') != std::string_view::npos))
            return std::string(synonym.ours);
    }
    return {};
}

bool is_section_of_properties(std::string_view name) {
    return is_property(base::to_lower(name) + ".");
}

void note_properties(std::string_view text, Problems& problems) {
    int line = 0;
    for (std::size_t noted = 0; !text.empty() && noted < errors_max;) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        const std::string_view whole = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        ++line;
        const std::size_t equals = whole.find('=');
        if (equals == std::string_view::npos) continue;
        const std::string_view name = base::trim(whole.substr(0, equals));
        if (!is_property(base::to_lower(name)) || name.find_first_of(" :") != std::string_view::npos)
            continue;
        const int column = static_cast<int>(name.data() - whole.data()) + 1;
        problems.add({line, column}, {std::string(name)},
                     "this is a property of a Java program, not \"key: value\"",
                     find_foreign_key(name)->advice);
        ++noted;
    }
}

}  // namespace mailramp::config
