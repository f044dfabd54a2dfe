#include "net/http_server.h"

#include <fmt/format.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <list>

#include "net/answer_head.h"
#include "net/http_connection.h"
#include "net/spare_descriptor.h"
#include "net/tls_stream.h"
#include "net/turned_away.h"
#include "net/ws_handshake.h"

namespace slipstream {
namespace asio = boost::asio;
using asio::ip::tcp;

namespace {
constexpr std::chrono::milliseconds kAcceptRetry{100};
constexpr int kStarvedAnswers = 64;       // to waiting connections, each time that is looked at
constexpr std::size_t kSweepEvery = 256;  // connections accepted between looks for ended ones
}  // namespace

struct HttpServer::Impl : std::enable_shared_from_this<HttpServer::Impl> {
  Impl(asio::io_context& context, HttpServerOptions options)
      : acceptor(context),
        retry(context),
        service(std::make_shared<HttpService>(std::move(options))) {}

  Result<void> listen() {
    const auto& options = service->options;
    const auto where = fmt::format("http://{}:{}", options.listen, options.port);
    boost::system::error_code error;
    const auto address = asio::ip::make_address(options.listen, error);
    if (error) return fail(fmt::format("{}: '{}' is no IP address", where, options.listen));
    const tcp::endpoint endpoint(address, options.port);
    const auto failed = [&] { return fail(fmt::format("{}: {}", where, error.message())); };
    acceptor.open(endpoint.protocol(), error);
    if (error) return failed();
    acceptor.set_option(asio::socket_base::reuse_address(true), error);
    if (error) return failed();
    acceptor.bind(endpoint, error);
    if (error) return failed();
    acceptor.listen(asio::socket_base::max_listen_connections, error);
    if (error) return failed();
    acceptor.native_non_blocking(true, error);
    if (error) return failed();
    port = acceptor.local_endpoint(error).port();
    return {};
  }

  void accept() {
    acceptor.async_accept(
        [self = shared_from_this()](boost::system::error_code error, tcp::socket socket) {
          if (!self->acceptor.is_open()) return;
          if (error) return self->recover(error);
          self->take(std::move(socket));
          self->accept();
        });
  }

  /// What is open goes on, and may end and give back what lacks.
  void recover(boost::system::error_code error) {
    starved.set(error == boost::system::errc::too_many_files_open ||
                error == boost::system::errc::too_many_files_open_in_system);
    if (is_starved()) answer_starved();
    retry.expires_after(kAcceptRetry);
    retry.async_wait([self = shared_from_this(), error](boost::system::error_code stopped) {
      if (stopped || !self->acceptor.is_open()) return;
      if (self->is_starved() && !SpareDescriptor::is_to_be_had()) return self->recover(error);
      self->starved.set(0);
      self->accept();
    });
  }
  bool is_starved() const { return starved.value() != 0; }

  /// Those who wait to be accepted are told, each by the one descriptor that is kept for that. An
  /// idle connection gives its own back to whoever needs it more.
  void answer_starved() {
    make_room();
    const std::string answer = service->tls ? std::string{} : no_room_answer();
    for (int i = 0; i < kStarvedAnswers; ++i) {
      if (!spare.answer_one(acceptor.native_handle(), answer)) return;
      service->guard.stats().no_descriptors.add();
    }
  }

  void take(tcp::socket socket) {
    boost::system::error_code error;
    const auto peer = socket.remote_endpoint(error);
    if (error) return;  // gone already
    const auto text = peer.address().to_string();
    const auto address = parse_address(text.substr(0, text.find('%')));  // without its interface
    if (!address) return;
    if (service->connections.value() >= service->options.max_connections && !make_room()) {
      service->guard.stats().server_full.add();
      return refuse(std::move(socket));
    }
    if (!service->guard.open(*address, std::chrono::steady_clock::now())) {
      return refuse(std::move(socket));
    }
    service->connections.add(1);
    if (++accepted % kSweepEvery == 0) {
      connections.remove_if([](const auto& connection) { return connection.expired(); });
    }
    socket.set_option(tcp::no_delay(true), error);
    const int descriptor = socket.native_handle();
    auto stream = service->tls ? make_tls_stream(std::move(socket), *service->tls,
                                                 service->guard.stats().handshakes_failed)
                               : make_tcp_stream(std::move(socket));
    auto connection =
        std::make_shared<HttpConnection>(std::move(stream), descriptor, *address, service);
    connections.push_back(connection);
    connection->start();
  }

  /// Whoever only waits gives its place to who comes: idle connections cannot keep others out.
  bool make_room() {
    if (service->waiting.empty()) return false;
    service->guard.stats().made_room.add();
    service->waiting.front()->close();
    return true;
  }

  bool is_full() const {
    return service->connections.value() >= service->options.max_connections &&
           service->waiting.empty();
  }

  std::string no_room_answer() const {
    auto response = error_response(503, "too many connections");
    response.headers.emplace_back("Retry-After", "1");
    return answer_head(response, {.server_name = service->options.server_name}) + response.body;
  }

  void refuse(tcp::socket socket) const {
    if (service->tls) return;
    std::string answer = no_room_answer();
    auto stream = make_tcp_stream(std::move(socket));
    const iovec piece{answer.data(), answer.size()};
    // A new connection's buffer takes all of it.
    if (!stream->try_write({&piece, 1}) ||
        service->turned_away >= service->options.max_turned_away) {
      return;
    }
    std::make_shared<TurnedAway>(std::move(stream), service)->linger();
  }

  void stop_accepting() {
    service->stopping = true;
    boost::system::error_code ignored;
    acceptor.close(ignored);
    retry.cancel();
    for (const auto& weak : connections) {
      if (const auto connection = weak.lock()) connection->stop();
    }
    connections.clear();
  }

  tcp::acceptor acceptor;
  asio::steady_timer retry;
  SpareDescriptor spare;
  Gauge starved;
  std::shared_ptr<HttpService> service;
  std::list<std::weak_ptr<HttpConnection>> connections;
  std::size_t accepted = 0;
  std::uint16_t port = 0;
};

HttpServer::HttpServer(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}
HttpServer::~HttpServer() = default;

Result<std::unique_ptr<HttpServer>> HttpServer::open(IoThread& io, HttpServerOptions options) {
  auto impl = std::make_shared<Impl>(io.context(), std::move(options));
  if (auto listening = impl->listen(); !listening) return std::unexpected(listening.error());
  return std::unique_ptr<HttpServer>(new HttpServer(std::move(impl)));
}

void HttpServer::route(std::string method, std::string pattern, HttpHandler handler,
                       RouteOptions options) {
  impl_->service->router.add(std::move(method), std::move(pattern), std::move(handler),
                             std::move(options));
}

void HttpServer::websocket(std::string path,
                           std::function<void(std::shared_ptr<WsSession>)> on_open,
                           std::string subprotocol) {
  route("GET", path,
        [](const HttpRequest&, const HttpResponder& respond) {
          respond(upgrade_required("this path is for WebSockets"));
        },
        {.scope = Scope::kRead, .parameters = {.passes_over_others = true}});
  impl_->service->websockets[std::move(path)] = {std::move(subprotocol), std::move(on_open)};
}

std::vector<RouteInfo> HttpServer::route_infos() const {
  auto infos = impl_->service->router.route_infos();
  for (RouteInfo& info : infos) {
    info.is_websocket = impl_->service->websockets.contains(info.path);
  }
  return infos;
}

void HttpServer::start() {
  asio::post(impl_->acceptor.get_executor(), [impl = impl_] { impl->accept(); });
}

void HttpServer::stop_accepting() {
  asio::post(impl_->acceptor.get_executor(), [impl = impl_] { impl->stop_accepting(); });
}

void HttpServer::use_certificate(std::shared_ptr<const TlsContext> tls) {
  asio::post(impl_->acceptor.get_executor(), [impl = impl_, tls = std::move(tls)]() mutable {
    if (impl->service->tls) impl->service->tls = std::move(tls);
  });
}

std::uint16_t HttpServer::port() const {
  return impl_->port;
}
const Gauge& HttpServer::connections() const {
  return impl_->service->connections;
}
bool HttpServer::is_full() const {
  return impl_->is_full();
}
bool HttpServer::is_starved() const {
  return impl_->is_starved();
}
const HttpGuardStats& HttpServer::guard_stats() const {
  return impl_->service->guard.stats();
}

}  // namespace slipstream
