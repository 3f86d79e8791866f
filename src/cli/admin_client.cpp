#include "cli/admin_client.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <exception>
#include <memory>
#include <utility>

#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include "mailramp/base/result.h"
#include "mailramp/io/http_client.h"

namespace mailramp::cli {
namespace {

// A page of the list with the longest answers is below this.
constexpr std::size_t response_bytes_max = std::size_t{16} << 20;
constexpr std::size_t account_entry_bytes_max = 16 * 1024;  // a user or a group of this machine

Failure not_running(const std::filesystem::path& socket, const std::string& why) {
    return {ExitStatus::unavailable,
            "the daemon does not answer: " + why +
                "\nStart it with: mailramp serve --config /etc/mailramp/mailramp.yaml\n"
                "If it runs with another socket than " +
                socket.string() + ", name it with --socket or --config."};
}

std::string name_of_group(gid_t id) {
    std::array<char, account_entry_bytes_max> space{};
    group entry{};
    group* found = nullptr;
    ::getgrgid_r(id, &entry, space.data(), space.size(), &found);
    return found != nullptr ? std::string(entry.gr_name) : std::to_string(id);
}

std::string name_of_user(uid_t id) {
    std::array<char, account_entry_bytes_max> space{};
    passwd entry{};
    passwd* found = nullptr;
    ::getpwuid_r(id, &entry, space.data(), space.size(), &found);
    return found != nullptr ? std::string(entry.pw_name) : std::to_string(id);
}

Failure failure_of(const std::filesystem::path& socket, const base::Error& error) {
    if (error.kind == base::ErrorKind::unavailable) return not_running(socket, error.message);
    if (error.kind == base::ErrorKind::timeout) {
        return {ExitStatus::try_again, "the daemon runs, but did not answer in time: " + error.message};
    }
    return {ExitStatus::software, "asking mailramp over " + socket.string() + " failed: " + error.message};
}

}  // namespace

Failure not_allowed(const std::filesystem::path& socket, gid_t group_id, const std::string& user) {
    std::string message = "you may not use " + socket.string();
    // Root's group is not one to join.
    if (group_id == 0) {
        message += ".\nPut sudo in front of the command.";
    } else {
        const std::string group = name_of_group(group_id);
        message += ": it is for the group " + group + ".\nJoin it with: sudo usermod -aG " + group + " " +
                   user + "\nand log in again; or put sudo in front of the command.";
    }
    return {ExitStatus::no_permission, std::move(message)};
}

std::optional<Failure> unreachable(const std::filesystem::path& socket) {
    if (::access(socket.c_str(), W_OK) == 0) return {};
    const int error = errno;
    if (error == EACCES || error == EPERM) {
        struct stat status{};
        // Without a look at the socket, and without permission for its group, there is none to join.
        const bool known = ::stat(socket.c_str(), &status) == 0 && (status.st_mode & S_IWGRP) != 0;
        return not_allowed(socket, known ? status.st_gid : 0, name_of_user(::getuid()));
    }
    if (error == ENOENT || error == ENOTDIR)
        return not_running(socket, "there is no socket " + socket.string() + ".");
    return not_running(socket, socket.string() + ": " + std::strerror(error) + ".");
}

namespace {

std::expected<io::HttpResponse, Failure> exchange(const std::filesystem::path& socket,
                                                  const std::string& method, const std::string& target,
                                                  base::Duration timeout) {
    if (auto why = unreachable(socket)) return std::unexpected(std::move(*why));
    auto client = io::CurlHttpClient::create(io::CurlHttpClientOptions{});
    if (!client) return std::unexpected(failure_of(socket, client.error()));

    io::HttpRequest request;
    request.method = method;
    request.url = "http://localhost" + target;
    request.unix_socket = socket;
    request.response_bytes_max = response_bytes_max;
    request.total_timeout = timeout;
    base::Result<io::HttpResponse> response = base::fail(base::ErrorKind::internal, "no answer came");
    boost::asio::io_context loop;
    auto work = (*client)->send(std::move(request));
    boost::asio::co_spawn(loop, std::move(work),
                          [&response](const std::exception_ptr& error, base::Result<io::HttpResponse> got) {
                              if (!error) response = std::move(got);
                          });
    loop.run();
    if (!response) return std::unexpected(failure_of(socket, response.error()));
    return std::move(*response);
}

}  // namespace

Reply ask_daemon(const std::filesystem::path& socket, const std::string& method, const std::string& target,
                 base::Duration timeout) {
    const auto response = exchange(socket, method, target, timeout);
    if (!response) return std::unexpected(response.error());
    return read_reply(response->status, response->body.reveal());
}

std::expected<std::string, Failure> fetch_content(const std::filesystem::path& socket,
                                                  const std::string& target) {
    const auto response = exchange(socket, "GET", target, answer_timeout);
    if (!response) return std::unexpected(response.error());
    if (response->status == 200) return std::string(response->body.reveal());
    const Reply refused = read_reply(response->status, response->body.reveal());
    if (refused) return std::unexpected(Failure{ExitStatus::software, "the daemon sent no content"});
    return std::unexpected(refused.error());
}

}  // namespace mailramp::cli
