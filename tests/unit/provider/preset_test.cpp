#include "mailramp/provider/preset.h"

#include <set>

#include <gtest/gtest.h>

namespace mailramp::provider {
namespace {

TEST(Preset, NamesEveryCloudOnce) {
    std::set<std::string_view> names;
    for (const Preset& preset : presets())
        EXPECT_TRUE(names.insert(preset.name).second) << preset.name;
    EXPECT_EQ(names, (std::set<std::string_view>{"custom", "m365", "m365-china", "m365-dod", "m365-gcch"}));
}

TEST(Preset, KnowsTheWorldwideCloud) {
    const Preset* preset = find_preset("m365");
    ASSERT_NE(preset, nullptr);
    EXPECT_EQ(preset->host, "smtp.office365.com");
    EXPECT_EQ(preset->port, 587);
    EXPECT_EQ(preset->starttls, smtp::StartTls::required);
    EXPECT_EQ(preset->authentication, smtp::Authentication::xoauth2);
    EXPECT_EQ(preset->authority, "https://login.microsoftonline.com");
    EXPECT_EQ(preset->scope, "https://outlook.office365.com/.default");
}

TEST(Preset, StaysBelowWhatExchangeAllows) {
    for (const Preset& preset : presets()) {
        SCOPED_TRACE(preset.name);
        EXPECT_LT(preset.connections_max, 3u);
        EXPECT_LE(preset.messages_per_minute_max, 30u);
        EXPECT_LE(preset.recipients_max, 500u);
        EXPECT_LE(preset.size_bytes_max, 35'000'000u);
        EXPECT_LE(preset.idle_timeout, std::chrono::seconds(60));
        EXPECT_LE(preset.session_age_max, std::chrono::minutes(10));
        EXPECT_LE(preset.messages_per_session_max, 100u);
    }
}

TEST(Preset, UsesHttpsAndDefaultScopesForEveryMicrosoftCloud) {
    for (const Preset& preset : presets()) {
        if (preset.dialect != Dialect::exchange_online) continue;
        EXPECT_TRUE(preset.authority.starts_with("https://")) << preset.name;
        EXPECT_FALSE(preset.authority.ends_with("/")) << preset.name;
        EXPECT_TRUE(preset.scope.starts_with("https://") && preset.scope.ends_with("/.default"))
            << preset.name;
        EXPECT_FALSE(preset.host.empty()) << preset.name;
    }
}

TEST(Preset, HasNoOtherNames) {
    EXPECT_EQ(find_preset(""), nullptr);
    EXPECT_EQ(find_preset("M365"), nullptr);
    EXPECT_EQ(find_preset("gmail"), nullptr);
}

}  // namespace
}  // namespace mailramp::provider
