//===- ConnectionTest.cpp - Requests on real sockets ----------------------===//

#include "runtime/server/connection.h"
#include "runtime/server/request_header.h"

#include "gtest/gtest.h"

#include <thread>

using namespace gemcut;
using namespace gemcut::server;

TEST(RequestTargetTest, TakesTheForms) {
  struct Case {
    const char *target, *authority, *path;
  };
  for (const Case &c : {
           Case{"/", "", "/"},
           {"/health?a=http://b", "", "/health"},
           {"*", "", "*"},
           {"http://localhost:80/a/b?c", "localhost:80", "/a/b"},
           {"HTTPS://[::1]", "[::1]", "/"},
           {"http://a?b/c", "a", "/"},
           {"http:/a", "", "http:/a"},
           {"?x", "", "/"},
       }) {
    RequestTarget target = parseTarget(c.target);
    EXPECT_EQ(target.authority, c.authority) << c.target;
    EXPECT_EQ(target.path, c.path) << c.target;
  }
}

namespace {

/// A connection and its client.
class ConnectionTest : public testing::Test {
protected:
  /// With `isFull`, the client has taken nothing of all that fits into the
  /// socket.
  void connect(bool isFull) {
    tcp::acceptor acceptor(hub.io, tcp::endpoint(tcp::v4(), 0));
    client.connect(
        {net::ip::address_v4::loopback(), acceptor.local_endpoint().port()});
    tcp::socket socket = acceptor.accept();
    socket.non_blocking(true);
    if (isFull)
      fill(socket);
    std::make_shared<Connection>(std::move(socket), hub)->start();
  }

  /// The kernel hands on what it takes, and then takes more, for a short time.
  static void fill(tcp::socket &socket) {
    std::string bytes(1 << 16, 'x');
    for (int quiet = 0; quiet < 5; ++quiet) {
      error_code error;
      while (socket.write_some(net::buffer(bytes), error) > 0)
        quiet = 0;
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
  }

  void send(const std::string &bytes) {
    net::write(client, net::buffer(bytes));
  }

  /// Runs until the connection is gone; false after about 20 s of waiting.
  bool runToEnd() {
    for (int i = 0; i < 200 && !hub.connections.empty(); ++i)
      hub.io.run_one_for(std::chrono::milliseconds(100));
    return hub.connections.empty();
  }

  std::string readAll() {
    std::string bytes;
    error_code error;
    char part[4096];
    while (size_t size = client.read_some(net::buffer(part), error))
      bytes.append(part, size);
    return bytes;
  }

  ModelContext context;
  ServerOptions options;
  Hub hub{context, options};
  tcp::socket client{hub.io};
};

const char kExpecting[] =
    "POST /tokenize HTTP/1.1\r\nHost: localhost\r\nContent-Type: "
    "application/json\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n";

} // namespace

TEST_F(ConnectionTest, ClientsThatSendNoBodyAreTold) {
  options.receiveSeconds = 0.2;
  connect(/*isFull=*/false);
  send(kExpecting);
  ASSERT_TRUE(runToEnd());
  std::string answer = readAll();
  EXPECT_EQ(answer.find("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 408 "), 0u)
      << answer;
}

TEST_F(ConnectionTest, ClientsThatDoNotTake100ContinueAreLeft) {
  options.receiveSeconds = 0.2;
  connect(/*isFull=*/true);
  send(kExpecting);
  ASSERT_TRUE(runToEnd());
  EXPECT_EQ(hub.counters.replies.count(408), 0u);
  EXPECT_EQ(readAll().find_first_not_of('x'), std::string::npos);
}
