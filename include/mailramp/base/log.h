// mailramp/base/log.h: the words of the log; where they go is the application's affair.
//
// One line an event. The event name is stable and listed in events.h and docs/log-events.md; fields carry
// what a machine would look for, above all the queue id. Values may come from the network: the logger
// replaces control characters before anything leaves it. Secrets cannot be passed: base::Secret does not
// convert.
#pragma once

#include <concepts>
#include <functional>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>

namespace mailramp::base {

enum class LogLevel { debug, info, warning, error };
enum class LogFormat { automatic, text, json };  // automatic: text on a terminal, JSON otherwise
enum class LogOutput { standard_error, standard_output };

struct LogOptions {
    LogLevel level = LogLevel::info;
    LogFormat format = LogFormat::automatic;
    LogOutput output = LogOutput::standard_error;
};

struct LogField {
    LogField(std::string_view field_key, std::string_view text) : key(field_key), value(text) {}
    LogField(std::string_view field_key, const char* text) : key(field_key), value(text) {}
    LogField(std::string_view field_key, const std::string& text) : key(field_key), value(text) {}
    LogField(std::string_view field_key, std::integral auto number)
        : key(field_key), value(std::to_string(number)), is_number(true) {}

    std::string_view key;
    std::string value;
    bool is_number = false;
};

struct LogRecord {
    LogLevel level;
    std::string_view event;
    std::string_view message;
    std::span<const LogField> fields;
};

// Copyable handle to one sink, which must outlive every copy. Safe from every thread if the sink is.
class Logger {
  public:
    using Sink = std::function<void(const LogRecord&)>;

    Logger() = default;  // says nothing: for tests
    Logger(const Sink* sink, LogLevel level) : sink_(sink), level_(level) {}

    void debug(std::string_view event, std::string_view message,
               std::initializer_list<LogField> fields = {}) const;
    void info(std::string_view event, std::string_view message,
              std::initializer_list<LogField> fields = {}) const;
    void warning(std::string_view event, std::string_view message,
                 std::initializer_list<LogField> fields = {}) const;
    void error(std::string_view event, std::string_view message,
               std::initializer_list<LogField> fields = {}) const;

  private:
    void write(LogLevel level, std::string_view event, std::string_view message,
               std::initializer_list<LogField> fields) const;
    const Sink* sink_ = nullptr;
    LogLevel level_ = LogLevel::info;
};

}  // namespace mailramp::base
