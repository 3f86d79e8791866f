#include "mailramp/base/log.h"

#include <vector>

#include "mailramp/base/text.h"

namespace mailramp::base {

void Logger::debug(std::string_view event, std::string_view message,
                   std::initializer_list<LogField> fields) const {
    write(LogLevel::debug, event, message, fields);
}

void Logger::info(std::string_view event, std::string_view message,
                  std::initializer_list<LogField> fields) const {
    write(LogLevel::info, event, message, fields);
}

void Logger::warning(std::string_view event, std::string_view message,
                     std::initializer_list<LogField> fields) const {
    write(LogLevel::warning, event, message, fields);
}

void Logger::error(std::string_view event, std::string_view message,
                   std::initializer_list<LogField> fields) const {
    write(LogLevel::error, event, message, fields);
}

void Logger::write(LogLevel level, std::string_view event, std::string_view message,
                   std::initializer_list<LogField> fields) const {
    if (sink_ == nullptr || level < level_) return;
    std::vector<LogField> clean(fields);
    for (LogField& field : clean)
        field.value = printable(field.value, log_value_bytes_max);
    const std::string clean_message = printable(message, log_value_bytes_max);
    (*sink_)(LogRecord{level, event, clean_message, clean});
}

}  // namespace mailramp::base
