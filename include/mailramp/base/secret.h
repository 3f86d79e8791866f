// mailramp/base/secret.h: a string that must not be seen: client secrets, tokens, AUTH lines.
//
// It has no stream operator and no formatter, so it cannot be logged by accident; it wipes itself; copying is
// spelled out.
#pragma once

#include <string>
#include <string_view>
#include <utility>

namespace mailramp::base {

class Secret {
  public:
    Secret() = default;
    explicit Secret(std::string value) : value_(std::move(value)) {}
    Secret(Secret&& other) noexcept;
    Secret& operator=(Secret&& other) noexcept;
    Secret(const Secret&) = delete;
    Secret& operator=(const Secret&) = delete;
    ~Secret();

    [[nodiscard]] Secret clone() const { return Secret(value_); }
    [[nodiscard]] bool empty() const { return value_.empty(); }

    // The value itself. The caller must not log it, store it, or keep it longer than this object lives.
    [[nodiscard]] std::string_view reveal() const { return value_; }

    friend bool operator==(const Secret& a, const Secret& b) { return a.value_ == b.value_; }

  private:
    void wipe() noexcept;
    std::string value_;
};

// Overwrites the characters in a way that the compiler may not leave out, then empties the string.
void wipe(std::string& text) noexcept;

}  // namespace mailramp::base
