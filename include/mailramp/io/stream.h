// mailramp/io/stream.h: one connection (TCP or Unix socket), plain or TLS, with a deadline on every
// operation.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "mailramp/base/clock.h"
#include "mailramp/base/result.h"
#include "mailramp/io/async.h"
#include "mailramp/io/tls.h"

namespace mailramp::io {

// How a TLS session came out, for logs and for `Received:`.
struct TlsInfo {
    std::string version;       // "TLSv1.3"
    std::string cipher;        // "TLS_AES_256_GCM_SHA384"
    std::string peer_subject;  // printable; empty when the peer showed no certificate
    std::string peer_issuer;
};

// Owns the socket; move-only; used by one coroutine at a time (one reader and one writer may overlap).
// A passed deadline closes the connection and the operation returns ErrorKind::timeout; the end of the
// connection is ErrorKind::closed. After any failure only close() may be called, except that after a failed
// write what the peer said before may still be read.
class Stream {
  public:
    // Takes over a connected, non-blocking-capable socket (TCP or AF_UNIX).
    [[nodiscard]] static base::Result<Stream> adopt(const Executor& executor, int socket);

    Stream(Stream&&) noexcept;
    Stream& operator=(Stream&&) noexcept;
    ~Stream();

    // At least one octet, at most the buffer. The buffer must outlive the call.
    [[nodiscard]] Task<base::Result<std::size_t>> read_some(std::span<char> buffer, base::Duration timeout);
    // All of it. `bytes` must outlive the call.
    [[nodiscard]] Task<base::Result<>> write(std::string_view bytes, base::Duration timeout);

    // Client handshake with SNI and verification of chain and host name. Octets that the peer sent before the
    // handshake and that nobody has read are an error (response injection). Fails with ErrorKind::tls and the
    // reason in words, naming the issuer of an untrusted certificate.
    [[nodiscard]] Task<base::Result<>> start_tls(const TlsClient& tls, std::string host,
                                                 base::Duration timeout);
    // Server handshake. Octets that the client sent after agreeing to TLS, and before it, are taken for its
    // handshake.
    [[nodiscard]] Task<base::Result<>> accept_tls(const TlsServer& tls, base::Duration timeout);
    // The peer has sent not one octet of TLS since it was to begin.
    [[nodiscard]] bool tls_never_began() const;
    // Says that nothing more will come (close_notify), and waits for the peer to say so too or to go away;
    // right before close(). Without TLS there is nothing to say.
    [[nodiscard]] Task<> end_tls(base::Duration timeout);

    [[nodiscard]] bool is_tls() const;
    [[nodiscard]] TlsInfo tls_info() const;
    // Unread octets wait in the kernel or in the TLS layer, or the peer has closed: an idle pooled connection
    // for which this is true is not to be used again. Does not block.
    [[nodiscard]] bool readable_or_closed();

    // "127.0.0.1" or "::1" without brackets and zone; "local" for a Unix socket.
    [[nodiscard]] const std::string& peer_address() const;
    [[nodiscard]] int native_handle() const;

    // Ends the connection now (no TLS close_notify). Pending operations return ErrorKind::closed.
    void close();

  private:
    struct Impl;
    explicit Stream(std::shared_ptr<Impl> impl);
    std::shared_ptr<Impl> impl_;  // pending operations hold it too
};

}  // namespace mailramp::io
