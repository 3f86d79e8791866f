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
    std::string by = {};  // who asks, for the records: "root (uid 0, pid 4711)"
};

struct ApiResponse {
    int status = 200;
    std::string body;   // JSON and a line end, or the type's own
    std::string allow;  // for 405: the methods that the path has
    const char* content_type = "application/json";
};

// True for the methods that change nothing (RFC 9110 §9.2.1); no route changes anything by one of them.
[[nodiscard]] bool is_safe_method(std::string_view method);

// Whether the log must say who asked: for what changes something, and for the beginning of what was written
// in a message. Whoever only looks at states and addresses leaves no trace.
[[nodiscard]] bool is_on_record(const ApiRequest& request);

// An answer that no route gave: {"error": {…}}.
[[nodiscard]] ApiResponse error_response(int status, std::string_view kind, std::string_view message);

// Lives on the event loop; several answers may be under way at once. Must outlive them.
class Api {
  public:
    Api(const AdminOptions& options, AdminContext context);

    // Never fails: what goes wrong is an answer.
    [[nodiscard]] io::Task<ApiResponse> answer(ApiRequest request);

  private:
    io::Task<ApiResponse> run(Action action, Target target, std::string argument, std::string by);
    io::Task<ApiResponse> status();
    io::Task<ApiResponse> list_messages(Target target);
    io::Task<ApiResponse> show_message(std::string id_text);
    io::Task<ApiResponse> trace_message(std::string id_text);
    io::Task<ApiResponse> read_content(std::string id_text, Target target);
    io::Task<ApiResponse> order_one(queue::Verb verb, std::string id_text, std::string by);
    io::Task<ApiResponse> order_many(queue::Verb verb, Target target, std::string by);
    io::Task<ApiResponse> list_history(Target target);
    ApiResponse pause_mailbox(const std::string& name, const Target& target, const std::string& by);
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
