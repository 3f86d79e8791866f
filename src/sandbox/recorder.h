// sandbox/recorder.h: what was received, octet for octet, in files that are complete when they appear.
//
// messages/000001.eml is the content, messages/000001.json its envelope; the .json appears last.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <filesystem>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "mailramp/base/clock.h"
#include "mailramp/base/result.h"
#include "sandbox/exchange_session.h"

namespace mailramp::sandbox {

enum class Recording { files, counts_only };

struct RecorderOptions {
    std::filesystem::path directory;
    Recording recording = Recording::files;
    std::size_t listed_max = 10'000;  // the newest messages, kept in memory for GET /control/messages
};

class Recorder {
  public:
    // Makes the folder and continues after the highest number in it.
    [[nodiscard]] static base::Result<Recorder> create(RecorderOptions options);
    [[nodiscard]] base::Result<> store(const ReceivedMessage& message, base::WallTime now);
    [[nodiscard]] boost::json::array listing() const;

  private:
    explicit Recorder(RecorderOptions options) : options_(std::move(options)) {}
    RecorderOptions options_;
    std::uint64_t count_ = 0;
    std::deque<boost::json::object> newest_;
};

// Writes beside the file and renames, so that nobody reads half of it.
[[nodiscard]] base::Result<> write_whole_file(const std::filesystem::path& path, std::string_view text,
                                              unsigned mode);

}  // namespace mailramp::sandbox
