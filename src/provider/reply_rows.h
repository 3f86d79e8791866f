// provider/reply_rows.h: how the rows of the reply catalogue say "no reply was given".
#pragma once

namespace mailramp::provider {

// As Row::code: the connection failed before a reply came. The answer's own code is 0 then, which in a row
// stands for every code.
inline constexpr int no_reply = -1;

}  // namespace mailramp::provider
