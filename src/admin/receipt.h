// admin/receipt.h: what a provider's receipt says beside "taken". Pure.
#pragma once

#include <string>
#include <string_view>

namespace mailramp::admin {

// Of Exchange Online: "2.6.0 <1@a.example> [InternalId=123, Hostname=X.PROD.OUTLOOK.COM] 4200 bytes in …".
// Both are what Microsoft's support asks for. Empty where the words have no such field.
struct Receipt {
    std::string internal_id;
    std::string hostname;
};

[[nodiscard]] Receipt read_receipt(std::string_view words);

}  // namespace mailramp::admin
