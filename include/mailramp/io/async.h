// mailramp/io/async.h: the one coroutine type.
//
// Everything runs on one io_context thread. A Task is a named coroutine function; see docs/HACKING.md for the
// shapes of co_await lines that g++ 12 miscompiles.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

namespace mailramp::io {

namespace asio = boost::asio;

template <class T = void>
using Task = boost::asio::awaitable<T>;

using Executor = boost::asio::any_io_executor;

}  // namespace mailramp::io
