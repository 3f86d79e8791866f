#include "mailramp/io/stream.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>
#include <utility>

#include <netinet/in.h>
#include <netinet/tcp.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include "io/net.h"
#include "io/trust.h"
#include "mailramp/base/text.h"

namespace mailramp::io {
namespace {

using Socket = asio::generic::stream_protocol::socket;
using TlsStream = asio::ssl::stream<Socket&>;

constexpr std::size_t distinguished_name_bytes_max = 256;

enum class Direction : std::size_t { reading, writing };

std::string name_text(const X509_NAME* name) {
    const std::unique_ptr<BIO, decltype(&BIO_free_all)> out(BIO_new(BIO_s_mem()), &BIO_free_all);
    if (!out || name == nullptr) return {};
    X509_NAME_print_ex(out.get(), name, 0, XN_FLAG_ONELINE & ~ASN1_STRFLGS_ESC_MSB);
    char* text = nullptr;
    const long size = BIO_get_mem_data(out.get(), &text);
    return base::printable(std::string_view(text, static_cast<std::size_t>(std::max(size, 0L))),
                           distinguished_name_bytes_max);
}

// Why a certificate was refused, and whose it was.
struct Refusal {
    int code = X509_V_OK;
    std::string subject;
    std::string issuer;
};

std::string describe(const std::string& host, const Refusal& refusal) {
    std::string text = "the certificate of " + host + " is not accepted: ";
    text += X509_verify_cert_error_string(refusal.code);
    return text + " (subject: " + refusal.subject + "; issuer: " + refusal.issuer + ")";
}

bool is_ip_literal(const std::string& host) {
    boost::system::error_code error;
    asio::ip::make_address(host, error);
    return !error;
}

// RFC 9525: the name that the caller meant must be in the certificate, whole labels only.
bool expect_host(SSL* ssl, const std::string& host) {
    if (host.empty()) return false;
    if (is_ip_literal(host)) return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host.c_str()) == 1;
    SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    return SSL_set1_host(ssl, host.c_str()) == 1 &&
           SSL_ctrl(ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
                    const_cast<char*>(host.c_str())) == 1;  // OpenSSL copies it
}

}  // namespace

// Shared by the Stream, by operations that are under way, and by the pending watchdog.
struct Stream::Impl : std::enable_shared_from_this<Stream::Impl> {
    Impl(const Executor& executor, Socket connected)
        : socket(std::move(connected)), watchdog(executor), deadlines{never, never} {}

    static constexpr base::SteadyTime never = base::SteadyTime::max();

    Socket socket;
    std::shared_ptr<asio::ssl::context> tls_context;  // outlives the TLS session
    std::unique_ptr<TlsStream> tls;
    std::string peer;

    // One lazy timer for both directions: it is armed when it would otherwise ring too late, and when it
    // rings too early it goes back to sleep. Setting and clearing a deadline is a store.
    asio::steady_timer watchdog;
    std::array<base::SteadyTime, 2> deadlines;
    base::SteadyTime armed_until = never;
    bool timed_out = false;

    void close() {
        boost::system::error_code ignored;
        socket.close(ignored);
        watchdog.cancel();
    }

    void set_deadline(Direction direction, base::SteadyTime deadline) {
        deadlines[static_cast<std::size_t>(direction)] = deadline;
        if (deadline < armed_until) arm(deadline);
    }

    void arm(base::SteadyTime at) {
        armed_until = at;
        watchdog.expires_at(at);
        watchdog.async_wait([self = shared_from_this()](const boost::system::error_code& error) {
            if (!error) self->watch();
        });
    }

    // The timer rang.
    void watch() {
        armed_until = never;
        const base::SteadyTime due = std::min(deadlines[0], deadlines[1]);
        if (due == never || !socket.is_open()) return;
        if (due > std::chrono::steady_clock::now()) return arm(due);
        timed_out = true;
        close();
    }

    base::Error failure(std::string_view doing, const boost::system::error_code& code) const {
        if (timed_out)
            return {base::ErrorKind::timeout, std::string(doing) + ": no progress within the time limit"};
        return network_error(doing, code);
    }

    // Sends what fits without waiting; nothing if that needs the event loop or the socket failed.
    std::size_t send_now(std::string_view bytes) {
        const ssize_t sent =
            ::send(socket.native_handle(), bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
        return sent > 0 ? static_cast<std::size_t>(sent) : 0;
    }

    enum class Arrived { nothing, octets, end };

    // What waits in the kernel, without taking it.
    Arrived peek() {
        char octet = 0;
        const ssize_t got = ::recv(socket.native_handle(), &octet, 1, MSG_PEEK | MSG_DONTWAIT);
        if (got > 0) return Arrived::octets;
        return got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK) ? Arrived::nothing : Arrived::end;
    }
};

namespace {

// Later than this is never; the sum with the clock cannot overflow.
constexpr base::Duration timeout_max = std::chrono::hours(24 * 365);

// A deadline for one operation; it ends with the operation.
template <class Impl>
class Deadline {
  public:
    Deadline(Impl& impl, Direction direction, base::Duration timeout) : impl_(impl), direction_(direction) {
        impl_.set_deadline(direction_, std::chrono::steady_clock::now() + std::min(timeout, timeout_max));
    }
    ~Deadline() { impl_.deadlines[static_cast<std::size_t>(direction_)] = Impl::never; }
    Deadline(const Deadline&) = delete;
    Deadline& operator=(const Deadline&) = delete;

  private:
    Impl& impl_;
    Direction direction_;
};

}  // namespace

base::Result<Stream> Stream::adopt(const Executor& executor, int descriptor) {
    FileDescriptor owned(descriptor);
    SocketAddress peer;
    peer.size = sizeof peer.storage;
    if (::getpeername(descriptor, peer.get(), &peer.size) != 0)
        return std::unexpected(base::system_error("take over a connection", errno));
    boost::system::error_code error;
    Socket socket(executor);
    socket.assign(asio::generic::stream_protocol(peer.family(), 0), descriptor, error);
    if (error) return std::unexpected(network_error("take over a connection", error));
    static_cast<void>(owned.release());  // The socket owns it now.
    if (peer.family() != AF_UNIX) {
        // Replies are small and complete: waiting for more (Nagle) would only add delay.
        const int on = 1;
        ::setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    }
    auto impl = std::make_shared<Impl>(executor, std::move(socket));
    impl->peer = peer.family() == AF_UNIX ? "local" : endpoint_of(peer).address;
    return Stream(std::move(impl));
}

Stream::Stream(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}
Stream::Stream(Stream&&) noexcept = default;

Stream& Stream::operator=(Stream&& other) noexcept {
    if (this != &other) {
        if (impl_) impl_->close();
        impl_ = std::move(other.impl_);
    }
    return *this;
}

Stream::~Stream() {
    if (impl_) impl_->close();
}

Task<base::Result<std::size_t>> Stream::read_some(std::span<char> buffer, base::Duration timeout) {
    // The reactor tries to receive at once and waits only if there is nothing: no attempt of our own is
    // needed.
    const std::shared_ptr<Impl> impl = impl_;
    const Deadline deadline(*impl, Direction::reading, timeout);
    const asio::mutable_buffer target(buffer.data(), buffer.size());
    boost::system::error_code error;
    std::size_t got = 0;
    if (impl->tls) {
        std::tie(error, got) =
            co_await impl->tls->async_read_some(target, asio::as_tuple(asio::use_awaitable));
    } else {
        std::tie(error, got) =
            co_await impl->socket.async_read_some(target, asio::as_tuple(asio::use_awaitable));
    }
    if (error) co_return std::unexpected(impl->failure("read", error));
    co_return got;
}

Task<base::Result<>> Stream::write(std::string_view bytes, base::Duration timeout) {
    const std::shared_ptr<Impl> impl = impl_;
    if (!impl->tls) {
        bytes.remove_prefix(impl->send_now(bytes));
        if (bytes.empty()) co_return base::Result<>();
    }
    const Deadline deadline(*impl, Direction::writing, timeout);
    const asio::const_buffer source(bytes.data(), bytes.size());
    boost::system::error_code error;
    std::size_t sent = 0;
    if (impl->tls) {
        std::tie(error, sent) =
            co_await asio::async_write(*impl->tls, source, asio::as_tuple(asio::use_awaitable));
    } else {
        std::tie(error, sent) =
            co_await asio::async_write(impl->socket, source, asio::as_tuple(asio::use_awaitable));
    }
    if (error) co_return std::unexpected(impl->failure("write", error));
    co_return base::Result<>();
}

Task<base::Result<>> Stream::start_tls(const TlsClient& client, std::string host, base::Duration timeout) {
    const std::shared_ptr<Impl> impl = impl_;
    if (impl->tls) co_return base::fail(base::ErrorKind::invalid, "TLS has started already");
    // The server speaks second in TLS. Octets before our first one were put there to be taken for encrypted
    // ones.
    if (impl->peek() == Impl::Arrived::octets)
        co_return base::fail(base::ErrorKind::protocol,
                             host + " sent unencrypted data after agreeing to TLS");
    impl->tls_context = client.context();
    impl->tls = std::make_unique<TlsStream>(impl->socket, *impl->tls_context);
    if (!expect_host(impl->tls->native_handle(), host))
        co_return base::fail(base::ErrorKind::tls,
                             "cannot verify a server named " + host + ": " + openssl_error());
    Refusal refusal;
    impl->tls->set_verify_callback([&refusal](bool good, asio::ssl::verify_context& context) {
        if (good) return true;
        const X509* certificate = X509_STORE_CTX_get_current_cert(context.native_handle());
        refusal.code = X509_STORE_CTX_get_error(context.native_handle());
        if (certificate != nullptr) {
            refusal.subject = name_text(X509_get_subject_name(certificate));
            refusal.issuer = name_text(X509_get_issuer_name(certificate));
        }
        return false;
    });
    const Deadline deadline(*impl, Direction::reading, timeout);
    auto [error] =
        co_await impl->tls->async_handshake(TlsStream::client, asio::as_tuple(asio::use_awaitable));
    impl->tls->set_verify_callback([](bool good, asio::ssl::verify_context&) { return good; });
    if (!error) co_return base::Result<>();
    if (refusal.code != X509_V_OK) co_return base::fail(base::ErrorKind::tls, describe(host, refusal));
    co_return std::unexpected(impl->failure("TLS handshake with " + host, error));
}

Task<base::Result<>> Stream::accept_tls(const TlsServer& server, base::Duration timeout) {
    const std::shared_ptr<Impl> impl = impl_;
    if (impl->tls) co_return base::fail(base::ErrorKind::invalid, "TLS has started already");
    impl->tls_context = server.context();
    impl->tls = std::make_unique<TlsStream>(impl->socket, *impl->tls_context);
    const Deadline deadline(*impl, Direction::reading, timeout);
    auto [error] =
        co_await impl->tls->async_handshake(TlsStream::server, asio::as_tuple(asio::use_awaitable));
    if (error) co_return std::unexpected(impl->failure("TLS handshake", error));
    co_return base::Result<>();
}

Task<> Stream::end_tls(base::Duration timeout) {
    const std::shared_ptr<Impl> impl = impl_;
    if (!impl->tls) co_return;
    const Deadline deadline(*impl, Direction::writing, timeout);
    // However it ends, the connection is closed next.
    co_await impl->tls->async_shutdown(asio::as_tuple(asio::use_awaitable));
}

bool Stream::tls_never_began() const {
    return !impl_->tls || BIO_number_read(SSL_get_rbio(impl_->tls->native_handle())) == 0;
}

bool Stream::is_tls() const {
    return impl_->tls != nullptr;
}

TlsInfo Stream::tls_info() const {
    TlsInfo info;
    if (!impl_->tls) return info;
    SSL* ssl = impl_->tls->native_handle();
    info.version = SSL_get_version(ssl);
    info.cipher = SSL_get_cipher_name(ssl);
    if (const X509* certificate = SSL_get0_peer_certificate(ssl)) {
        info.peer_subject = name_text(X509_get_subject_name(certificate));
        info.peer_issuer = name_text(X509_get_issuer_name(certificate));
    }
    return info;
}

bool Stream::readable_or_closed() {
    if (!impl_->socket.is_open()) return true;
    if (impl_->tls) {
        SSL* ssl = impl_->tls->native_handle();
        if (SSL_has_pending(ssl) != 0 || BIO_pending(SSL_get_rbio(ssl)) > 0) return true;
    }
    return impl_->peek() != Impl::Arrived::nothing;
}

const std::string& Stream::peer_address() const {
    return impl_->peer;
}

int Stream::native_handle() const {
    return impl_->socket.native_handle();
}

void Stream::close() {
    impl_->close();
}

}  // namespace mailramp::io
