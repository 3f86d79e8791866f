#include "app/log_sink.h"

#include <atomic>
#include <chrono>
#include <future>
#include <span>
#include <utility>

#include <spdlog/logger.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <unistd.h>

#include "app/log_line.h"
#include "mailramp/base/events.h"
#include "mailramp/io/worker.h"

namespace mailramp::app {
namespace {

constexpr std::size_t lines_waiting_max = 10'000;
constexpr std::chrono::milliseconds flush_timeout{500};

spdlog::level::level_enum level_of(base::LogLevel level) {
    switch (level) {
        case base::LogLevel::debug:
            return spdlog::level::debug;
        case base::LogLevel::info:
            return spdlog::level::info;
        case base::LogLevel::warning:
            return spdlog::level::warn;
        case base::LogLevel::error:
            return spdlog::level::err;
    }
    return spdlog::level::info;
}

bool wants_json(base::LogFormat format, int output) {
    switch (format) {
        case base::LogFormat::text:
            return false;
        case base::LogFormat::json:
            return true;
        case base::LogFormat::automatic:
            return isatty(output) == 0;
    }
    return true;
}

// The sink of spdlog, and the descriptor that it writes to.
struct Output {
    spdlog::sink_ptr sink;
    int descriptor;
};

Output open_output(base::LogOutput output) {
    switch (output) {
        case base::LogOutput::standard_error:
            return {std::make_shared<spdlog::sinks::stderr_sink_mt>(), STDERR_FILENO};
        case base::LogOutput::standard_output:
            return {std::make_shared<spdlog::sinks::stdout_sink_mt>(), STDOUT_FILENO};
    }
    return {std::make_shared<spdlog::sinks::stderr_sink_mt>(), STDERR_FILENO};
}

}  // namespace

// Lines go to a thread: a terminal, pipe or journal that takes nothing must not stop the mail. What does not
// fit any more is counted and said.
struct LogSink::Impl {
    explicit Impl(const base::LogOptions& options) : Impl(options, open_output(options.output)) {}

    Impl(const base::LogOptions& options, Output output)
        : json(wants_json(options.format, output.descriptor)),
          level(options.level),
          logger("mailramp", std::move(output.sink)) {
        logger.set_level(level_of(options.level));
        if (json)
            logger.set_pattern(R"({"time":"%Y-%m-%dT%H:%M:%S.%eZ",%v})", spdlog::pattern_time_type::utc);
        else
            logger.set_pattern("%Y-%m-%dT%H:%M:%S.%e%z %^%l%$ %v");
        sink = [this](const base::LogRecord& record) { take(record); };
    }

    void take(const base::LogRecord& record) {
        if (waiting >= lines_waiting_max) {
            ++lost;
            return;
        }
        if (const std::size_t count = lost.exchange(0); count > 0) {
            const base::LogField field("lines", count);
            post({base::LogLevel::warning, base::events::log_lines_lost, "the log was not read fast enough",
                  std::span(&field, 1)});
        }
        post(record);
    }

    void post(const base::LogRecord& record) {
        ++waiting;
        writer.post([this, time = spdlog::log_clock::now(), of = level_of(record.level),
                     text = json ? json_fields(record) : text_line(record)] {
            logger.log(time, spdlog::source_loc{}, of, text);
            --waiting;
        });
    }

    bool json;
    base::LogLevel level;
    spdlog::logger logger;
    base::Logger::Sink sink;
    std::atomic<std::size_t> waiting = 0;
    std::atomic<std::size_t> lost = 0;
    io::Worker writer{"log"};
};

LogSink::LogSink(const base::LogOptions& options) : impl_(std::make_unique<Impl>(options)) {}

LogSink::~LogSink() {
    flush();
}

base::Logger LogSink::logger() const {
    return {&impl_->sink, impl_->level};
}

void LogSink::flush() {
    auto written = std::make_shared<std::promise<void>>();
    impl_->writer.post([this, written] {
        impl_->logger.flush();
        written->set_value();
    });
    // Whoever reads the log no longer does: the end does not wait for it.
    if (written->get_future().wait_for(flush_timeout) != std::future_status::ready) impl_->writer.abandon();
}

}  // namespace mailramp::app
