// Replays every file of tests/dialogs at every split of the client's octets.
#include <algorithm>
#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/smtp/dialog.h"

namespace mailramp::smtp::testing {
namespace {

using Kind = DialogLine::Kind;

std::vector<std::string> dialog_names() {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(MAILRAMP_TESTS_DIR "/dialogs"))
        if (entry.path().extension() == ".dialog") names.push_back(entry.path().stem().string());
    std::ranges::sort(names);
    return names;
}

std::vector<std::string> server_lines(const Dialog& dialog) {
    std::vector<std::string> lines;
    for (const DialogLine& line : dialog.lines)
        if (line.kind == Kind::server) lines.push_back(line.text);
    return lines;
}

std::size_t client_octets(const Dialog& dialog) {
    std::size_t octets = 0;
    for (const DialogLine& line : dialog.lines)
        if (line.kind == Kind::client) octets += line.text.size();
    return octets;
}

// Sends what the client says, cut wherever `is_cut(position)`, and before every event.
template <class IsCut>
DialogOutcome replay(const Dialog& dialog, IsCut is_cut) {
    DialogShell shell(dialog);
    std::string piece;
    std::size_t position = 0;
    const auto flush = [&shell, &piece] {
        if (!piece.empty()) shell.receive(piece);
        piece.clear();
    };
    for (const DialogLine& line : dialog.lines) {
        if (line.kind == Kind::event) {
            flush();
            shell.event(line.text);
        }
        if (line.kind != Kind::client) continue;
        for (const char c : line.text) {
            piece += c;
            if (is_cut(++position)) flush();
        }
    }
    flush();
    return shell.outcome();
}

class Dialogs : public ::testing::TestWithParam<std::string> {};

// Each reply is there when the client has said what stands above it, and no reply that stands below.
TEST_P(Dialogs, InLockstep) {
    const Dialog dialog = read_dialog(MAILRAMP_TESTS_DIR "/dialogs/" + GetParam() + ".dialog");
    DialogShell shell(dialog);
    std::vector<std::string> expected;
    for (std::size_t i = 0; i < dialog.lines.size(); ++i) {
        const DialogLine& line = dialog.lines[i];
        switch (line.kind) {
            case Kind::client:
                shell.receive(line.text);
                break;
            case Kind::event:
                shell.event(line.text);
                break;
            case Kind::server:
                expected.push_back(line.text);
                break;
        }
        const bool last_of_group = i + 1 == dialog.lines.size() || dialog.lines[i + 1].kind != Kind::server;
        if (line.kind == Kind::server && last_of_group) {
            ASSERT_EQ(difference(expected, shell.outcome().output), "");
        }
    }
    EXPECT_EQ(shell.outcome().closed, dialog.closed);
    EXPECT_EQ(shell.outcome().close_reason, dialog.close_reason);
    EXPECT_EQ(shell.outcome().resets, dialog.resets);
    EXPECT_EQ(shell.outcome().logins, dialog.logins);
    ASSERT_EQ(shell.outcome().messages.size(), dialog.messages.size());
    for (std::size_t i = 0; i < dialog.messages.size(); ++i) {
        EXPECT_EQ(shell.outcome().messages[i].envelope, dialog.messages[i].envelope);
        EXPECT_EQ(shell.outcome().messages[i].content, dialog.messages[i].content);
    }
}

TEST_P(Dialogs, AtEverySplit) {
    const Dialog dialog = read_dialog(MAILRAMP_TESTS_DIR "/dialogs/" + GetParam() + ".dialog");
    const DialogOutcome at_once = replay(dialog, [](std::size_t) { return false; });
    EXPECT_EQ(difference(server_lines(dialog), at_once.output), "");
    EXPECT_EQ(at_once.messages, dialog.messages);
    EXPECT_EQ(at_once.logins, dialog.logins);
    EXPECT_EQ(replay(dialog, [](std::size_t) { return true; }), at_once) << "octet by octet";
    const std::size_t octets = client_octets(dialog);
    for (std::size_t cut = 1; cut < octets; ++cut)
        ASSERT_EQ(replay(dialog, [cut](std::size_t position) { return position == cut; }), at_once)
            << "cut behind octet " << cut;
}

INSTANTIATE_TEST_SUITE_P(Files, Dialogs, ::testing::ValuesIn(dialog_names()), [](const auto& file) {
    std::string name = file.param;
    std::ranges::replace_if(
        name, [](char c) { return std::isalnum(static_cast<unsigned char>(c)) == 0; }, '_');
    return name;
});

TEST(DialogFiles, AreAllThere) {
    EXPECT_GE(dialog_names().size(), 90u);
}

}  // namespace
}  // namespace mailramp::smtp::testing
