#include "io/net.h"

#include <cstring>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/un.h>
#include <unistd.h>

#include <boost/asio/error.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/error.hpp>

#include "mailramp/base/text.h"

namespace mailramp::io {
namespace {

namespace ip = boost::asio::ip;

constexpr std::size_t error_text_bytes_max = 200;

Endpoint unix_endpoint(const SocketAddress& address) {
    sockaddr_un name{};
    std::memcpy(&name, &address.storage, std::min<std::size_t>(address.size, sizeof name));
    const bool named = address.size > offsetof(sockaddr_un, sun_path) && name.sun_path[0] != '\0';
    if (!named) return Endpoint{"local", 0};
    return Endpoint{std::string(name.sun_path, strnlen(name.sun_path, sizeof name.sun_path)), 0};
}

}  // namespace

FileDescriptor& FileDescriptor::operator=(FileDescriptor&& other) noexcept {
    if (this != &other) {
        if (value_ >= 0) ::close(value_);
        value_ = other.release();
    }
    return *this;
}

FileDescriptor::~FileDescriptor() {
    if (value_ >= 0) ::close(value_);
}

// The socket API's own way of passing addresses of many kinds.
const sockaddr* SocketAddress::get() const {
    return reinterpret_cast<const sockaddr*>(&storage);
}
sockaddr* SocketAddress::get() {
    return reinterpret_cast<sockaddr*>(&storage);
}

base::Result<SocketAddress> socket_address(const Endpoint& endpoint) {
    boost::system::error_code error;
    const ip::address address = ip::make_address(endpoint.address, error);
    if (error) return base::fail(base::ErrorKind::invalid, endpoint.address + " is not a numeric IP address");
    const ip::tcp::endpoint tcp(address, endpoint.port);
    SocketAddress result;
    std::memcpy(&result.storage, tcp.data(), tcp.size());
    result.size = static_cast<socklen_t>(tcp.size());
    return result;
}

Endpoint endpoint_of(const SocketAddress& address) {
    if (address.family() == AF_UNIX) return unix_endpoint(address);
    if (address.family() != AF_INET && address.family() != AF_INET6) return Endpoint{"unknown", 0};
    ip::tcp::endpoint tcp;
    std::memcpy(tcp.data(), &address.storage, std::min<std::size_t>(address.size, tcp.capacity()));
    ip::address shown = tcp.address();
    if (shown.is_v6()) {
        ip::address_v6 v6 = shown.to_v6();
        v6.scope_id(0);
        shown = v6;
        if (v6.is_v4_mapped()) shown = ip::make_address_v4(ip::v4_mapped, v6);
    }
    return Endpoint{shown.to_string(), tcp.port()};
}

std::string to_string(const Endpoint& endpoint) {
    const bool v6 = endpoint.address.find(':') != std::string::npos;
    return (v6 ? "[" + endpoint.address + "]" : endpoint.address) + ":" + std::to_string(endpoint.port);
}

base::Error network_error(std::string_view doing, const boost::system::error_code& code) {
    namespace error = boost::asio::error;
    const std::string where = std::string(doing) + ": ";
    if (code == error::eof || code == error::connection_reset || code == error::connection_aborted ||
        code == error::broken_pipe || code == error::shut_down || code == error::not_connected ||
        code == boost::asio::ssl::error::stream_truncated)
        return {base::ErrorKind::closed, where + "the other side ended the connection"};
    if (code == error::operation_aborted || code == error::bad_descriptor)
        return {base::ErrorKind::closed, where + "the connection is closed"};
    // The kernel gave the connection up: nobody acknowledges what was sent.
    if (code == error::timed_out) return {base::ErrorKind::timeout, where + "the other side does not answer"};
    const bool tls = code.category() == error::get_ssl_category() ||
                     code.category() == boost::asio::ssl::error::get_stream_category();
    return {tls ? base::ErrorKind::tls : base::ErrorKind::io,
            where + base::printable(code.message(), error_text_bytes_max)};
}

}  // namespace mailramp::io
