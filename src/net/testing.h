#pragma once
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>
#include <cstdint>
#include <string>

namespace slipstream::net_testing {

/// A pause that a test waits for, and one that it does not live to see.
inline constexpr std::int64_t kShortMs = 200;
inline constexpr std::int64_t kLongMs = 3'600'000;

/// A connection to a server on loopback, byte by byte. Reads wait for as long as the test may take.
class RawClient {
 public:
  /// `from`: any address of 127.0.0.0/8, each of which is another client to a server.
  explicit RawClient(std::uint16_t port, const std::string& from = "127.0.0.1") {
    socket_.open(boost::asio::ip::tcp::v4());
    socket_.bind({boost::asio::ip::make_address(from), 0});
    connect(port);
  }
  /// Not connected yet.
  RawClient() { socket_.open(boost::asio::ip::tcp::v4()); }

  void connect(std::uint16_t port) {
    socket_.connect({boost::asio::ip::address_v4::loopback(), port});
  }

  /// False where the server has closed.
  bool send(const std::string& text) {
    boost::system::error_code error;
    boost::asio::write(socket_, boost::asio::buffer(text), error);
    return !error;
  }
  /// All that comes until the server closes.
  std::string read_to_end() {
    boost::system::error_code end;
    boost::asio::read(socket_, boost::asio::dynamic_buffer(text_), end);
    return std::exchange(text_, {});
  }
  /// What came up to and with `mark`, and what came with it; all there was where the server closed.
  std::string read_until(const std::string& mark) {
    boost::system::error_code end;
    boost::asio::read_until(socket_, boost::asio::dynamic_buffer(text_), mark, end);
    return std::exchange(text_, {});
  }
  std::string ask(const std::string& text) {
    send(text);
    return read_to_end();
  }
  boost::asio::ip::tcp::socket& socket() { return socket_; }

 private:
  boost::asio::io_context context_;
  boost::asio::ip::tcp::socket socket_{context_};
  std::string text_;
};

/// A whole request without a body, after which the server closes.
inline std::string get(const std::string& target, const std::string& more_headers = "") {
  return "GET " + target + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n" + more_headers +
         "\r\n";
}

}  // namespace slipstream::net_testing
