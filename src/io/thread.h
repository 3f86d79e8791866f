// io/thread.h: the one place that starts threads.
#pragma once

#include <functional>
#include <string>
#include <thread>

namespace mailramp::io {

// A named thread that receives no signals: those belong to the event loop. Names longer than 15 characters
// are cut. Throws std::system_error when the system has no thread left.
[[nodiscard]] std::thread start_thread(const std::string& name, std::move_only_function<void()> body);

}  // namespace mailramp::io
