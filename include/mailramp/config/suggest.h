// mailramp/config/suggest.h: what somebody probably meant; pure.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace mailramp::config {

// Insertions, deletions, replacements and swaps of neighbours that make `b` of `a` (optimal string
// alignment). Both at most 64 octets; longer ones are as different as can be.
[[nodiscard]] std::size_t edit_distance(std::string_view a, std::string_view b);

// The candidate that is nearest to `word`, or empty when none is near. tenantId, Tenant-ID and tenant_id are
// the same.
[[nodiscard]] std::string suggest(std::string_view word, const std::vector<std::string>& candidates);

}  // namespace mailramp::config
