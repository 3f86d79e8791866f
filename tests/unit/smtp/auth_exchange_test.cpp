#include "mailramp/smtp/auth_exchange.h"

#include <string>

#include <gtest/gtest.h>

#include "mailramp/base/text.h"

namespace mailramp::smtp {
namespace {

using State = AuthExchange::State;
using Mechanism = AuthExchange::Mechanism;

std::string base64_of(std::string_view user, std::string_view password) {
    return base::base64_encode(std::string(1, '\0').append(user).append(1, '\0').append(password));
}

TEST(AuthExchange, KnowsItsMechanismsInAnyCase) {
    EXPECT_EQ(AuthExchange::find("plain"), Mechanism::plain);
    EXPECT_EQ(AuthExchange::find("LOGIN"), Mechanism::login);
    EXPECT_EQ(AuthExchange::find("XOAUTH2"), std::nullopt);
    EXPECT_EQ(AuthExchange::find(""), std::nullopt);
}

TEST(AuthExchange, AsksForPlainWithoutWords) {
    AuthExchange exchange(Mechanism::plain);
    EXPECT_EQ(exchange.begin(""), State::challenged);
    EXPECT_EQ(exchange.challenge(), "");
    EXPECT_EQ(exchange.respond(base64_of("erp", "pw")), State::complete);
    const Credentials given = exchange.take_credentials();
    EXPECT_EQ(given.user, "erp");
    EXPECT_EQ(given.password.reveal(), "pw");
    EXPECT_EQ(given.act_as, "");
}

TEST(AuthExchange, AsksForLoginWithPromptsThatHaveNoNul) {
    AuthExchange exchange(Mechanism::login);
    EXPECT_EQ(exchange.begin(""), State::challenged);
    EXPECT_EQ(base::base64_decode(exchange.challenge()), "Username:");
    EXPECT_EQ(exchange.respond(" ZXJw "), State::challenged);
    EXPECT_EQ(base::base64_decode(exchange.challenge()), "Password:");
    EXPECT_EQ(exchange.respond("cHc="), State::complete);
    const Credentials given = exchange.take_credentials();
    EXPECT_EQ(given.user, "erp");
    EXPECT_EQ(given.password.reveal(), "pw");
}

TEST(AuthExchange, TakesOctetsOfAnyKind) {
    const std::string odd("\x00\xff\r\n", 4);
    AuthExchange exchange(Mechanism::login);
    EXPECT_EQ(exchange.begin(base::base64_encode("us\xc3\xa9r")), State::challenged);
    EXPECT_EQ(exchange.respond(base::base64_encode(odd)), State::complete);
    EXPECT_EQ(exchange.take_credentials().password.reveal(), odd);
}

TEST(AuthExchange, TakesAPasswordOfTwelveThousandOctets) {
    const std::string password(9000, 'x');  // 12 KiB in base64
    AuthExchange exchange(Mechanism::plain);
    EXPECT_EQ(exchange.begin(base64_of("erp", password)), State::complete);
    EXPECT_EQ(exchange.take_credentials().password.reveal(), password);
}

TEST(AuthExchange, TellsACancelFromAMistake) {
    EXPECT_EQ(AuthExchange(Mechanism::plain).respond("*"), State::cancelled);
    EXPECT_EQ(AuthExchange(Mechanism::plain).respond("**"), State::not_base64);
    EXPECT_EQ(AuthExchange(Mechanism::plain).begin("AGVyc"), State::not_base64);
    EXPECT_EQ(AuthExchange(Mechanism::plain).begin("="), State::malformed);
    EXPECT_EQ(AuthExchange(Mechanism::plain).begin(base::base64_encode(std::string("a\0b\0c\0", 6))),
              State::malformed);
}

}  // namespace
}  // namespace mailramp::smtp
