#include "app/log_sink.h"

#include <spdlog/logger.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <unistd.h>

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

namespace mailramp::app {
namespace {

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
        sink = [this](const base::LogRecord& record) {
            // Passed as an argument, never as the format: the text comes from the network.
            logger.log(level_of(record.level), "{}", json ? as_json(record) : as_text(record));
        };
    }

    bool json;
    base::LogLevel level;
    spdlog::logger logger;
    base::Logger::Sink sink;
};

LogSink::LogSink(const base::LogOptions& options) : impl_(std::make_unique<Impl>(options)) {}

LogSink::~LogSink() {
    flush();
}

base::Logger LogSink::logger() const {
    return {&impl_->sink, impl_->level};
}

void LogSink::flush() {
    impl_->logger.flush();
}

}  // namespace mailramp::app
