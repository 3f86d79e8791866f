// HttpReader: whatever comes in whatever pieces, the requests are the same and their parts are single words.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "admin/http_codec.h"
#include "mailramp/base/result.h"
#include "unit/smtp/wire_strings.h"

namespace {

using mailramp::base::check;
using namespace mailramp::admin;  // NOLINT(google-build-using-namespace): a test of just these
using Step = HttpReader::Step;

constexpr HttpLimits limits{.header_bytes_max = 256, .body_bytes_max = 64};

void check_refusal(const ApiResponse& refusal) {
    check(refusal.status == 400 || refusal.status == 413 || refusal.status == 431,
          "a refusal has its status");
    const std::string text = http_text(refusal, ConnectionFate::close, ContentPart::left_out);
    check(mailramp::smtp::testing::is_crlf_only(text) && text.ends_with("\r\n\r\n"),
          "the head of an answer is lines");
}

std::vector<std::string> read(std::string_view octets, std::size_t piece_size) {
    HttpReader reader(limits);
    std::vector<std::string> requests;
    for (std::size_t at = 0; at < octets.size(); at += piece_size) {
        reader.receive(octets.substr(at, piece_size));
        Step step = reader.next();
        for (; step == Step::request; step = reader.next()) {
            const ApiRequest request = reader.take_request();
            for (const std::string* part : {&request.method, &request.target}) {
                check(!part->empty() && part->size() <= limits.header_bytes_max, "a part has its limit");
                check(std::ranges::none_of(*part, [](char c) { return c >= 0 && c <= ' '; }),
                      "a part is a word");
            }
            requests.push_back(request.method + " " + request.target);
        }
        if (step == Step::refused) {
            check_refusal(reader.refusal());
            break;
        }
    }
    return requests;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::string_view octets(reinterpret_cast<const char*>(data) + 1, size - 1);
    const std::vector<std::string> whole = read(octets, octets.size() + 1);
    const std::vector<std::string> pieces = read(octets, 1 + data[0] % 16);
    // A refusal may come sooner for a whole: in pieces Beast looks again only when the header is complete.
    // And which limit is met first depends on the pieces where there is more than fits.
    if (octets.size() <= limits.body_bytes_max)
        check(whole == pieces, "the requests do not depend on the pieces");
    return 0;
}
