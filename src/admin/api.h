// admin/api.h: what the admin socket answers, apart from HTTP. docs/admin-api.md describes every route.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "admin/target.h"
#include "mailramp/admin/context.h"
#include "mailramp/admin/options.h"
#include "mailramp/base/clock.h"
#include "mailramp/base/result.h"
#include "mailramp/io/async.h"
#include "mailramp/queue/queue_id.h"

namespace mailramp::admin {

struct ApiRequest {
    std::string method;
    std::string target;
};

struct ApiResponse {
    int status = 200;
    std::string body;   // JSON and a line end
    std::string allow;  // for 405: the methods that the path has
};

// True for the methods that change nothing (RFC 9110 §9.2.1); no route changes anything by one of them.
[[nodiscard]] bool is_safe_method(std::string_view method);

// An answer that no route gave: {"error": {…}}.
[[nodiscard]] ApiResponse error_response(int status, std::string_view kind, std::string_view message);

// Lives on the event loop; several answers may be under way at once. Must outlive them.
class Api {
  public:
    Api(const AdminOptions& options, AdminContext context);

    // Never fails: what goes wrong is an answer.
    [[nodiscard]] io::Task<ApiResponse> answer(ApiRequest request);

  private:
    io::Task<ApiResponse> run(Action action, Target target, std::string argument);
    io::Task<ApiResponse> status();
    io::Task<ApiResponse> list_messages(Target target);
    io::Task<ApiResponse> show_message(std::string id_text);
    io::Task<ApiResponse> retry_message(std::string id_text);
    io::Task<ApiResponse> retry_all_messages();
    io::Task<ApiResponse> delete_message(std::string id_text);
    ApiResponse resume_mailbox(const std::string& name);
    io::Task<ApiResponse> test_alerts();
    ApiResponse health() const;
    [[nodiscard]] std::optional<StalledQueue> stalled_queue() const;

    AdminOptions options_;
    AdminContext context_;
    base::WallTime started_;
    base::SteadyTime started_steady_;
};

}  // namespace mailramp::admin
