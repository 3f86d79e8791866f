// Request targets: what comes out is decoded once, holds no NUL, and means the same when it is written anew.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "admin/queries.h"
#include "admin/target.h"
#include "mailramp/base/result.h"

namespace {

using mailramp::admin::find_route;
using mailramp::admin::Route;
using mailramp::admin::Target;
using mailramp::base::check;

std::string encoded(std::string_view text) {
    constexpr std::string_view digits = "0123456789ABCDEF";
    std::string out;
    for (const char c : text) {
        const auto octet = static_cast<unsigned char>(c);
        out.append("%").append(1, digits[octet >> 4]).append(1, digits[octet & 15]);
    }
    return out;
}

// The same target, every octet as an escape. An empty last segment needs the slash that ends it.
std::string written(const Target& target) {
    std::string out = "/";
    for (const std::string& segment : target.segments)
        out += encoded(segment) + "/";
    out += "?";
    for (const auto& [name, value] : target.query)
        out += encoded(name) + "=" + encoded(value) + "&";
    return out;
}

void check_route(std::string_view method, const Target& target) {
    const Route route = find_route(method, target);
    switch (route.match) {
        case Route::Match::found:
            check(route.allowed_methods.empty(), "what is found needs no Allow");
            if (route.action == mailramp::admin::Action::delete_message ||
                route.action == mailramp::admin::Action::resume_mailbox)
                check(!route.argument.empty(), "what changes one thing names it");
            break;
        case Route::Match::method_not_allowed:
            check(!route.allowed_methods.empty(), "405 says what is allowed (RFC 9110 section 15.5.6)");
            break;
        case Route::Match::no_such_path:
            check(route.allowed_methods.empty(), "nothing is allowed where nothing is");
            break;
    }
}

// Whatever is misspelt or left empty, an order to delete never means more than was said.
void check_order(const Target& target) {
    if (const auto order = mailramp::admin::read_order(target, mailramp::queue::Verb::remove)) {
        check(order->filter.all() == (target.field("all") == "true"),
              "everything is deleted only by that word");
        for (const auto& [name, value] : target.query)
            check(!value.empty(), "an empty field is no filter");
    }
    const mailramp::admin::AdminOptions options;
    if (const auto list = mailramp::admin::read_list_request(target, options))
        check(list->messages_max >= 1 && list->messages_max <= options.page_messages_max,
              "a page has its limit");
    if (const auto past = mailramp::admin::read_history_request(target, options))
        check(past->rows_max >= 1 && past->rows_max <= options.page_messages_max, "a page has its limit");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto target = mailramp::admin::parse_target(text);
    if (!target) {
        check(!target.error().message.empty(), "a refusal has its reason");
        return 0;
    }
    for (const std::string& segment : target->segments)
        check(segment.find('\0') == std::string::npos, "nothing makes a NUL");
    for (const auto& [name, value] : target->query) {
        check(!name.empty(), "a query field has a name");
        check(target->field(name) == value, "a query field stands there once");
    }
    const auto again = mailramp::admin::parse_target(written(*target));
    check(again && again->segments == target->segments && again->query == target->query,
          "a target means the same when it is written anew");
    for (const std::string_view method : {"GET", "HEAD", "POST", "DELETE", "PUT"})
        check_route(method, *target);
    check_order(*target);
    return 0;
}
