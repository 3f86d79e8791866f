#include "inbound/tls_advice.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace mailramp::inbound {
namespace {

using base::ErrorKind;
using ::testing::HasSubstr;

std::string advice(ErrorKind kind, const std::string& words, ListenerTls tls = ListenerTls::starttls,
                   io::TlsVersions versions = io::TlsVersions::current) {
    ListenerOptions terms;
    terms.tls = tls;
    terms.tls_versions = versions;
    return std::string(tls_advice({kind, "TLS handshake: " + words}, terms));
}

TEST(TlsAdvice, KnowsAClientThatDoesNotTrustUs) {
    for (const char* words :
         {"tlsv1 alert unknown ca (SSL routines)", "sslv3 alert bad certificate (SSL routines)",
          "sslv3 alert certificate unknown (SSL routines)"})
        EXPECT_THAT(advice(ErrorKind::tls, words), HasSubstr("does not trust the certificate")) << words;
}

TEST(TlsAdvice, KnowsAClientThatIsTooOld) {
    for (const char* words : {"unsupported protocol (SSL routines)", "no shared cipher (SSL routines)"}) {
        EXPECT_THAT(advice(ErrorKind::tls, words), HasSubstr("tls_legacy: true")) << words;
        EXPECT_THAT(advice(ErrorKind::tls, words, ListenerTls::starttls, io::TlsVersions::legacy),
                    HasSubstr("set its encryption to none"));
    }
}

TEST(TlsAdvice, KnowsAClientWithoutTlsOnAPortThatBeginsWithIt) {
    EXPECT_THAT(advice(ErrorKind::tls, "wrong version number (SSL routines)", ListenerTls::implicit),
                HasSubstr("speaks without TLS"));
    EXPECT_THAT(advice(ErrorKind::timeout, "no progress", ListenerTls::implicit),
                HasSubstr("speaks without TLS"))
        << "it waits for the greeting";
}

TEST(TlsAdvice, AdmitsThatItDoesNotKnow) {
    EXPECT_THAT(advice(ErrorKind::closed, "the other side ended the connection"), HasSubstr("may not trust"));
}

TEST(TlsAdvice, TellsWhereImplicitTlsWouldBeRight) {
    ListenerOptions terms;
    terms.tls = ListenerTls::none;
    EXPECT_THAT(std::string(implicit_tls_advice(terms)), HasSubstr("set its encryption to none"));
    terms.tls = ListenerTls::starttls;
    EXPECT_THAT(std::string(implicit_tls_advice(terms)), HasSubstr("set its encryption to STARTTLS"));
}

}  // namespace
}  // namespace mailramp::inbound
