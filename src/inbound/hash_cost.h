// inbound/hash_cost.h: how long a password takes to be compared with a hash of crypt(5). Pure.
#pragma once

#include <string_view>

namespace mailramp::inbound {

// Roughly in microseconds of a machine of 2020: good for saying which of two takes longer. By the kind and
// what the hash says of rounds or memory; 0: not known.
[[nodiscard]] double hash_cost(std::string_view hash);

}  // namespace mailramp::inbound
