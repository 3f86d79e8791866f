// bench/smtp_load.cpp: an SMTP load generator, a sink that stores nothing, and a latency probe, on loopback.
//
//   smtp_load accept  --port P [--sessions S] [--messages N] [--bytes B] [--per-connection R]
//   smtp_load relay   --port P --sink K …      until the sink on port K has all of them
//   smtp_load latency --port P --sink K …      one message at a time: to the 250, and to the sink
//   smtp_load null …                           accept against its own sink: the yardstick
//   smtp_load beside  --port P …               accept, while two clients upload 35 MB each, again and again
//   smtp_load sync    --file F                 appends 4 KiB and fdatasyncs, one thread: the disk's yardstick
//
// Prints one JSON object. Bounded by --messages and --seconds.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

namespace {

using SteadyClock = std::chrono::steady_clock;

double seconds_since(SteadyClock::time_point start) {
    return std::chrono::duration<double>(SteadyClock::now() - start).count();
}

[[noreturn]] void die(const std::string& why) {
    std::fprintf(stderr, "smtp_load: %s\n", why.c_str());
    std::_Exit(2);
}

struct Options {
    std::string mode;
    std::string file;
    int port = 0;
    int sink = 0;
    int sessions = 1;
    int messages = 100;
    int bytes = 4096;
    int per_connection = 0;  // 0: one connection for all
    int seconds = 60;
};

sockaddr_in loopback(int port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

// A blocking connection that reads lines.
class Connection {
  public:
    explicit Connection(int socket) : socket_(socket) {
        const int on = 1;
        setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    }
    static Connection to(int port) {
        const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        const sockaddr_in address = loopback(port);
        if (connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
            die(std::string("connect: ") + std::strerror(errno));
        return Connection(socket);
    }
    Connection(Connection&& other) noexcept : socket_(other.socket_) { other.socket_ = -1; }
    Connection& operator=(Connection&&) = delete;
    ~Connection() {
        if (socket_ >= 0) close(socket_);
    }

    // False at the end of the connection.
    bool line(std::string& out) {
        out.clear();
        for (;;) {
            while (used_ < filled_) {
                const char c = buffer_[used_++];
                if (c == '\n') return true;
                if (c != '\r') out += c;
            }
            if (!fill()) return false;
        }
    }
    // Reads on until CRLF.CRLF; false when the connection ends before.
    bool body() {
        constexpr std::string_view end = "\r\n.\r\n";
        std::size_t matched = 2;  // the line end of DATA counts
        for (;;) {
            while (used_ < filled_) {
                const char c = buffer_[used_++];
                matched = c == end[matched] ? matched + 1 : (c == '\r' ? 1 : 0);
                if (matched == end.size()) return true;
            }
            if (!fill()) return false;
        }
    }
    void send(std::string_view octets) {
        while (!octets.empty()) {
            const ssize_t sent = ::send(socket_, octets.data(), octets.size(), MSG_NOSIGNAL);
            if (sent <= 0) die("the connection was lost while writing");
            octets.remove_prefix(static_cast<std::size_t>(sent));
        }
    }
    // Reads a reply; ends the program unless its code begins with `first`.
    void expect(char first) {
        std::string reply;
        do {
            if (!line(reply)) die("the connection was lost while reading");
        } while (reply.size() > 3 && reply[3] == '-');
        if (reply.empty() || reply[0] != first) die("unexpected reply: " + reply);
    }

  private:
    bool fill() {
        const ssize_t octets = read(socket_, buffer_, sizeof buffer_);
        used_ = 0;
        filled_ = octets > 0 ? static_cast<std::size_t>(octets) : 0;
        return filled_ > 0;
    }
    int socket_;
    char buffer_[64 * 1024];
    std::size_t used_ = 0;
    std::size_t filled_ = 0;
};

// Takes every message and counts it. Runs until the program ends.
class Sink {
  public:
    explicit Sink(int port) {
        const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        const int on = 1;
        setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
        sockaddr_in address = loopback(port);
        if (bind(listener, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
            listen(listener, 1024) != 0)
            die(std::string("sink: ") + std::strerror(errno));
        socklen_t size = sizeof address;
        getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size);
        port_ = ntohs(address.sin_port);
        std::thread([this, listener] {
            for (;;) {
                const int client = accept(listener, nullptr, nullptr);
                if (client < 0) return;
                ++connections_;
                std::thread([this, client] { serve(Connection(client)); }).detach();
            }
        }).detach();
    }
    int port() const { return port_; }
    int connections() const { return connections_; }
    long messages() const { return messages_; }
    // When the count is reached; false when `timeout` passes first.
    bool wait_for(long count, double timeout, SteadyClock::time_point& reached) {
        std::unique_lock lock(mutex_);
        const bool all = changed_.wait_for(lock, std::chrono::duration<double>(timeout),
                                           [&] { return messages_ >= count; });
        reached = last_;
        return all;
    }

  private:
    void serve(Connection client) {
        client.send("220 sink ESMTP\r\n");
        std::string command;
        while (client.line(command)) {
            const char verb = static_cast<char>(command.empty() ? 0 : command[0] & ~0x20);
            if (verb == 'E') {
                client.send("250-sink\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 SIZE 100000000\r\n");
            } else if (verb == 'D') {
                client.send("354 go on\r\n");
                if (!client.body()) return;
                {
                    const std::lock_guard lock(mutex_);
                    ++messages_;
                    last_ = SteadyClock::now();
                }
                changed_.notify_all();
                client.send("250 2.0.0 OK\r\n");
            } else if (verb == 'Q') {
                client.send("221 bye\r\n");
                return;
            } else {
                client.send("250 2.0.0 OK\r\n");
            }
        }
    }
    int port_ = 0;
    std::atomic<int> connections_ = 0;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::atomic<long> messages_ = 0;
    SteadyClock::time_point last_;
};

std::string make_message(int bytes) {
    std::string message =
        "From: <a@bench.example>\r\nTo: <b@bench.example>\r\nSubject: load\r\nMessage-ID: "
        "<x@bench.example>\r\n"
        "Date: Thu, 01 Jan 2026 00:00:00 +0000\r\n\r\n";
    const std::string line = "The quick brown fox jumps over the lazy dog 0123456789 abcdefghijkl\r\n";
    while (message.size() + line.size() < static_cast<std::size_t>(bytes))
        message += line;
    return message + ".\r\n";
}

void say_hello(Connection& connection) {
    connection.expect('2');
    connection.send("EHLO bench.example\r\n");
    connection.expect('2');
}

void send_message(Connection& connection, std::string_view message) {
    connection.send("MAIL FROM:<a@bench.example>\r\n");
    connection.expect('2');
    connection.send("RCPT TO:<b@bench.example>\r\n");
    connection.expect('2');
    connection.send("DATA\r\n");
    connection.expect('3');
    connection.send(message);
    connection.expect('2');
}

struct Load {
    double seconds = 0;
    std::vector<double> latencies;  // sorted, seconds
};

// `sessions` clients share `messages` messages.
Load run_load(const Options& options, int port) {
    const std::string message = make_message(options.bytes);
    std::atomic<int> left = options.messages;
    std::vector<std::vector<double>> latencies(static_cast<std::size_t>(options.sessions));
    std::vector<std::thread> clients;
    const auto start = SteadyClock::now();
    for (auto& mine : latencies)
        clients.emplace_back([&options, &message, &left, &mine, port] {
            std::unique_ptr<Connection> connection;
            int sent = 0;
            while (left.fetch_sub(1) > 0) {
                const auto begun = SteadyClock::now();
                if (!connection) {
                    connection = std::make_unique<Connection>(Connection::to(port));
                    say_hello(*connection);
                    sent = 0;
                }
                send_message(*connection, message);
                mine.push_back(seconds_since(begun));
                if (options.per_connection > 0 && ++sent >= options.per_connection) {
                    connection->send("QUIT\r\n");
                    connection->expect('2');
                    connection.reset();
                }
            }
        });
    for (std::thread& client : clients)
        client.join();
    Load load;
    load.seconds = seconds_since(start);
    for (const auto& mine : latencies)
        load.latencies.insert(load.latencies.end(), mine.begin(), mine.end());
    std::ranges::sort(load.latencies);
    return load;
}

double quantile(const std::vector<double>& sorted, double part) {
    if (sorted.empty()) return 0;
    return sorted[std::min(sorted.size() - 1,
                           static_cast<std::size_t>(part * static_cast<double>(sorted.size())))];
}

void print_accept(const Options& options, const Load& load) {
    std::printf(
        "{\"mode\": \"%s\", \"sessions\": %d, \"bytes\": %d, \"messages\": %d, \"per_second\": %.0f, "
        "\"p50_ms\": %.3f, \"p99_ms\": %.3f}\n",
        options.mode.c_str(), options.sessions, options.bytes, options.messages,
        options.messages / load.seconds, quantile(load.latencies, 0.5) * 1e3,
        quantile(load.latencies, 0.99) * 1e3);
}

void run_relay(const Options& options) {
    Sink sink(options.sink);
    const auto start = SteadyClock::now();
    const Load load = run_load(options, options.port);
    SteadyClock::time_point reached;
    if (!sink.wait_for(options.messages, options.seconds, reached))
        die("the sink got only " + std::to_string(sink.messages()));
    const double all = std::chrono::duration<double>(reached - start).count();
    std::printf(
        "{\"mode\": \"relay\", \"sessions\": %d, \"bytes\": %d, \"messages\": %d, \"per_second\": %.0f, "
        "\"accept_per_second\": %.0f, \"sink_connections\": %d}\n",
        options.sessions, options.bytes, options.messages, options.messages / all,
        options.messages / load.seconds, sink.connections());
}

void run_latency(const Options& options) {
    Sink sink(options.sink);
    const std::string message = make_message(options.bytes);
    std::vector<double> accepted, delivered;
    for (int i = 0; i < options.messages; ++i) {
        const auto start = SteadyClock::now();
        Connection connection = Connection::to(options.port);
        say_hello(connection);
        send_message(connection, message);
        accepted.push_back(seconds_since(start));
        SteadyClock::time_point reached;
        if (!sink.wait_for(i + 1, 20, reached)) die("a message was not delivered within 20 s");
        delivered.push_back(std::chrono::duration<double>(reached - start).count());
        connection.send("QUIT\r\n");
        connection.expect('2');
    }
    std::ranges::sort(accepted);
    std::ranges::sort(delivered);
    std::printf(
        "{\"mode\": \"latency\", \"messages\": %d, \"to_250_p50_ms\": %.3f, \"to_250_p99_ms\": %.3f, "
        "\"to_sink_p50_ms\": %.3f, \"to_sink_p99_ms\": %.3f}\n",
        options.messages, quantile(accepted, 0.5) * 1e3, quantile(accepted, 0.99) * 1e3,
        quantile(delivered, 0.5) * 1e3, quantile(delivered, 0.99) * 1e3);
}

// Small accepts alone, then beside two uploads of 35 MB.
void run_beside(Options options) {
    const Load alone = run_load(options, options.port);
    std::atomic<bool> stop = false;
    std::atomic<int> uploads = 0;
    const std::string large = make_message(34'000'000);
    std::vector<std::thread> uploaders;
    for (int i = 0; i < 2; ++i)
        uploaders.emplace_back([&] {
            Connection connection = Connection::to(options.port);
            say_hello(connection);
            while (!stop) {
                send_message(connection, large);
                ++uploads;
            }
        });
    const Load beside = run_load(options, options.port);
    stop = true;
    for (std::thread& uploader : uploaders)
        uploader.join();
    std::printf(
        "{\"mode\": \"beside\", \"sessions\": %d, \"messages\": %d, \"alone_per_second\": %.0f, "
        "\"beside_per_second\": %.0f, \"kept\": %.2f, \"p99_ms\": %.3f, \"uploads\": %d}\n",
        options.sessions, options.messages, options.messages / alone.seconds,
        options.messages / beside.seconds, alone.seconds / beside.seconds,
        quantile(beside.latencies, 0.99) * 1e3, uploads.load());
}

void run_sync(const Options& options) {
    const int file = open(options.file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (file < 0) die(options.file + ": " + std::strerror(errno));
    const std::string block(4096, 'x');
    const auto start = SteadyClock::now();
    for (int i = 0; i < options.messages; ++i)
        if (write(file, block.data(), block.size()) != 4096 || fdatasync(file) != 0) die("fdatasync failed");
    const double seconds = seconds_since(start);
    close(file);
    unlink(options.file.c_str());
    std::printf("{\"mode\": \"sync\", \"per_second\": %.0f}\n", options.messages / seconds);
}

Options parse(int argc, char** argv) {
    Options options;
    if (argc < 2) die("which mode? accept, relay, latency, null, beside or sync");
    options.mode = argv[1];
    std::map<std::string, int*> numbers = {
        {"--port", &options.port},         {"--sink", &options.sink},
        {"--sessions", &options.sessions}, {"--messages", &options.messages},
        {"--bytes", &options.bytes},       {"--per-connection", &options.per_connection},
        {"--seconds", &options.seconds}};
    for (int i = 2; i + 1 < argc; i += 2) {
        if (std::string_view(argv[i]) == "--file") {
            options.file = argv[i + 1];
        } else if (const auto found = numbers.find(argv[i]); found != numbers.end()) {
            *found->second = std::atoi(argv[i + 1]);
        } else {
            die(std::string("no such option: ") + argv[i]);
        }
    }
    return options;
}

}  // namespace

int main(int argc, char** argv) {
    std::signal(SIGPIPE, SIG_IGN);
    const Options options = parse(argc, argv);
    alarm(static_cast<unsigned>(options.seconds) + 30);
    if (options.mode == "accept") {
        print_accept(options, run_load(options, options.port));
    } else if (options.mode == "null") {
        const Sink sink(0);
        print_accept(options, run_load(options, sink.port()));
    } else if (options.mode == "relay") {
        run_relay(options);
    } else if (options.mode == "latency") {
        run_latency(options);
    } else if (options.mode == "beside") {
        run_beside(options);
    } else if (options.mode == "sync") {
        run_sync(options);
    } else {
        die("no such mode: " + options.mode);
    }
    // Sink threads are still waiting in accept(); there is nothing to clean up.
    std::fflush(stdout);
    std::_Exit(0);
}
