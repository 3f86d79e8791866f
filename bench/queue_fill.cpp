// bench/queue_fill.cpp: fills the queue of a daemon that does not run, thousands of messages in a
// transaction.
//
//   queue_fill FOLDER MESSAGES MAILBOX
//
// Message i is from app@contoso.test to user<i>@example.test, 1 KiB, due at once; the mailbox is paused by an
// operator, so that nothing of it leaves before somebody wants it to.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "mailramp/base/text.h"
#include "queue/checksum.h"
#include "queue/core.h"
#include "queue/folder.h"

namespace {

using namespace mailramp;

constexpr std::uint64_t messages_a_commit = 5000;

template <class T>
T must(base::Result<T> result) {
    if (result) {
        if constexpr (!std::is_void_v<T>) return std::move(*result);
    } else {
        std::fprintf(stderr, "queue_fill: %s\n", result.error().message.c_str());
        std::exit(1);
    }
    if constexpr (std::is_void_v<T>) return;
}

queue::NewMessage message(queue::QueueId id, std::uint64_t number, const std::string& mailbox,
                          base::WallTime now) {
    queue::NewMessage made;
    made.id = id;
    const std::string name = std::to_string(number);
    made.acceptance.envelope.sender = "app@contoso.test";
    made.acceptance.header_from = "app@contoso.test";
    made.acceptance.message_id = "<" + name + "@contoso.test>";
    made.acceptance.client_address = "127.0.0.1";
    made.acceptance.listener = "127.0.0.1:25";
    made.acceptance.accepted = now;
    made.acceptance.recipients.push_back(
        {mail::Recipient{"user" + name + "@example.test", "", ""}, mailbox, "default"});
    std::string content =
        "From: app@contoso.test\r\nTo: user" + name + "@example.test\r\nSubject: " + name + "\r\n\r\n";
    content.resize(1022, 'x');
    content += "\r\n";
    queue::Checksum checksum;
    checksum.add(content);
    made.size_bytes = content.size();
    made.checksum = checksum.value();
    made.content = std::move(content);
    return made;
}

}  // namespace

int main(int argc, char** argv) {
    const auto messages = argc == 4 ? base::parse_number(argv[2]) : std::nullopt;
    if (!messages) {
        std::fprintf(stderr, "queue_fill FOLDER MESSAGES MAILBOX\n");
        return 64;
    }
    const std::string mailbox = argv[3];
    const auto folder = must(queue::Folder::open(argv[1]));
    queue::CoreOptions options;
    options.database = folder.database();
    const base::WallTime now = std::chrono::time_point_cast<base::Duration>(std::chrono::system_clock::now());
    const auto core = must(queue::Core::open(options, now));
    queue::MailboxRecord record;
    record.name = mailbox;
    record.paused = record.by_operator = true;
    record.pause_cause = "the measurement wants its mail to wait";
    record.stopped_since = now;
    must(core->begin());
    must(core->save(record, now));
    must(core->commit());
    std::int64_t id = core->first_id().value();
    for (std::uint64_t number = 0; number < *messages;) {
        must(core->begin());
        for (std::uint64_t i = 0; i < messages_a_commit && number < *messages; ++i, ++number)
            must(core->accept(message(queue::QueueId(id++), number, mailbox, now)));
        must(core->commit());
        std::ignore = must(core->checkpoint(SQLITE_CHECKPOINT_PASSIVE));
    }
    std::ignore = must(core->checkpoint(SQLITE_CHECKPOINT_TRUNCATE));
    return 0;
}
