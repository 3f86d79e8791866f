#include "app/log_sink.h"

#include <atomic>
#include <chrono>
#include <future>
#include <span>

#include <spdlog/logger.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <unistd.h>

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

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

const char* word_of(base::LogLevel level) {
    switch (level) {
        case base::LogLevel::debug:
            return "debug";
        case base::LogLevel::info:
            return "info";
        case base::LogLevel::warning:
            return "warning";
        case base::LogLevel::error:
            return "error";
    }
    return "info";
}

bool wants_json(base::LogFormat format) {
    switch (format) {
        case base::LogFormat::text:
            return false;
        case base::LogFormat::json:
            return true;
        case base::LogFormat::automatic:
            return isatty(STDERR_FILENO) == 0;
    }
    return true;
}

std::string as_json(const base::LogRecord& record) {
    boost::json::object line;
    line["level"] = word_of(record.level);
    line["event"] = record.event;
    line["message"] = record.message;
    for (const base::LogField& field : record.fields) {
        if (field.is_number)
            line[field.key] = std::stoll(field.value);
        else
            line[field.key] = field.value;
    }
    // The closing brace and the opening one are spdlog's pattern's: it puts the time in front.
    const std::string text = boost::json::serialize(line);
    return text.substr(1, text.size() - 2);
}

// A value with a space or a quotation mark is put in quotation marks, so that a line can be split again.
std::string quoted(const std::string& value) {
    if (!value.empty() && value.find_first_of(" \"\\=") == std::string::npos) return value;
    std::string out = "\"";
    for (const char c : value) {
        if (c == '"' || c == '\\') out += '\\';
        out += c;
    }
    return out + '"';
}

std::string as_text(const base::LogRecord& record) {
    std::string line(record.event);
    if (!record.message.empty()) (line += ": ") += record.message;
    for (const base::LogField& field : record.fields)
        ((line += ' ') += field.key) += '=' + quoted(field.value);
    return line;
}

}  // namespace

// Lines go to a thread: a terminal, pipe or journal that takes nothing must not stop the mail. What does not
// fit any more is counted and said.
struct LogSink::Impl {
    explicit Impl(const base::LogOptions& options)
        : json(wants_json(options.format)),
          level(options.level),
          logger("mailramp", std::make_shared<spdlog::sinks::stderr_sink_mt>()) {
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
                     text = json ? as_json(record) : as_text(record)] {
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
