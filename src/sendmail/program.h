// sendmail/program.h: mailramp-sendmail, a drop-in sendmail(1) that hands its message to the local daemon.
//
// It keeps nothing: either the daemon has the message on disk, or the status says that it has not. It runs as
// whoever calls it, and needs no right but to connect.
#pragma once

#include "sendmail/exit_status.h"

namespace mailramp::sendmail {

[[nodiscard]] ExitStatus run(int argc, char** argv);

}  // namespace mailramp::sendmail
