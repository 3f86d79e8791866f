// bench/queue_bench.cpp: how fast the queue accepts, beside how fast the disk syncs.
//
//   queue_bench [folder] [seconds-a-run]
//
// Producers are coroutines that stage, append and commit one message after the other, as inbound sessions do.
// A shared machine makes the figures jump: compare with the plain loop of write and fdatasync printed first.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>

#include <fcntl.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>

#include "mailramp/io/system_clock.h"
#include "mailramp/queue/sqlite_store.h"

namespace {

using namespace mailramp;
using Steady = std::chrono::steady_clock;

struct Run {
    Steady::time_point end;
    std::size_t size_bytes = 0;
    std::size_t messages = 0;
    std::size_t failures = 0;
};

double seconds_since(Steady::time_point start) {
    return std::chrono::duration<double>(Steady::now() - start).count();
}

// 4 KiB appended and synced, again and again: what one durable message costs at the least.
double plain_syncs_per_second(const std::filesystem::path& folder, double seconds) {
    const std::string path = (folder / "plain").string();
    const int file = ::open(path.c_str(), O_CREAT | O_RDWR | O_TRUNC | O_CLOEXEC, 0600);
    const std::string block(4096, 'x');
    int count = 0;
    const auto start = Steady::now();
    while (seconds_since(start) < seconds) {
        if (::write(file, block.data(), block.size()) < 0 || ::fdatasync(file) != 0) std::exit(1);
        ++count;
    }
    const double rate = count / seconds_since(start);
    ::close(file);
    std::filesystem::remove(path);
    return rate;
}

io::Task<> produce(queue::QueueStore& store, Run& run) {
    while (Steady::now() < run.end) {
        auto staged = store.stage(64 * 1024, {});
        for (std::size_t left = run.size_bytes; left > 0;) {
            const std::size_t piece = std::min<std::size_t>(left, 32 * 1024);
            auto appended = co_await staged->append(std::string(piece, 'x'));
            if (!appended) ++run.failures;
            left -= piece;
        }
        queue::Acceptance acceptance;
        acceptance.envelope.sender = "erp@example.com";
        acceptance.accepted = std::chrono::time_point_cast<base::Duration>(std::chrono::system_clock::now());
        acceptance.recipients.push_back({mail::Recipient{"someone@example.org", "", ""}, "main", "default"});
        auto committed = co_await staged->commit(std::move(acceptance));
        if (committed)
            ++run.messages;
        else
            ++run.failures;
    }
}

void measure(const std::filesystem::path& folder, std::size_t producers, std::size_t size_bytes,
             double seconds) {
    boost::asio::io_context context(1);
    const io::SystemClock clock;
    queue::SqliteStoreOptions options;
    options.directory = folder / ("queue-" + std::to_string(producers) + "-" + std::to_string(size_bytes));
    options.size_bytes_max = 1ull << 40;
    auto store = queue::open_sqlite_store(options, context.get_executor(), clock, base::Logger());
    if (!store) {
        std::fprintf(stderr, "%s\n", store.error().message.c_str());
        std::exit(1);
    }
    const auto start = Steady::now();
    Run run{start + std::chrono::duration_cast<Steady::duration>(std::chrono::duration<double>(seconds)),
            size_bytes, 0, 0};
    for (std::size_t i = 0; i < producers; ++i)
        boost::asio::co_spawn(context, produce(**store, run), boost::asio::detached);
    context.run();
    const double rate = static_cast<double>(run.messages) / seconds_since(start);
    const queue::StoreHealth health = (*store)->health();
    std::printf(
        "%3zu producers, %7zu octets: %8.0f messages/s, %5.1f a commit, %zu failures\n", producers,
        size_bytes, rate,
        health.commits > 0 ? static_cast<double>(run.messages) / static_cast<double>(health.commits) : 0.0,
        run.failures);
    store->reset();
    std::filesystem::remove_all(options.directory);
}

}  // namespace

int main(int argc, char** argv) {
    const std::filesystem::path parent = argc > 1 ? argv[1] : ".";
    const double seconds = argc > 2 ? std::atof(argv[2]) : 3;
    std::string pattern = (parent / "queue-bench-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) {
        std::perror(pattern.c_str());
        return 1;
    }
    const std::filesystem::path folder = pattern;
    for (const std::size_t size_bytes : {std::size_t{4096}, std::size_t{1} << 20})
        for (const std::size_t producers : {std::size_t{1}, std::size_t{64}}) {
            std::printf("plain write and fdatasync:    %8.0f /s\n",
                        plain_syncs_per_second(folder, seconds / 3));
            measure(folder, producers, size_bytes, seconds);
        }
    std::filesystem::remove_all(folder);
    return 0;
}
