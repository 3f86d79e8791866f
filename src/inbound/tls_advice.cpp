#include "inbound/tls_advice.h"

#include <array>

#include "mailramp/base/text.h"

namespace mailramp::inbound {
namespace {

enum class Trouble { distrust, too_old, no_tls };

struct Sign {
    std::string_view words;  // in OpenSSL's words for the error
    Trouble trouble;
};

constexpr std::array signs{
    Sign{"unknown ca", Trouble::distrust},
    Sign{"bad certificate", Trouble::distrust},
    Sign{"certificate unknown", Trouble::distrust},
    Sign{"certificate expired", Trouble::distrust},
    Sign{"unsupported certificate", Trouble::distrust},
    Sign{"unsupported protocol", Trouble::too_old},
    Sign{"protocol version", Trouble::too_old},
    Sign{"version too low", Trouble::too_old},
    Sign{"no shared cipher", Trouble::too_old},
    Sign{"no suitable signature algorithm", Trouble::too_old},
    Sign{"handshake failure", Trouble::too_old},
    Sign{"wrong version number", Trouble::no_tls},
    Sign{"http request", Trouble::no_tls},
    Sign{"unknown protocol", Trouble::no_tls},
    Sign{"packet length too long", Trouble::no_tls},
};

}  // namespace

std::string_view tls_advice(const base::Error& failure, const ListenerOptions& terms) {
    const bool implicit = terms.tls == ListenerTls::implicit;
    constexpr std::string_view no_tls =
        "this client speaks without TLS, and this port begins with TLS: set its encryption to TLS (SSL), or "
        "give it a "
        "listener with tls: starttls or none";
    for (const Sign& sign : signs) {
        if (!base::contains_ignoring_case(failure.message, sign.words)) continue;
        switch (sign.trouble) {
            case Trouble::distrust:
                return "this client does not trust the certificate: give it one that it trusts (inbound: "
                       "certificate), "
                       "switch its check off, or set its encryption to none";
            case Trouble::too_old:
                return terms.tls_versions == io::TlsVersions::legacy
                           ? "this client is too old for any TLS of today: set its encryption to none"
                           : "this client is too old for TLS 1.2: give it a listener with tls_legacy: true, "
                             "or set its "
                             "encryption to none";
            case Trouble::no_tls:
                return implicit ? no_tls : "this client sent something else where its TLS was to begin";
        }
    }
    if (failure.kind == base::ErrorKind::timeout && implicit) return no_tls;
    return "the client ended the handshake, or did not go on with it; if it does so each time, it may not "
           "trust the "
           "certificate (inbound: certificate)";
}

std::string_view implicit_tls_advice(const ListenerOptions& terms) {
    return terms.tls == ListenerTls::starttls ? "this client speaks implicit TLS, and this port begins "
                                                "without: set its encryption to STARTTLS, or give it "
                                                "a listener with tls: implicit (as on port 465)"
                                              : "this client speaks implicit TLS, and this port has none: "
                                                "set its encryption to none, or give it a "
                                                "listener with tls: implicit (as on port 465)";
}

}  // namespace mailramp::inbound
