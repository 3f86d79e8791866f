#include "cli/recover_command.h"

#include <cerrno>
#include <string>

#include <fcntl.h>
#include <unistd.h>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "cli/words.h"
#include "mailramp/base/text.h"
#include "mailramp/queue/salvage.h"

namespace mailramp::cli {
namespace {

namespace json = boost::json;

constexpr std::size_t address_bytes_max = 1024;

std::string clean(std::string_view text) {
    return base::printable(text, address_bytes_max);
}

json::array list_of(const std::vector<std::string>& texts) {
    json::array list;
    for (const std::string& text : texts)
        list.emplace_back(clean(text));
    return list;
}

// In the words of docs/admin-api.md, as far as they go.
json::object envelope_of(const queue::SalvagedMessage& saved) {
    const queue::MessageRow& message = saved.message;
    json::array recipients;
    for (const queue::RecipientRow& recipient : message.recipients) {
        const bool held = recipient.state == queue::RecipientState::held;
        recipients.push_back(
            json::object{{"address", clean(recipient.address)},
                         {"state", queue::to_string(recipient.state)},
                         {"hold_reason",
                          held ? json::value(queue::to_string(recipient.hold_reason)) : json::value(nullptr)},
                         {"attempts", recipient.attempts},
                         {"maybe_delivered", recipient.maybe_delivered},
                         {"mailbox", clean(recipient.mailbox)},
                         {"route", clean(recipient.route)}});
    }
    json::object envelope{{"id", message.id.text()}};
    envelope["sender"] = saved.envelope_known ? json::value(clean(message.sender)) : json::value(nullptr);
    envelope["header_from"] = clean(message.header_from);
    envelope["message_id"] = clean(message.message_id);
    envelope["client"] = clean(message.client_address);
    envelope["listener"] = clean(message.listener);
    envelope["size_bytes"] = message.size_bytes;
    envelope["recipients"] = std::move(recipients);
    envelope["file"] =
        saved.file.empty() ? json::value(nullptr) : json::value(saved.file.filename().string());
    envelope["damage"] = list_of(saved.damage);
    return envelope;
}

base::Result<> write_new(const std::filesystem::path& path, const std::string& text) {
    const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (file < 0) return std::unexpected(base::system_error("make " + path.string(), errno));
    const bool written =
        ::write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size()) && ::fsync(file) == 0;
    const int error = errno;
    ::close(file);
    if (!written) return std::unexpected(base::system_error("write " + path.string(), error));
    return {};
}

ExitStatus status_after(base::ErrorKind kind) {
    switch (kind) {
        case base::ErrorKind::conflict:
            return ExitStatus::try_again;
        case base::ErrorKind::not_found:
        case base::ErrorKind::invalid:
            return ExitStatus::data;
        default:
            return ExitStatus::io_error;
    }
}

std::string text_of(const queue::SalvageReport& report, const std::filesystem::path& to) {
    std::string text;
    for (const std::string& damage : report.damage)
        text += "Damaged: " + clean(damage) + ".\n";
    text += counted(report.messages, "message") + " found, " + std::to_string(report.whole) +
            " of them saved whole in " + to.string() + ".\n";
    return text;
}

}  // namespace

ExitStatus queue_recover(const Console& console, const std::filesystem::path& from,
                         const std::filesystem::path& to) {
    const auto keep = [&](const queue::SalvagedMessage& saved) -> base::Result<> {
        const std::string id = saved.message.id.text();
        for (const std::string& damage : saved.damage)
            console.err << id << ": " << clean(damage) << '\n';
        return write_new(to / (id + ".json"), json::serialize(envelope_of(saved)) + "\n");
    };
    const auto report = queue::salvage({from, to}, keep);
    if (!report) return complain(console, {status_after(report.error().kind), report.error().message});
    const bool all = report->damage.empty() && report->whole == report->messages;
    const ExitStatus printed = print(console,
                                     {{"messages", report->messages},
                                      {"whole", report->whole},
                                      {"damage", list_of(report->damage)},
                                      {"folder", to.string()}},
                                     text_of(*report, to));
    if (printed != ExitStatus::done) return printed;
    return all ? ExitStatus::done : ExitStatus::data;
}

}  // namespace mailramp::cli
