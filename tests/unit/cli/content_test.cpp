#include "cli/content.h"

#include <cstdlib>
#include <fstream>
#include <map>

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>

#include "commands_fixture.h"

namespace mailramp::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class ContentTest : public CommandsTest {
  protected:
    ContentTest() {
        std::string name = (std::filesystem::temp_directory_path() / "mailramp-export-XXXXXX").string();
        if (::mkdtemp(name.data()) == nullptr) std::abort();
        folder = name;
    }
    ~ContentTest() override { std::filesystem::remove_all(folder); }

    // Gives the content in pieces of this size.
    Content content() {
        return [this](const std::string& target) -> std::expected<std::string, Failure> {
            asked.push_back(target);
            const std::size_t offset = std::stoul(target.substr(target.find('=') + 1));
            if (failing_at && offset >= *failing_at)
                return std::unexpected(Failure{ExitStatus::io_error, "the content is damaged"});
            return offset < octets.size() ? octets.substr(offset, piece) : std::string();
        };
    }

    static std::string read(const std::filesystem::path& file) {
        std::ifstream in(file, std::ios::binary);
        return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
    }

    std::string octets = "Subject: a\r\n\r\nbody \x1b[2J\r\n";
    std::size_t piece = 7;
    std::optional<std::size_t> failing_at;
    std::vector<std::string> asked;
    std::filesystem::path folder;
};

TEST_F(ContentTest, CatPrintsEveryOctetAsItIsStored) {
    EXPECT_EQ(queue_cat(content(), console(), id, ContentPart::whole), ExitStatus::done);
    EXPECT_EQ(out.str(), octets);
    EXPECT_EQ(asked.front(), "/v1/messages/" + id + "/content?offset=0");
}

TEST_F(ContentTest, CatDoesATerminalNoHarm) {
    Console shown = console();
    shown.view.terminal = true;
    EXPECT_EQ(queue_cat(content(), shown, id, ContentPart::whole), ExitStatus::done);
    EXPECT_EQ(out.str(), "Subject: a\n\nbody ?[2J\n");
    out.str("");
    octets = "\xc3\x80\tb\xc2\x9b\r\n";
    piece = octets.size();
    EXPECT_EQ(queue_cat(content(), shown, id, ContentPart::whole), ExitStatus::done);
    EXPECT_EQ(out.str(), "\xc3\x80\tb?\n") << "letters stay, control characters of eight bits do not";
}

TEST_F(ContentTest, TheHeaderSectionEndsWhereverThePiecesDo) {
    for (piece = 1; piece <= octets.size(); ++piece) {
        out.str("");
        EXPECT_EQ(queue_cat(content(), console(), id, ContentPart::header), ExitStatus::done);
        EXPECT_EQ(out.str(), "Subject: a\r\n\r\n") << piece;
    }
    octets = "Subject: no body\r\n";
    out.str("");
    EXPECT_EQ(queue_cat(content(), console(), id, ContentPart::header), ExitStatus::done);
    EXPECT_EQ(out.str(), octets);
}

TEST_F(ContentTest, CatSaysThatContentIsDamaged) {
    failing_at = 14;
    EXPECT_EQ(queue_cat(content(), console(), id, ContentPart::whole), ExitStatus::io_error);
    EXPECT_THAT(err.str(), HasSubstr("the content is damaged"));
    EXPECT_EQ(queue_cat(content(), console(), "nonsense", ContentPart::whole), ExitStatus::data);
}

TEST_F(ContentTest, ExportWritesTheMailAndItsEnvelopeForItsOwnerAlone) {
    boost::json::object message = sample_message();
    message["now"] = "later";
    message["recipients"].as_array().push_back(object_of(R"({"address": "x@y", "state": "delivered"})"));
    replies = {message};
    EXPECT_EQ(queue_export(daemon(), content(), console(), {.id = id}, folder / "new"), ExitStatus::done);
    EXPECT_EQ(read(folder / "new" / (id + ".eml")), octets);
    const boost::json::object envelope = object_of(read(folder / "new" / (id + ".json")));
    EXPECT_EQ(envelope.at("sender"), "cron@web1.example");
    EXPECT_EQ(envelope.at("recipients").as_array().size(), 1u) << "who has it gets no second copy";
    EXPECT_FALSE(envelope.contains("now"));
    struct stat status{};
    for (const std::string& name : {id + ".eml", id + ".json"}) {
        ASSERT_EQ(::stat((folder / "new" / name).c_str(), &status), 0);
        EXPECT_EQ(status.st_mode & 07777u, 0600u);
    }
    ASSERT_EQ(::stat((folder / "new").c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 07777u, 0700u);
    EXPECT_EQ(out.str(), "1 message exported to " + (folder / "new").string() + ".\n");
}

TEST_F(ContentTest, ExportOverwritesNothingAndLeavesNothingHalf) {
    std::ofstream(folder / (id + ".json")) << "mine";
    replies = {sample_message()};
    EXPECT_EQ(queue_export(daemon(), content(), console(), {.id = id}, folder), ExitStatus::io_error);
    EXPECT_EQ(read(folder / (id + ".json")), "mine");
    EXPECT_FALSE(std::filesystem::exists(folder / (id + ".eml")));
    std::filesystem::remove(folder / (id + ".json"));
    failing_at = 14;
    replies = {sample_message()};
    EXPECT_EQ(queue_export(daemon(), content(), console(), {.id = id}, folder), ExitStatus::io_error);
    EXPECT_TRUE(std::filesystem::is_empty(folder));
}

TEST_F(ContentTest, ExportGoesThroughAllThatMatches) {
    boost::json::object other = sample_message();
    other["id"] = "0A1B2C3D4E6";
    replies = {boost::json::object{{"messages", boost::json::array{sample_message()}}, {"next", id}},
               sample_message(),
               boost::json::object{{"messages", boost::json::array{other}}, {"next", nullptr}},
               std::unexpected(Failure{ExitStatus::data, "no such message"})};
    EXPECT_EQ(queue_export(daemon(), content(), console(), {.filter = {.mailbox = "m"}}, folder),
              ExitStatus::done);
    EXPECT_THAT(requests,
                ElementsAre("GET /v1/messages?mailbox=m", "GET /v1/messages/" + id,
                            "GET /v1/messages?mailbox=m&after=" + id, "GET /v1/messages/0A1B2C3D4E6"));
    EXPECT_THAT(out.str(), HasSubstr("1 message exported"));
    EXPECT_THAT(out.str(), HasSubstr("1 message left the queue meanwhile."));
    EXPECT_EQ(queue_export(daemon(), content(), console(), {}, folder), ExitStatus::usage);
}

}  // namespace
}  // namespace mailramp::cli
