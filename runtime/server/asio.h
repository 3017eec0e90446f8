//===- asio.h - The parts of Boost that the server uses ---------*- C++ -*-===//
#ifndef GEMCUT_RUNTIME_SERVER_ASIO_H
#define GEMCUT_RUNTIME_SERVER_ASIO_H

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>

namespace gemcut::server {

namespace net = boost::asio;
using boost::system::error_code;
using net::ip::tcp;

} // namespace gemcut::server

#endif // GEMCUT_RUNTIME_SERVER_ASIO_H
