#include "cli/admin_client.h"

#include <cstring>
#include <filesystem>
#include <fstream>
#include <future>
#include <stdexcept>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "cli/reading.h"

namespace mailramp::cli {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

class AdminClientTest : public testing::Test {
  protected:
    AdminClientTest() {
        std::string name = (std::filesystem::temp_directory_path() / "mailramp-cli-XXXXXX").string();
        if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp");
        folder = name;
        socket = folder / "admin.sock";
    }
    ~AdminClientTest() override {
        if (listener >= 0) ::close(listener);
        std::error_code ignored;
        std::filesystem::remove_all(folder, ignored);
    }

    void bind_socket() {
        listener = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::strncpy(address.sun_path, socket.c_str(), sizeof address.sun_path - 1);
        const auto* generic = static_cast<const sockaddr*>(static_cast<const void*>(&address));
        ASSERT_EQ(::bind(listener, generic, sizeof address), 0) << std::strerror(errno);
    }

    // Takes one connection, answers it, and gives back what was asked.
    std::future<std::string> answer_once(std::string response) {
        bind_socket();
        EXPECT_EQ(::listen(listener, 1), 0);
        return std::async(std::launch::async, [this, response = std::move(response)] {
            const int client = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
            std::string request;
            char buffer[1024];
            while (request.find("\r\n\r\n") == std::string::npos) {
                const ssize_t count = ::recv(client, buffer, sizeof buffer, 0);
                if (count <= 0) break;
                request.append(buffer, static_cast<std::size_t>(count));
            }
            const ssize_t sent = ::send(client, response.data(), response.size(), MSG_NOSIGNAL);
            EXPECT_EQ(sent, static_cast<ssize_t>(response.size()));
            ::close(client);
            return request;
        });
    }

    std::filesystem::path folder;
    std::filesystem::path socket;
    int listener = -1;
};

TEST_F(AdminClientTest, AsksOverTheSocket) {
    auto asked = answer_once("HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n{\"recipients\":1}");
    const Reply truncated = ask_daemon(socket, "DELETE", "/v1/messages/0A1B2C3D4E5");
    EXPECT_THAT(asked.get(), StartsWith("DELETE /v1/messages/0A1B2C3D4E5 HTTP/1.1\r\n"));
    // The length was one short, so the object does not end.
    ASSERT_FALSE(truncated);
    EXPECT_EQ(truncated.error().status, ExitStatus::software);
}

TEST_F(AdminClientTest, ReadsTheAnswer) {
    auto asked = answer_once("HTTP/1.1 200 OK\r\nContent-Length: 16\r\n\r\n{\"recipients\":1}");
    const Reply reply = ask_daemon(socket, "POST", "/v1/messages/retry");
    EXPECT_THAT(asked.get(), StartsWith("POST /v1/messages/retry HTTP/1.1\r\n"));
    ASSERT_TRUE(reply) << reply.error().message;
    EXPECT_EQ(number_at(*reply, "recipients"), 1u);
}

TEST_F(AdminClientTest, PassesTheDaemonsErrorOn) {
    auto asked = answer_once(
        "HTTP/1.1 404 Not Found\r\nConnection: "
        "close\r\n\r\n{\"error\":{\"kind\":\"not_found\",\"message\":\"no such\"}}");
    const Reply reply = ask_daemon(socket, "GET", "/v1/messages/0A1B2C3D4E5");
    asked.wait();
    ASSERT_FALSE(reply);
    EXPECT_EQ(reply.error().status, ExitStatus::data);
    EXPECT_EQ(reply.error().message, "no such");
}

TEST_F(AdminClientTest, SaysHowToStartADaemonThatIsNotThere) {
    const Reply reply = ask_daemon(socket, "GET", "/v1/status");
    ASSERT_FALSE(reply);
    EXPECT_EQ(reply.error().status, ExitStatus::unavailable);
    EXPECT_THAT(reply.error().message, HasSubstr("there is no socket " + socket.string()));
    EXPECT_THAT(reply.error().message, HasSubstr("Start it with: mailramp serve"));
}

TEST_F(AdminClientTest, SaysSoWhenTheSocketWasLeftBehind) {
    bind_socket();  // nobody listens
    const Reply reply = ask_daemon(socket, "GET", "/v1/status");
    ASSERT_FALSE(reply);
    EXPECT_EQ(reply.error().status, ExitStatus::unavailable);
    EXPECT_THAT(reply.error().message, HasSubstr("Start it with: mailramp serve"));
}

TEST_F(AdminClientTest, NamesTheGroupToJoin) {
    bind_socket();
    ASSERT_EQ(::chmod(socket.c_str(), 0660), 0);
    const Failure failure = not_allowed(socket, 4242, "jo");
    EXPECT_EQ(failure.status, ExitStatus::no_permission);
    EXPECT_THAT(failure.message,
                HasSubstr("it is for the group 4242.\nJoin it with: sudo usermod -aG 4242 jo\n"));
    EXPECT_THAT(not_allowed(socket, 0, "jo").message, HasSubstr("Put sudo in front of the command."));
}

}  // namespace
}  // namespace mailramp::cli
