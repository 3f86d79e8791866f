#include "app/log_line.h"

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

namespace mailramp::app {
namespace {

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

// A value with a space or a quotation mark is put in quotation marks, so that a line can be split again.
std::string in_quotes(const std::string& value) {
    if (!value.empty() && value.find_first_of(" \"\\=") == std::string::npos) return value;
    std::string out = "\"";
    for (const char c : value) {
        if (c == '"' || c == '\\') out += '\\';
        out += c;
    }
    return out + '"';
}

}  // namespace

std::string json_fields(const base::LogRecord& record) {
    boost::json::object line;
    line["level"] = word_of(record.level);
    line["event"] = record.event;
    if (!record.message.empty()) line["message"] = record.message;
    for (const base::LogField& field : record.fields) {
        if (field.is_number)
            line[field.key] = std::stoll(field.value);
        else
            line[field.key] = field.value;
    }
    const std::string text = boost::json::serialize(line);
    return text.substr(1, text.size() - 2);
}

std::string text_line(const base::LogRecord& record) {
    std::string line(record.event);
    if (!record.message.empty()) (line += ": ") += record.message;
    for (const base::LogField& field : record.fields)
        ((line += ' ') += field.key) += '=' + in_quotes(field.value);
    return line;
}

}  // namespace mailramp::app
