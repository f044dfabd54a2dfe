#include "latency_client.h"

#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/websocket.hpp>
#include <chrono>
#include <thread>
#include <vector>

#include "base/iso_time.h"

namespace slipstream::bench {
namespace asio = boost::asio;
namespace beast = boost::beast;

namespace {

using Stream = beast::websocket::stream<asio::ip::tcp::socket>;

void open(Stream& ws, std::uint16_t port) {
  ws.next_layer().connect({asio::ip::address_v4::loopback(), port});
  ws.handshake("localhost", "/ws/realtime");
  ws.read_message_max(0);
}

std::int64_t now_ns() {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  return now.tv_sec * 1'000'000'000 + now.tv_nsec;
}

}  // namespace

DrainingClient::DrainingClient(std::uint16_t port) : pid_(fork()) {
  if (pid_ != 0) return;
  asio::io_context context;
  Stream ws(context);
  open(ws, port);
  std::vector<char> buffer(1 << 20);
  beast::error_code error;
  while (!error) ws.next_layer().read_some(asio::buffer(buffer), error);
  _exit(0);
}
DrainingClient::~DrainingClient() {
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
}

struct LatencyClient::Impl {
  asio::io_context context;
  Stream ws{context};
  std::vector<double> latencies_ms;
  std::atomic<std::int64_t> last_message_ns{0};
  std::thread thread;

  void take(std::string_view text, std::int64_t now) {
    constexpr std::string_view kKey = R"("meta_time":")";
    for (auto at = text.find(kKey); at != std::string_view::npos; at = text.find(kKey, at)) {
      at += kKey.size();
      const auto time = parse_iso_time(text.substr(at, text.find('"', at) - at));
      if (time) latencies_ms.push_back(static_cast<double>(now - *time) * 1e-6);
    }
  }

  void run() {
    beast::flat_buffer buffer;
    beast::error_code error;
    while (true) {
      ws.read(buffer, error);
      if (error) return;
      const std::int64_t now = now_ns();
      const std::string_view text(static_cast<const char*>(buffer.cdata().data()), buffer.size());
      if (text.starts_with(R"({"type":"telemetry_update")")) take(text, now);
      buffer.clear();
      last_message_ns.store(now);
    }
  }
};

LatencyClient::LatencyClient(std::uint16_t port) : impl_(std::make_unique<Impl>()) {
  open(impl_->ws, port);
  impl_->thread = std::thread([this] { impl_->run(); });
}
LatencyClient::~LatencyClient() {
  if (impl_->thread.joinable()) finish();
}

Latency LatencyClient::finish() {
  while (now_ns() - impl_->last_message_ns.load() < 1'500'000'000) {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  beast::error_code ignored;
  impl_->ws.next_layer().shutdown(asio::ip::tcp::socket::shutdown_both, ignored);
  impl_->thread.join();
  auto& all = impl_->latencies_ms;
  if (all.empty()) return {};
  std::ranges::sort(all);
  const auto at = [&](double share) {
    return all[static_cast<std::size_t>(share * static_cast<double>(all.size() - 1))];
  };
  return {at(0.5), at(0.99), all.size()};
}

}  // namespace slipstream::bench
