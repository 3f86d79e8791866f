#include "mailramp/mail/address.h"

#include <string>

#include <gtest/gtest.h>

namespace mailramp::mail {
namespace {

const PathRules ascii{};
const PathRules utf8{Utf8::allowed, {}};

// "address|rest", or why there is none.
std::string reverse(std::string_view text, const PathRules& rules = ascii) {
    const auto path = parse_reverse_path(text, rules);
    return path ? path->address + "|" + std::string(path->rest) : "! " + path.error().message;
}

std::string forward(std::string_view text, const PathRules& rules = ascii) {
    const auto path = parse_forward_path(text, rules);
    return path ? path->address + "|" + std::string(path->rest) : "! " + path.error().message;
}

TEST(Address, IsTakenOutOfItsBrackets) {
    EXPECT_EQ(reverse("<a@example.com>"), "a@example.com|");
    EXPECT_EQ(reverse("<a.b+c=d{e}@example.com> SIZE=1  BODY=7BIT"),
              "a.b+c=d{e}@example.com|SIZE=1  BODY=7BIT");
}

TEST(Address, IsTakenAsOldProgramsSendIt) {
    EXPECT_EQ(reverse(" <a@example.com>"), "a@example.com|");
    EXPECT_EQ(reverse("< a@example.com  > X"), "a@example.com|X");
    EXPECT_EQ(reverse("  a@example.com SIZE=1"), "a@example.com|SIZE=1");
    EXPECT_EQ(forward("<root@my_host>"), "root@my_host|");
}

TEST(Address, MayBeEmptyForTheSenderOnly) {
    EXPECT_EQ(reverse("<>"), "|");
    EXPECT_EQ(reverse("< > SIZE=1"), "|SIZE=1");
    EXPECT_EQ(reverse("<>SIZE=1"), "! the address is malformed; send <user@example.com>");
    EXPECT_TRUE(reverse("").starts_with("!"));
    EXPECT_TRUE(forward("<>").starts_with("!"));
}

TEST(Address, KeepsAQuotedLocalPart) {
    EXPECT_EQ(reverse(R"(<"a b"@example.com> X)"), R"("a b"@example.com|X)");
    EXPECT_EQ(reverse(R"(<"a\"> @\\"@example.com>)"), R"("a\"> @\\"@example.com|)");
    EXPECT_EQ(reverse(R"("a b"@example.com X)"), R"("a b"@example.com|X)");
    EXPECT_TRUE(reverse(R"(<"a@example.com>)").starts_with("!"));
    EXPECT_TRUE(reverse(R"(<"a\"@example.com>)").starts_with("!"));
    EXPECT_TRUE(reverse(R"(<"a"b@example.com>)").starts_with("!"));
}

TEST(Address, LosesItsSourceRoute) {
    EXPECT_EQ(reverse("<@one.example,@[192.0.2.1]:a@example.com>"), "a@example.com|");
    EXPECT_EQ(forward("<@one.example:a@example.com>"), "a@example.com|");
    for (const auto* bad :
         {"<@one.example>", "<@one.example,:a@b>", "<@one.example,two.example:a@b>", "<@:a@b>"})
        EXPECT_EQ(reverse(bad), "! the source route is malformed") << bad;
}

TEST(Address, TakesAddressLiterals) {
    EXPECT_EQ(reverse("<a@[192.0.2.1]>"), "a@[192.0.2.1]|");
    EXPECT_EQ(reverse("<a@[IPv6:2001:db8::1]>"), "a@[IPv6:2001:db8::1]|");
    for (const auto* bad : {"<a@[]>", "<a@[192.0.2]>", "<a@[192.0.2.256]>", "<a@[2001:db8::1]>",
                            "<a@[IPv6:x]>", "<a@[192.0.2.1>", "<a@[tag:content]>", "<a@[192.0.2.1]x>"})
        EXPECT_TRUE(reverse(bad).starts_with("!")) << bad;
}

TEST(Address, NeedsADomainUnlessOneIsAdded) {
    EXPECT_EQ(reverse("<root>"), "! the address has no domain; send user@example.com");
    const PathRules rules{Utf8::refused, "example.org"};
    EXPECT_EQ(reverse("<root>", rules), "root@example.org|");
    EXPECT_EQ(forward("cron X", rules), "cron@example.org|X");
    EXPECT_EQ(reverse("<a@example.com>", rules), "a@example.com|");
    EXPECT_TRUE(reverse("<root@>", rules).starts_with("!"));
}

TEST(Address, OfARecipientMayLackItsDomainWhereTheCallerSaysSo) {
    const PathRules kept{Utf8::refused, {}, BareName::kept};
    EXPECT_EQ(forward("<root>", kept), "root|");
    EXPECT_EQ(forward(" \"Mail Team\" X=1", kept), "\"Mail Team\"|X=1");
    EXPECT_TRUE(forward("<" + std::string(65, 'x') + ">", kept).starts_with("!"));
    EXPECT_TRUE(reverse("<root>", kept).starts_with("!"));
    EXPECT_EQ(forward("<root>", {Utf8::refused, "example.org", BareName::kept}), "root@example.org|");
    EXPECT_TRUE(forward("<root>").starts_with("!"));
}

TEST(Address, OfThePostmasterNeedsNoDomainAsRecipient) {
    EXPECT_EQ(forward("<PostMaster>"), "PostMaster|");
    EXPECT_EQ(forward("<postmaster>", {Utf8::refused, "example.org"}), "postmaster|");
    EXPECT_TRUE(reverse("<postmaster>").starts_with("!"));
}

TEST(Address, HasItsLengthsLimited) {
    const auto of = [](std::size_t local, std::size_t domain) {
        // Labels of 63 octets and a dot.
        std::string name;
        while (name.size() < domain)
            name += std::string(std::min<std::size_t>(63, domain - name.size()), 'd') + ".";
        name.resize(domain);
        return "<" + std::string(local, 'l') + "@" + name + ">";
    };
    EXPECT_FALSE(reverse(of(64, 189)).starts_with("!"));
    EXPECT_EQ(reverse(of(65, 10)), "! the part in front of the @ is longer than 64 octets");
    EXPECT_EQ(reverse(of(64, 190)), "! the address is longer than 254 octets");
    EXPECT_EQ(reverse(of(1, 300)), "! the address is longer than 254 octets");
    EXPECT_TRUE(reverse("<a@" + std::string(64, 'd') + ".example>").starts_with("!"));
}

TEST(Address, HasNoControlCharacterInAnyPlace) {
    for (int code = 0; code < 256; ++code) {
        if (code >= 0x20 && code != 0x7F) continue;
        const std::string c(1, static_cast<char>(code));
        for (const auto& text :
             {"<a" + c + "@example.com>", "<a@exa" + c + "mple.com>", "<\"" + c + "\"@example.com>",
              "<\"\\" + c + "\"@example.com>", "<a@example.com" + c + ">", "<" + c + "a@example.com>",
              "a@example.com" + c, "<a@example.com>" + c, "<@x" + c + ":a@example.com>"}) {
            EXPECT_TRUE(reverse(text).starts_with("!")) << code;
            EXPECT_TRUE(reverse(text, utf8).starts_with("!")) << code;
        }
    }
    EXPECT_TRUE(reverse("<a\xc2\x85@example.com>", utf8).starts_with("!")) << "C1";
}

TEST(Address, MayBeUtf8WhenTheClientAsked) {
    EXPECT_EQ(reverse("<j\xc3\xbcrgen@b\xc3\xbc"
                      "cher.example>",
                      utf8),
              "j\xc3\xbcrgen@b\xc3\xbc"
              "cher.example|");
    EXPECT_EQ(reverse("<\"\xc3\xbc\"@example.com>", utf8), "\"\xc3\xbc\"@example.com|");
    EXPECT_EQ(reverse("<j\xc3\xbcrgen@example.com>"), "! the address is not ASCII, which needs SMTPUTF8");
    for (const auto* bad :
         {"<\xfc@example.com>", "<a@\xc0\xaf.example>", "<a@\xed\xa0\x80.example>", "<\xc3@example.com>"})
        EXPECT_EQ(reverse(bad, utf8), "! the address has octets that are not UTF-8");
}

TEST(Address, RefusesWhatIsMoreThanAnAddress) {
    for (const auto* bad :
         {"Bob <bob@example.com>", "<<a@example.com>>",  "<a@example.com",     "a@example.com>",
          "<a@b@example.com>",     "<a..b@example.com>", "<.a@example.com>",   "<a.@example.com>",
          "<@example.com>",        "<a@example..com>",   "<a@.example>",       "<a@example.>",
          "<a@-b.example>",        "<a@b-.example>",     "<a b@example.com>",  "<a,b@example.com>",
          "<a@b c.example>",       "<(c)a@example.com>", "<a@example.com(c)>", "<a@b/c.example>",
          "<a;b@example.com>"})
        EXPECT_TRUE(reverse(bad).starts_with("!")) << bad;
}

TEST(Address, CanBeCheckedAlone) {
    EXPECT_TRUE(check_address("a@example.com", Utf8::refused));
    EXPECT_TRUE(check_address(R"("a b"@example.com)", Utf8::refused));
    EXPECT_TRUE(check_address("postmaster", Utf8::refused));
    EXPECT_TRUE(check_address("\xc3\xbc@example.com", Utf8::allowed));
    EXPECT_FALSE(check_address("\xc3\xbc@example.com", Utf8::refused));
    for (const auto* bad :
         {"", "root", "<a@example.com>", "a@example.com ", " a@example.com", "a@example.com SIZE=1",
          "a@example.com>\r\nRCPT TO:<b@example.com", "a@example.com\n"})
        EXPECT_FALSE(check_address(bad, Utf8::allowed)) << bad;
}

TEST(Address, IsTakenApartAtItsLastAt) {
    EXPECT_EQ(domain_of("a@example.com"), "example.com");
    EXPECT_EQ(local_part_of("a@example.com"), "a");
    EXPECT_EQ(domain_of(R"("a@b"@example.com)"), "example.com");
    EXPECT_EQ(local_part_of(R"("a@b"@example.com)"), R"("a@b")");
    EXPECT_EQ(domain_of("postmaster"), "");
    EXPECT_EQ(local_part_of("postmaster"), "postmaster");
    EXPECT_EQ(domain_of(""), "");
    EXPECT_EQ(local_part_of(""), "");
}

}  // namespace
}  // namespace mailramp::mail
