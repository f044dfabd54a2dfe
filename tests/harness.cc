#include "harness.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/buffers_to_string.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/websocket.hpp>
#include <fstream>
#include <thread>

#include "app/topology.h"
#include "ops/logging.h"

namespace slipstream::harness {
namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http_ = boost::beast::http;
using asio::ip::tcp;

namespace {
tcp::endpoint loopback(std::uint16_t port) {
  return {asio::ip::address_v4::loopback(), port};
}
}  // namespace

TemporaryDirectory::TemporaryDirectory() {
  std::string name = (std::filesystem::temp_directory_path() / "slipstream-test-XXXXXX").string();
  if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary directory");
  path_ = name;
}
TemporaryDirectory::~TemporaryDirectory() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

Server::Server(std::initializer_list<std::pair<const std::string, std::string>> environment,
               const std::string& file)
    : Server(std::map<std::string, std::string>(environment), file) {}

Server::Server(std::map<std::string, std::string> environment, const std::string& file) {
  // As the program does: before there are threads that log.
  [[maybe_unused]] static const bool is_logging = start_logging("info", "text").has_value();
  environment.try_emplace("PORT", "0");
  environment.try_emplace("UDP_PORT", "0");
  environment.try_emplace("UDP_HOST", "127.0.0.1");
  environment.try_emplace("DATA_DIR", directory_.path().string());
  environment.try_emplace("METRICS_INTERVAL", "0");
  std::optional<std::filesystem::path> path;
  if (!file.empty()) {
    path = directory_.path() / "slipstream.toml";
    std::ofstream(*path) << file;
  }
  auto config = load_config(path, [&](const std::string& name) {
    const auto found = environment.find(name);
    return found == environment.end() ? std::nullopt : std::optional(found->second);
  });
  if (!config) throw std::runtime_error(config.error().front().message);
  auto started = Topology::start(*config);
  if (!started) throw std::runtime_error(started.error().message);
  topology_ = std::move(*started);
}
Server::~Server() = default;

std::uint16_t Server::port() const {
  return topology_->port();
}
std::uint16_t Server::udp_port() const {
  return topology_->udp_port();
}
const ComponentList& Server::components() const {
  return topology_->components();
}
const IngestStats& Server::ingest() const {
  return topology_->ingest();
}
void Server::reload() {
  topology_->reload();
}
bool Server::stop() {
  return topology_->stop();
}

HttpAnswer http(std::uint16_t port, const std::string& method, const std::string& target,
                const std::string& body, const Headers& headers) {
  asio::io_context context;
  beast::tcp_stream stream(context);
  stream.expires_after(std::chrono::seconds(30));
  stream.connect(loopback(port));
  http_::request<http_::string_body> request{http_::verb::unknown, target, 11};
  request.method_string(method);
  request.set(http_::field::host, "127.0.0.1");
  for (const auto& [name, value] : headers) request.insert(name, value);
  request.body() = body;
  request.prepare_payload();
  http_::write(stream, request);
  beast::flat_buffer buffer;
  http_::response_parser<http_::string_body> parser;
  parser.body_limit(std::uint64_t{1} << 30);
  if (method == "HEAD") parser.skip(true);
  http_::read(stream, buffer, parser);
  HttpAnswer answer{parser.get().result_int(), parser.get().body(), {}};
  for (const auto& field : parser.get()) {
    std::string name(field.name_string());
    for (auto& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    answer.headers[name] = std::string(field.value());
  }
  return answer;
}

struct WebSocketClient::Impl {
  asio::io_context context;
  beast::websocket::stream<beast::tcp_stream> ws{context};
  beast::flat_buffer buffer;
  bool reading = false;
  std::optional<beast::error_code> done;
};

WebSocketClient::WebSocketClient(std::uint16_t port, const std::string& path)
    : impl_(std::make_unique<Impl>()) {
  beast::get_lowest_layer(impl_->ws).connect(loopback(port));
  impl_->ws.read_message_max(std::size_t{64} << 20);
  impl_->ws.handshake("127.0.0.1", path);
}
WebSocketClient::~WebSocketClient() = default;

std::optional<std::string> WebSocketClient::read(std::chrono::milliseconds limit) {
  Impl& i = *impl_;
  if (!i.reading) {
    i.reading = true;
    i.done.reset();
    i.ws.async_read(i.buffer, [&i](beast::error_code error, std::size_t) { i.done = error; });
  }
  i.context.restart();
  const auto deadline = std::chrono::steady_clock::now() + limit;
  while (!i.done && i.context.run_one_until(deadline) > 0) {
  }
  if (!i.done) return std::nullopt;
  i.reading = false;
  if (*i.done) return std::nullopt;
  std::string text = beast::buffers_to_string(i.buffer.data());
  i.buffer.clear();
  return text;
}

std::string WebSocketClient::read_until(const std::string& text) {
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (std::chrono::steady_clock::now() < deadline) {
    const auto message = read();
    if (!message) break;
    if (message->find(text) != std::string::npos) return *message;
  }
  ADD_FAILURE() << "no message with " << text;
  return {};
}

void WebSocketClient::send(const std::string& text) {
  impl_->ws.write(asio::buffer(text));
}

unsigned WebSocketClient::closed_with() {
  while (read()) {
  }
  return impl_->ws.reason().code;
}

bool eventually(const std::function<bool()>& condition, std::chrono::milliseconds limit) {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return true;
}

std::size_t rollups_of(std::uint16_t port, const std::string& window) {
  const auto page = http(port, "GET", "/api/rollups?limit=1000&window=" + window).body;
  std::size_t count = 0;
  for (auto at = page.find("\"window_id\""); at != page.npos;
       at = page.find("\"window_id\"", at + 1)) {
    ++count;
  }
  return count;
}

double metric(std::uint16_t port, const std::string& sample) {
  const std::string text = "\n" + http(port, "GET", "/metrics").body;
  const auto at = text.find("\n" + sample + " ");
  return at == std::string::npos ? 0 : std::stod(text.substr(at + sample.size() + 2));
}

std::optional<std::filesystem::path> test_data(const std::string& file) {
  const char* given = std::getenv("SLIPSTREAM_TEST_DATA");
  const std::filesystem::path folder =
      given != nullptr ? std::filesystem::path(given)
                       : std::filesystem::path(SLIPSTREAM_SOURCE_DIR) / ".." / "shared" / "data";
  if (!std::filesystem::exists(folder / file)) return std::nullopt;
  return folder / file;
}

}  // namespace slipstream::harness
