#include "mailramp/inbound/options.h"

#include <gtest/gtest.h>

namespace mailramp::inbound {
namespace {

TEST(TermsOfAListener, AreEasyOnThisMachine) {
    for (const char* address : {"127.0.0.1", "127.0.0.9", "::1"}) {
        const ListenerOptions terms = terms_for({}, {address, 25});
        EXPECT_EQ(terms.tls, ListenerTls::none) << "a program that checks certificates would stop sending";
        EXPECT_EQ(terms.auth, ListenerAuth::any);
        EXPECT_EQ(terms.auth_need, smtp::AuthNeed::optional);
    }
}

TEST(TermsOfAListener, OfferTlsBeyondThisMachine) {
    const ListenerOptions terms = terms_for({}, {"192.168.1.5", 25});
    EXPECT_EQ(terms.tls, ListenerTls::starttls);
    EXPECT_EQ(terms.auth, ListenerAuth::any);
    EXPECT_EQ(terms.tls_versions, io::TlsVersions::current);
    EXPECT_EQ(terms.clear_passwords, ClearPasswords::refused);
    EXPECT_EQ(terms_for({}, {"::", 25}).tls, ListenerTls::starttls);
}

TEST(TermsOfAListener, BeginWithTlsOnPort465) {
    EXPECT_EQ(terms_for({}, {"192.168.1.5", 465}).tls, ListenerTls::implicit);
    EXPECT_EQ(terms_for({}, {"127.0.0.1", 465}).tls, ListenerTls::implicit);
}

TEST(TermsOfAListener, AskForThePasswordsOfUsersOnlyBeyondThisMachine) {
    Options options;
    options.auth_users_file = "/etc/mailramp/users";
    EXPECT_EQ(terms_for(options, {"192.168.1.5", 25}).auth, ListenerAuth::users);
    EXPECT_EQ(terms_for(options, {"127.0.0.1", 25}).auth, ListenerAuth::any);
}

TEST(TermsOfAListener, AreWhatIsSaidOfItsAddress) {
    Options options;
    options.listeners.push_back(
        {.address = {"127.0.0.1", 587}, .tls = ListenerTls::starttls, .auth = ListenerAuth::none});
    EXPECT_EQ(terms_for(options, {"127.0.0.1", 587}).tls, ListenerTls::starttls);
    EXPECT_EQ(terms_for(options, {"127.0.0.1", 587}).auth, ListenerAuth::none);
    EXPECT_EQ(terms_for(options, {"127.0.0.1", 25}).tls, ListenerTls::none);
    EXPECT_EQ(terms_for(options, {"127.0.0.2", 587}).auth, ListenerAuth::any);
}

}  // namespace
}  // namespace mailramp::inbound
