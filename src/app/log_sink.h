// app/log_sink.h: where log lines go: one line an event on standard error or output, text or JSON.
//
// The only place that knows spdlog. Safe from every thread.
#pragma once

#include <memory>

#include "mailramp/base/log.h"

namespace mailramp::app {

class LogSink {
  public:
    explicit LogSink(const base::LogOptions& options);
    ~LogSink();
    LogSink(const LogSink&) = delete;
    LogSink& operator=(const LogSink&) = delete;

    // Loggers of the whole program; this object must outlive them.
    [[nodiscard]] base::Logger logger() const;
    // Waits, but not long, until what was logged is written.
    void flush();

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace mailramp::app
