// sandbox/sandbox.h: the simulator as a whole: an Entra token endpoint and an Exchange-like submission
// server.
//
// Everything runs on the event loop of `executor`; run() of that loop is the caller's.
#pragma once

#include <chrono>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "mailramp/base/result.h"
#include "mailramp/io/async.h"
#include "sandbox/directory.h"
#include "sandbox/exchange_session.h"
#include "sandbox/faults.h"
#include "sandbox/recorder.h"
#include "sandbox/token_service.h"

namespace mailramp::sandbox {

struct SandboxOptions {
    std::string listen_address = "127.0.0.1";
    std::uint16_t smtp_port = 0;   // 0: the kernel chooses
    std::uint16_t https_port = 0;  // 0: the kernel chooses
    std::filesystem::path state_directory;
    Recording recording = Recording::files;
    std::vector<App> apps;  // empty: one with fixed identifiers and the mailbox relay@contoso.test
    std::vector<Fault> faults;
    SessionOptions session;
    MailboxLimitOptions limits;
    TokenServiceOptions tokens;
    base::Duration idle_timeout = std::chrono::minutes(5);
    base::Duration session_age_max = std::chrono::minutes(20);
    base::Duration slow_delay = std::chrono::seconds(1);  // of each reply under the fault `slow`
    base::Duration clock_offset{};  // of the simulated cloud's clock, from this machine's
    int backlog = 1024;
};

class Sandbox {
  public:
    // Makes the authority, the certificates and the secrets, writes ca.pem and client-secret files (mode
    // 0600) into the state directory, and listens.
    [[nodiscard]] static base::Result<std::unique_ptr<Sandbox>> create(SandboxOptions options,
                                                                       const io::Executor& executor);
    ~Sandbox();
    // Begins to accept.
    void start();
    // Stops accepting; sessions end with the loop.
    void stop();
    // One line of JSON: ports, files, tenants, mailboxes.
    [[nodiscard]] std::string ready_line() const;
    // One line of JSON: the counters, as GET /control/state gives them.
    [[nodiscard]] std::string state_line() const;

  private:
    struct Impl;
    explicit Sandbox(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace mailramp::sandbox
