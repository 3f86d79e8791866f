// mailramp/admin/server.h: HTTP/1.1 for operators over a Unix socket. docs/admin-api.md describes the API.
//
// Lives on the event loop, one coroutine a connection. The socket's mode and group decide who may ask; the
// credentials of whoever changes something are logged (they are no protection: they mean little inside user
// namespaces).
#pragma once

#include <memory>

#include "mailramp/admin/context.h"
#include "mailramp/admin/options.h"
#include "mailramp/base/log.h"
#include "mailramp/base/result.h"
#include "mailramp/io/async.h"

namespace mailramp::admin {

class Server {
  public:
    // Makes the socket's folder (one level) when it is missing, binds the socket and sets its mode and group.
    // Errors name the path and the remedy; ErrorKind::conflict: another daemon has the socket.
    // What the context refers to must outlive the server and its run().
    [[nodiscard]] static base::Result<std::unique_ptr<Server>> create(const AdminOptions& options,
                                                                      const io::Executor& executor,
                                                                      AdminContext context,
                                                                      base::Logger logger);
    ~Server();
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;

    // Serves until stop(); returns when the last answer has been written or given up.
    [[nodiscard]] io::Task<> run();
    // Accepts nobody any more and closes every connection that waits for a request; answers under way finish.
    void stop();

  private:
    struct Impl;
    explicit Server(std::shared_ptr<Impl> impl);
    std::shared_ptr<Impl> impl_;
};

}  // namespace mailramp::admin
