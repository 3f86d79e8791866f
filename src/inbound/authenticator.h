// inbound/authenticator.h: looks at passwords without holding up the event loop.
//
// Passwords are checked one after another on a thread of their own, since each takes tens of milliseconds and
// up to 16 MiB. The file of users is read anew when it has changed.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <string>

#include "mailramp/base/secret.h"
#include "mailramp/io/async.h"
#include "mailramp/io/worker.h"

namespace mailramp::inbound {

class Authenticator {
  public:
    enum class Verdict { good, wrong, busy, unable };
    struct Judgement {
        Verdict verdict = Verdict::unable;
        std::string reason;  // for the log, unless good
    };

    // `waiting_max`: of passwords under way; beyond it everybody is told `busy`.
    Authenticator(std::filesystem::path users_file, std::size_t waiting_max);
    ~Authenticator();

    // Event loop only. The authenticator must outlive the call.
    [[nodiscard]] io::Task<Judgement> judge(std::string user, base::Secret password);

  private:
    struct Users;
    std::size_t waiting_max_;
    std::size_t waiting_ = 0;
    std::shared_ptr<Users> users_;  // the worker's alone
    io::Worker worker_;
};

}  // namespace mailramp::inbound
