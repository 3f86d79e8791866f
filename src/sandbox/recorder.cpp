#include "sandbox/recorder.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <ctime>
#include <string>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <openssl/sha.h>
#include <unistd.h>

#include <boost/json/serialize.hpp>

#include "mailramp/base/text.h"

namespace mailramp::sandbox {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;

std::string numbered(std::uint64_t number) {
    std::string digits = std::to_string(number);
    return std::string(6 - std::min<std::size_t>(6, digits.size()), '0') + digits;
}

std::string iso_time(base::WallTime now) {
    const std::time_t seconds = std::chrono::system_clock::to_time_t(now);
    std::tm parts{};
    ::gmtime_r(&seconds, &parts);
    std::array<char, 40> text{};
    const std::size_t size = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S", &parts);
    const auto microseconds = (now.time_since_epoch() % std::chrono::seconds(1)).count();
    std::string fraction = std::to_string(1'000'000 + microseconds);
    return std::string(text.data(), size) + "." + fraction.substr(1) + "Z";
}

std::string sha256(std::string_view text) {
    std::array<unsigned char, SHA256_DIGEST_LENGTH> digest{};
    SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data());
    constexpr std::string_view digits = "0123456789abcdef";
    std::string hexadecimal;
    for (const unsigned char octet : digest) {
        hexadecimal += digits[octet >> 4];
        hexadecimal += digits[octet & 15u];
    }
    return hexadecimal;
}

json::object describe(const ReceivedMessage& message, base::WallTime now) {
    json::array recipients;
    for (const mail::Recipient& recipient : message.envelope.recipients) {
        json::object entry{{"address", recipient.address}};
        if (!recipient.notify.empty()) entry["notify"] = recipient.notify;
        if (!recipient.orcpt.empty()) entry["orcpt"] = recipient.orcpt;
        recipients.push_back(std::move(entry));
    }
    json::object entry;
    entry["sender"] = message.envelope.sender;
    entry["recipients"] = std::move(recipients);
    entry["body"] = message.envelope.body == mail::BodyType::eight_bit_mime ? "8BITMIME" : "7BIT";
    entry["smtputf8"] = message.envelope.smtputf8;
    constexpr std::string_view returns[] = {"", "FULL", "HDRS"};
    entry["ret"] = returns[static_cast<std::size_t>(message.envelope.ret)];
    entry["envid"] = message.envelope.envid;
    entry["mailbox"] = message.mailbox;
    entry["mechanism"] = message.mechanism;
    entry["tls_version"] = message.tls_version;
    entry["helo"] = message.helo;
    entry["connection"] = message.connection;
    entry["size_bytes"] = message.content.size();
    entry["sha256"] = sha256(message.content);
    entry["time"] = iso_time(now);
    return entry;
}

}  // namespace

base::Result<> write_whole_file(const fs::path& path, std::string_view text, unsigned mode) {
    const fs::path unfinished = path.parent_path() / ("." + path.filename().string() + ".new");
    const int file =
        ::open(unfinished.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, static_cast<mode_t>(mode));
    if (file < 0) return std::unexpected(base::system_error("create " + unfinished.string(), errno));
    int failure = 0;
    while (!text.empty() && failure == 0) {
        const ssize_t written = ::write(file, text.data(), text.size());
        if (written > 0) text.remove_prefix(static_cast<std::size_t>(written));
        if (written < 0 && errno != EINTR) failure = errno;
    }
    ::close(file);
    if (failure == 0 && ::rename(unfinished.c_str(), path.c_str()) != 0) failure = errno;
    if (failure != 0) return std::unexpected(base::system_error("write " + path.string(), failure));
    return {};
}

base::Result<Recorder> Recorder::create(RecorderOptions options) {
    std::error_code error;
    fs::create_directories(options.directory, error);
    if (error)
        return std::unexpected(base::system_error("create " + options.directory.string(), error.value()));
    Recorder recorder(std::move(options));
    for (const fs::directory_entry& entry : fs::directory_iterator(recorder.options_.directory, error))
        if (const auto number = base::parse_number(entry.path().stem().string()))
            recorder.count_ = std::max(recorder.count_, *number);
    return recorder;
}

base::Result<> Recorder::store(const ReceivedMessage& message, base::WallTime now) {
    const std::string name = numbered(++count_);
    if (options_.recording == Recording::counts_only) return {};
    json::object entry = describe(message, now);
    entry["file"] = name + ".eml";
    if (auto done = write_whole_file(options_.directory / (name + ".eml"), message.content, 0644); !done)
        return done;
    const std::string text = json::serialize(entry) + "\n";
    if (auto done = write_whole_file(options_.directory / (name + ".json"), text, 0644); !done) return done;
    newest_.push_back(std::move(entry));
    if (newest_.size() > options_.listed_max) newest_.pop_front();
    return {};
}

json::array Recorder::listing() const {
    json::array list;
    for (const json::object& entry : newest_)
        list.push_back(entry);
    return list;
}

}  // namespace mailramp::sandbox
