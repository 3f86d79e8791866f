// simulation/client.h: an application that submits one message: it says what old programs say, waits for the
// answers, and remembers how it ended.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "mailramp/smtp/reply.h"
#include "simulation/book.h"
#include "simulation/network.h"

namespace mailramp::simulation {

class Client : public std::enable_shared_from_this<Client> {
  public:
    enum class End { accepted, refused, unknown };  // unknown: no answer came to the end of data
    using Ended = std::function<void(End)>;

    Client(Machine& machine, Network& network, Book& book, std::string tag)
        : machine_(machine), network_(network), book_(book), tag_(std::move(tag)) {}
    ~Client();
    // Keeps itself alive until `ended` was called.
    void begin(Ended ended);

  private:
    enum class State { banner, helo, mail, rcpt, data, body, quit, over };
    void heard();
    void answered(const smtp::Reply& reply);
    void say(std::string line);
    void next_recipient();
    void over(End end);

    Machine& machine_;
    Network& network_;
    Book& book_;
    std::string tag_;
    Ended ended_;
    std::shared_ptr<Client> self_;
    std::shared_ptr<Link> link_;
    smtp::ReplyParser parser_;
    State state_ = State::banner;
    std::size_t recipients_named_ = 0;
};

}  // namespace mailramp::simulation
