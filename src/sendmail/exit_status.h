// sendmail/exit_status.h: how a run ended, in the words of sysexits(3), which callers of sendmail(1) know.
#pragma once

#include "mailramp/mail/answer.h"

namespace mailramp::sendmail {

enum class ExitStatus : int {
    done = 0,
    usage = 64,          // the command line is wrong, or names nobody to send to
    data = 65,           // the message is wrong: too large, or not a message
    no_user = 67,        // a recipient does not exist, or is no address
    no_host = 68,        // a recipient's domain does not exist
    unavailable = 69,    // refused for another reason
    io_error = 74,       // the input could not be read
    try_again = 75,      // nobody took the message; hand it in again
    no_permission = 77,  // this sender or client may not
};

// What a refusal means to the caller. An answer without a code (the connection broke) is try_again.
[[nodiscard]] ExitStatus status_of(const mail::Answer& refusal);

// The one status for a run in which several recipients were refused: try_again wins, since a caller that
// hears of a lasting error drops the message; else the first one counts.
[[nodiscard]] ExitStatus worse_of(ExitStatus first, ExitStatus second);

}  // namespace mailramp::sendmail
