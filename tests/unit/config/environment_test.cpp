// Configurations that stand in environment variables, with and without a file. What is refused, and in which
// words, stands in tests/bad_configs/environment_*.
#include "config/environment.h"

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "mailramp/config/keys.h"
#include "mailramp/config/load.h"

namespace mailramp::config {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

using Variables = std::vector<std::string_view>;

const std::string short_form =
    "mailbox: alerts@contoso.com\n"
    "tenant_id: 5e3ce6c0-2b1f-4285-8d4b-75ee78787346\n"
    "client_id: 11112222-bbbb-3333-cccc-4444dddd5555\n"
    "client_secret: {file: /etc/mailramp/client_secret}\n";

Variables with(const Variables& more) {
    Variables all{"MAILRAMP_MAILBOX=alerts@contoso.com",
                  "MAILRAMP_TENANT_ID=5e3ce6c0-2b1f-4285-8d4b-75ee78787346",
                  "MAILRAMP_CLIENT_ID=11112222-bbbb-3333-cccc-4444dddd5555",
                  "MAILRAMP_CLIENT_SECRET_FILE=/run/secrets/client_secret"};
    all.insert(all.end(), more.begin(), more.end());
    return all;
}

Settings good(LoadResult loaded) {
    EXPECT_TRUE(loaded) << render_errors("f", loaded ? std::vector<ConfigError>{} : loaded.error());
    return loaded ? std::move(*loaded) : Settings{};
}
Settings of_environment(const Variables& variables) {
    return good(load_environment(variables, {"relay.contoso.com"}));
}
Settings of_both(const std::string& text, const Variables& variables) {
    return good(load_text(text, {"relay.contoso.com"}, variables));
}
std::string errors_of(const Variables& variables) {
    const LoadResult loaded = load_environment(variables, {"relay.contoso.com"});
    return loaded ? "" : render_errors("f", loaded.error());
}

TEST(Environment, AloneIsAConfiguration) {
    const Settings settings = of_environment(with({}));
    ASSERT_EQ(settings.mailboxes.size(), 1u);
    EXPECT_EQ(settings.mailboxes[0].address, "alerts@contoso.com");
    ASSERT_EQ(settings.credentials.size(), 1u);
    EXPECT_EQ(settings.credentials[0].client.secret.place, oauth::SecretPlace::file);
    EXPECT_EQ(settings.credentials[0].client.secret.name, "/run/secrets/client_secret");
    EXPECT_EQ(settings.file, "");
    EXPECT_THAT(settings.variables, ElementsAre("MAILRAMP_CLIENT_ID", "MAILRAMP_CLIENT_SECRET_FILE",
                                                "MAILRAMP_MAILBOX", "MAILRAMP_TENANT_ID"));
    EXPECT_THAT(settings.warnings, IsEmpty());
}

TEST(Environment, ComesBeforeTheFileKeyByKey) {
    const Settings settings = of_both(
        short_form + "upstream: {host: smtp.office365.com, connect_timeout: 7s}\nlisten: [127.0.0.1:2525]\n",
        {"MAILRAMP_UPSTREAM__CONNECT_TIMEOUT=9s", "MAILRAMP_LISTEN=[127.0.0.1:2526, \"[::1]:2526\"]",
         "MAILRAMP_CLIENT_SECRET_FILE=/run/secrets/client_secret"});
    EXPECT_EQ(settings.mailboxes[0].server.connect.address_timeout, 9s);
    EXPECT_EQ(settings.mailboxes[0].server.host, "smtp.office365.com");
    ASSERT_EQ(settings.inbound.listen.size(), 2u);
    EXPECT_EQ(settings.inbound.listen[1].port, 2526);
    EXPECT_EQ(settings.credentials[0].client.secret.name, "/run/secrets/client_secret");
}

TEST(Environment, GivesAListAsOneValueToo) {
    EXPECT_EQ(of_environment(with({"MAILRAMP_LISTEN=[::1]:2525"})).inbound.listen[0].address, "::1");
    const Settings settings = of_environment(with({"MAILRAMP_ALLOWED_SENDERS=*@contoso.com"}));
    EXPECT_THAT(settings.mailboxes[0].delivery.senders.allowed, ElementsAre("*@contoso.com"));
}

TEST(Environment, GivesARoutingTableAsAList) {
    const Settings settings =
        of_environment(with({"MAILRAMP_ROUTES=[{match: {sender: \"*@erp.contoso.com\"}, mailbox: default}, "
                             "{name: rest, mailbox: default}]"}));
    ASSERT_EQ(settings.route.rules.size(), 2u);
    EXPECT_EQ(settings.route.rules[1].name, "rest");
}

TEST(Environment, NamesMailboxesAndCredentials) {
    const Settings settings =
        of_environment({"MAILRAMP_CREDENTIALS__CONTOSO__TENANT_ID=contoso.com",
                        "MAILRAMP_CREDENTIALS__CONTOSO__CLIENT_ID=11112222-bbbb-3333-cccc-4444dddd5555",
                        "MAILRAMP_CREDENTIALS__CONTOSO__CLIENT_SECRET_FILE=/run/secrets/contoso",
                        "MAILRAMP_CREDENTIALS__CONTOSO__TOKEN__TOTAL_TIMEOUT=17s",
                        "MAILRAMP_MAILBOXES__ERP_MAIL__ADDRESS=erp@contoso.com",
                        "MAILRAMP_MAILBOXES__ERP_MAIL__UPSTREAM__CONNECTIONS_MAX=1"});
    ASSERT_EQ(settings.mailboxes.size(), 1u);
    EXPECT_EQ(settings.mailboxes[0].name, "erp_mail");
    EXPECT_EQ(settings.mailboxes[0].server.pool.connections_max, 1u);
    ASSERT_EQ(settings.credentials.size(), 1u);
    EXPECT_EQ(settings.credentials[0].name, "contoso");
    EXPECT_EQ(settings.credentials[0].client.total_timeout, 17s);
}

TEST(Environment, NamesAliases) {
    const Settings settings = of_both(short_form + "aliases: {root: ops@contoso.com}\n",
                                      {"MAILRAMP_ALIASES__ROOT=[a@contoso.com, b@contoso.com]",
                                       "MAILRAMP_ALIASES__www-data=web@contoso.com"});
    ASSERT_EQ(settings.recipients.aliases.size(), 2u);
}

TEST(Environment, LeavesTheAddressOfAWebhookWhereItIs) {
    const Settings settings =
        of_environment(with({"MAILRAMP_ALERT__WEBHOOK=https://hooks.contoso.com/topsecret"}));
    EXPECT_EQ(settings.alert.webhook.place, oauth::SecretPlace::environment);
    EXPECT_EQ(settings.alert.webhook.name, "MAILRAMP_ALERT__WEBHOOK");
}

TEST(Environment, MeansTheNameThatTheFileHas) {
    const Settings settings = of_both(
        "credentials:\n"
        "  Contoso.com: {tenant_id: contoso.com, client_id: 11112222-bbbb-3333-cccc-4444dddd5555}\n"
        "mailboxes:\n"
        "  ERP-mail: {address: erp@contoso.com}\n",
        {"MAILRAMP_CREDENTIALS__CONTOSO_COM__CLIENT_SECRET_FILE=/run/secrets/contoso",
         "MAILRAMP_MAILBOXES__ERP_MAIL__AUTH_USER=service@contoso.com"});
    ASSERT_EQ(settings.mailboxes.size(), 1u);
    EXPECT_EQ(settings.mailboxes[0].name, "ERP-mail");
    EXPECT_EQ(settings.mailboxes[0].server.user, "service@contoso.com");
    EXPECT_EQ(settings.credentials[0].client.secret.name, "/run/secrets/contoso");
}

TEST(Environment, LeavesASecretWhereItIsAndWarns) {
    Variables variables = with({"MAILRAMP_CLIENT_SECRET=topsecret"});
    std::erase(variables, "MAILRAMP_CLIENT_SECRET_FILE=/run/secrets/client_secret");
    const Settings settings = of_environment(variables);
    const oauth::SecretReference& secret = settings.credentials[0].client.secret;
    EXPECT_EQ(secret.place, oauth::SecretPlace::environment);
    EXPECT_EQ(secret.name, "MAILRAMP_CLIENT_SECRET");
    EXPECT_TRUE(secret.value.empty());
    EXPECT_THAT(render_warnings("f", settings.warnings),
                HasSubstr("environment: MAILRAMP_CLIENT_SECRET: warning: an environment is often readable"));
}

TEST(Environment, IsNotGivenByAnEmptyVariable) {
    const Settings settings = of_both(short_form + "token: {proxy: \"http://proxy.contoso.com:3128\"}\n",
                                      {"MAILRAMP_TOKEN__PROXY=", "MAILRAMP_MAILBOX="});
    EXPECT_EQ(settings.credentials[0].client.proxy, "http://proxy.contoso.com:3128");
    EXPECT_THAT(settings.variables, IsEmpty());
    EXPECT_THAT(errors_of(with({"MAILRAMP_TOKEN__PROXI="})),
                HasSubstr("did you mean MAILRAMP_TOKEN__PROXY?"));
}

TEST(Environment, MayHaveWhatIsNoKeyOfOurs) {
    // A Kubernetes service of the name mailramp, or mailramp-smtp, tells every container of its namespace.
    const Variables others{"MAILRAMP_SOCKET=/run/mailramp/admin.sock",
                           "MAILRAMP_SENDMAIL_SERVER=127.0.0.1:2525",
                           "MAILRAMP_SERVICE_HOST=10.0.0.1",
                           "MAILRAMP_SERVICE_PORT=25",
                           "MAILRAMP_SERVICE_PORT_SMTP=25",
                           "MAILRAMP_PORT=tcp://10.0.0.1:25",
                           "MAILRAMP_PORT_25_TCP=tcp://10.0.0.1:25",
                           "MAILRAMP_PORT_25_TCP_PROTO=tcp",
                           "MAILRAMP_PORT_25_TCP_PORT=25",
                           "MAILRAMP_PORT_25_TCP_ADDR=10.0.0.1",
                           "MAILRAMP_SMTP_SERVICE_HOST=10.0.0.2",
                           "MAILRAMP_SMTP_PORT_25_TCP_ADDR=10.0.0.2",
                           "MAILRAMP_SMTP_PORT=tcp://10.0.0.2:25",
                           "PATH=/usr/bin"};
    EXPECT_FALSE(gives_keys(others));
    EXPECT_TRUE(gives_keys(Variables{"MAILRAMP_TENNANT_ID="}));
    EXPECT_EQ(of_environment(with(others)).variables.size(), 4u);
    // A port that somebody meant for us is no service.
    EXPECT_THAT(errors_of(with({"MAILRAMP_PORT=587"})),
                HasSubstr("MAILRAMP_PORT: there is no such variable"));
}

TEST(Environment, RefusesLineEndsInAValue) {
    EXPECT_EQ(errors_of(with({"MAILRAMP_HOSTNAME=relay\nmailbox: x"})),
              "environment: MAILRAMP_HOSTNAME: the value has a line end or a control character in it, or is "
              "not valid UTF-8\n");
}

TEST(Environment, ShowsWhateverAVariableIsCalled) {
    EXPECT_THAT(errors_of(with({"MAILRAMP_HOST\nNAME\x1b[31m=x"})),
                HasSubstr("environment: MAILRAMP_HOST?NAME?[31m: there is no such variable"));
}

TEST(Environment, HasNoVariablesInLowerCase) {
    EXPECT_THAT(errors_of(with({"MAILRAMP_hostname=relay"})), HasSubstr("did you mean MAILRAMP_HOSTNAME?"));
}

TEST(Environment, ReachesEveryKeyThatIsNotInAList) {
    std::size_t found = 0;
    for (const Key& key : keys()) {
        if (key.section || key.path.find('[') != std::string::npos) continue;
        std::string path = key.path;
        if (const std::size_t at = path.find("<name>"); at != std::string::npos) path.replace(at, 6, "some");
        if (key.names) path += ".some";
        const std::string variable = variable_of(path) + "=x";
        Node root{.kind = Node::Kind::map};
        Problems problems;
        EXPECT_EQ(lay_environment(root, Variables{variable}, problems).size(), 1u) << variable;
        EXPECT_TRUE(problems.empty()) << variable;
        ++found;
    }
    EXPECT_GT(found, 80u);
}

TEST(Environment, IsNamedByItsKeys) {
    EXPECT_EQ(variable_of("upstream.connect_timeout"), "MAILRAMP_UPSTREAM__CONNECT_TIMEOUT");
    EXPECT_EQ(variable_of("mailboxes.erp-mail.address"), "MAILRAMP_MAILBOXES__ERP_MAIL__ADDRESS");
    EXPECT_EQ(variable_of("routes[2].match.sender"), "MAILRAMP_ROUTES");
}

TEST(Environment, IsEnoughWhereTheUsualFileIsMissing) {
    const std::filesystem::path missing = "/nonexistent/mailramp.yaml";
    const Variables variables = with({});
    EXPECT_TRUE(load({missing, FileNeed::optional, variables}, References::ignore));
    const LoadResult named = load({missing, FileNeed::required, variables}, References::ignore);
    ASSERT_FALSE(named);
    EXPECT_THAT(render_errors(missing, named.error()),
                HasSubstr("mailramp.yaml: it cannot be opened: No such file"));
    const LoadResult nothing = load({missing, FileNeed::optional, Variables{"MAILRAMP_SOCKET=/s"}});
    ASSERT_FALSE(nothing);
    EXPECT_THAT(render_errors(missing, nothing.error()),
                HasSubstr("mailramp.yaml: it cannot be opened: No such file"));
}

TEST(Environment, NamesTheVariableOfASecretFileThatIsMissing) {
    const LoadResult loaded = load(
        {"/nonexistent/mailramp.yaml", FileNeed::optional, with({"MAILRAMP_QUEUE__DIRECTORY=/srv/queue"})});
    ASSERT_FALSE(loaded);
    EXPECT_THAT(render_errors("", loaded.error()),
                HasSubstr("environment: MAILRAMP_CLIENT_SECRET_FILE: secret file /run/secrets/client_secret: "
                          "No such file or directory"));
}

TEST(ProcessEnvironment, HasOurVariablesOnly) {
    ::setenv("MAILRAMP_TEST_OF_THE_ENVIRONMENT", "1", 1);
    const auto variables = process_environment();
    EXPECT_THAT(variables, ::testing::Contains("MAILRAMP_TEST_OF_THE_ENVIRONMENT=1"));
    for (const std::string_view variable : variables)
        EXPECT_TRUE(variable.starts_with("MAILRAMP_"));
    ::unsetenv("MAILRAMP_TEST_OF_THE_ENVIRONMENT");
}

}  // namespace
}  // namespace mailramp::config
