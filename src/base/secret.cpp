#include "mailramp/base/secret.h"

#include <cstring>

namespace mailramp::base {

void wipe(std::string& text) noexcept {
    // Up to the capacity: what a longer value left behind is as secret as the value.
    text.resize(text.capacity());
    explicit_bzero(text.data(), text.size());
    text.clear();
}

Secret::Secret(Secret&& other) noexcept : value_(std::move(other.value_)) {
    other.wipe();
}

Secret& Secret::operator=(Secret&& other) noexcept {
    if (this != &other) {
        wipe();
        value_ = std::move(other.value_);
        other.wipe();
    }
    return *this;
}

Secret::~Secret() {
    wipe();
}

void Secret::wipe() noexcept {
    base::wipe(value_);
}

}  // namespace mailramp::base
