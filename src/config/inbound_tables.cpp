// The keys of the side that applications talk to.
#include "config/tables.h"

namespace mailramp::config {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t kibibyte = 1ull << 10, mebibyte = 1ull << 20, gibibyte = 1ull << 30;

}  // namespace

Table<inbound::Options> inbound_table() {
    using O = inbound::Options;
    return Table<O>()
        .value("message_size_max", &O::message_bytes_max, size(1 * kibibyte, 150'000'000),
               "The largest message. Exchange Online's mailboxes take 35 MB unless told otherwise, and never "
               "more than 150 MB. A larger message is refused at once, with the reason.")
        .value("header_size_max", &O::header_bytes_max, size(4 * kibibyte, 1 * mebibyte),
               "The largest header section of a message; Exchange Online refuses more than 256 KiB.")
        .value("recipients_max", &O::recipients_max, integer(1, 10'000),
               "Recipients of one message; a client is told to send the others in another one.")
        .value("received_fields_max", &O::received_fields_max, integer(10, 200),
               "A message that has been through more servers than this goes in circles and is refused.")
        .value("sessions_max", &O::sessions_max, integer(1, 20'000), "Clients connected at the same time.")
        .value("sessions_per_client_max", &O::sessions_per_client_max, integer(1, 20'000),
               "Connections from one address at the same time.")
        .value("listen_backlog", &O::listen_backlog, integer(1, 65'535),
               "Connections that the system keeps waiting until they are accepted.")
        .value("certificate", &O::certificate, absolute_path(),
               "For TLS with clients: the certificate with its chain (PEM). Default: one of our own, which "
               "nobody "
               "vouches for, made at the first start and kept in the queue's folder. A changed file is taken "
               "up by "
               "itself.")
        .value(
            "certificate_key", &O::certificate_key, absolute_path(),
            "Its private key (PEM): a file of mode 0600 of the daemon's user, or a systemd credential below "
            "/run/credentials. Default: it stands in the file of the certificate.")
        .value("tls_timeout", &O::tls_timeout, duration(1s, 5min),
               "How long a client may take for the TLS handshake.")
        .value("auth_users_file", &O::auth_users_file, absolute_path(),
               "Who may log in, for listeners with auth: users. One line a user, name:hash, the hash as "
               "`openssl passwd "
               "-6` or `mkpasswd` makes it; mode 0600. A changed file is taken up by itself.")
        .value("auth_failures_max", &O::auth_failures_max, integer(1, 100),
               "Refused logins in a session before it is ended.")
        .value("auth_failure_delay", &O::auth_failure_delay, duration(0s, 1min),
               "How long a refusal takes, at least.")
        .value("auth_waiting_max", &O::auth_waiting_max, integer(1, 1000),
               "Passwords that wait to be looked at, one after another; beyond it logins are refused for the "
               "time being "
               "(454).")
        .value("errors_max", &O::errors_max, integer(1, 1000),
               "Wrong commands in a session before it is ended.")
        .value("commands_max", &O::commands_max, integer(10, 100'000),
               "Commands in a session that lead to no message before it is ended.")
        .value("command_timeout", &O::command_timeout, duration(1s, 1h),
               "How long to wait for a client's next command.")
        .value("data_timeout", &O::data_timeout, duration(1s, 1h),
               "How long to wait for the next piece of a message.")
        .value("data_rate_min", &O::data_bytes_per_second_min, size(1, 1 * mebibyte),
               "A message that comes slower than this, in octets a second on average, is cut off after "
               "data_timeout.")
        .value("write_timeout", &O::write_timeout, duration(1s, 1h),
               "How long a client may take to read a reply.")
        .value("read_buffer_size", &O::read_buffer_bytes, size(1 * kibibyte, 1 * mebibyte),
               "Octets read from a client at a time; each session holds so much.")
        .value("memory_max", &O::session_bytes_max, size(1 * mebibyte, 64 * gibibyte),
               "What all sessions together hold in memory. Content that does not fit goes to the disk at "
               "once; headers and long lists of recipients get 452.");
}

Table<inbound::ListenerOptions> listener_table() {
    using O = inbound::ListenerOptions;
    using inbound::ListenerAuth;
    using inbound::ListenerTls;
    return Table<O>()
        .value("address", &O::address, endpoint(), "Where it listens, as in `listen`.", Need::required)
        .value("tls", &O::tls,
               choice<ListenerTls>({{"auto", ListenerTls::automatic},
                                    {"none", ListenerTls::none},
                                    {"starttls", ListenerTls::starttls},
                                    {"implicit", ListenerTls::implicit}}),
               "starttls: offered, and nobody has to. implicit: from the first octet. auto: implicit on port "
               "465, "
               "starttls beyond loopback, else none.")
        .value("tls_legacy", &O::tls_versions, boolean(),
               "Speak TLS 1.0 and 1.1 too, for old devices. Both are broken: only on a network of your own.")
        .value("auth", &O::auth,
               choice<ListenerAuth>({{"auto", ListenerAuth::automatic},
                                     {"none", ListenerAuth::none},
                                     {"any", ListenerAuth::any},
                                     {"users", ListenerAuth::users}}),
               "any: whatever name and password a program has are taken, and mean nothing. users: those of "
               "inbound.auth_users_file. auto: users beyond loopback where there is such a file, else any.")
        .value("auth_required", &O::auth_need, boolean(), "Nobody sends without a login.")
        .value("auth_without_tls", &O::clear_passwords, boolean(),
               "With auth: users, take passwords from other machines that come without TLS, for everybody on "
               "the way "
               "to read.");
}

}  // namespace mailramp::config
