#include "redis_server.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <sstream>
#include <stdexcept>
#include <thread>

#include "redis/cluster_map.h"
#include "spawn.h"

namespace slipstream::harness {

namespace {

using namespace std::chrono_literals;

constexpr auto kStartLimit = 60s;
constexpr int kStartTries = 10;

/// Nobody listens there now; who binds it next is open.
std::uint16_t free_port() {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  const bool is_bound = bind(fd, reinterpret_cast<sockaddr*>(&address), size) == 0 &&
                        getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) == 0;
  close(fd);
  if (!is_bound) throw std::runtime_error("no free port");
  return ntohs(address.sin_port);
}

std::filesystem::path find_program() {
  const char* path = getenv("PATH");
  std::istringstream folders(path == nullptr ? "" : path);
  for (std::string folder; std::getline(folders, folder, ':');) {
    const auto program = std::filesystem::path(folder) / "redis-server";
    if (access(program.c_str(), X_OK) == 0) return program;
  }
  return {};
}

}  // namespace

void wait_until(std::string_view what, const std::function<bool()>& condition,
                std::chrono::milliseconds limit) {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) {
      throw std::runtime_error(fmt::format("waited in vain: {}", what));
    }
    std::this_thread::sleep_for(5ms);
  }
}

bool RedisServer::is_installed() {
  return !find_program().empty();
}

RedisServer::RedisServer(RedisServerOptions options) : options_(std::move(options)) {
  auto name = (std::filesystem::temp_directory_path() / "slipstream-redis-XXXXXX").string();
  if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary directory");
  directory_ = name;
  if (options_.tls) certificates_ = make_certificates(directory_);
  if (!options_.users.empty()) {
    std::ofstream file(directory_ / "users.acl");
    file << "user default on " << (options_.password.empty() ? "nopass" : ">" + options_.password)
         << " ~* &* +@all\n";
    for (const auto& user : options_.users) file << user << '\n';
  }
  for (int i = 0; i < kStartTries; ++i) {
    port_ = free_port();
    if (options_.tls) tls_port_ = free_port();
    if (options_.cluster_node_timeout_ms != 0) bus_port_ = free_port();
    if (start()) return;
  }
  const auto said = output();
  std::filesystem::remove_all(directory_);
  throw std::runtime_error("redis-server does not start:\n" + said);
}

RedisServer::~RedisServer() {
  connection_.reset();
  end(SIGKILL);
  std::error_code ignored;
  std::filesystem::remove_all(directory_, ignored);
}

std::string RedisServer::url() const {
  return fmt::format("redis://{}127.0.0.1:{}",
                     options_.password.empty() ? "" : ":" + options_.password + "@", port_);
}

std::string RedisServer::unix_url() const {
  return fmt::format("unix://{}{}", options_.password.empty() ? "" : ":" + options_.password + "@",
                     (directory_ / "redis.sock").string());
}

std::string RedisServer::tls_url() const {
  return fmt::format("rediss://{}localhost:{}",
                     options_.password.empty() ? "" : ":" + options_.password + "@", tls_port_);
}

RedisAddress RedisServer::address() const {
  return parse_redis_url(url()).value();
}

RedisReply RedisServer::call(std::initializer_list<std::string_view> arguments) {
  if (!connection_ || !connection_->is_open()) {
    auto opened =
        RedisConnection::open(address(), {.connect_timeout_ms = 20'000, .name = "harness"}, stats_);
    if (!opened) throw std::runtime_error(opened.error().message);
    connection_ = std::move(*opened);
  }
  const auto reply = connection_->call(arguments, redis_deadline_in(30s));
  if (!reply) {
    connection_.reset();
    throw std::runtime_error(reply.error().message);
  }
  return reply->copy();
}

std::string RedisServer::text(std::initializer_list<std::string_view> arguments) {
  return std::string(call(arguments).view().text());
}

void RedisServer::kill9() {
  end(SIGKILL);
}

void RedisServer::stop() {
  end(SIGTERM);
}

void RedisServer::restart() {
  end(SIGTERM);
  // A connection of somebody's may have got our port for a moment.
  wait_until("restart of redis-server", [this] { return start(); }, kStartLimit);
}

void RedisServer::pause() {
  kill(pid_, SIGSTOP);
  int status = 0;
  waitpid(pid_, &status, WUNTRACED);
}

void RedisServer::resume() {
  kill(pid_, SIGCONT);
}

std::string RedisServer::output() const {
  std::ifstream in(directory_ / "output");
  return {std::istreambuf_iterator<char>(in), {}};
}

bool RedisServer::start() {
  connection_.reset();
  launch();
  bool is_up = false;
  wait_until(
      "start of redis-server", [&] { return has_exited() || (is_up = is_ready()); }, kStartLimit);
  if (is_up) return true;
  const auto said = output();
  if (said.find("Address already in use") != std::string::npos) return false;
  throw std::runtime_error("redis-server does not start:\n" + said);
}

void RedisServer::launch() {
  const auto file = [this](const char* name) { return (directory_ / name).string(); };
  // "no": written before it is answered, so that a killed process loses nothing. With "everysec" a
  // write waits, answered, while a sync takes long.
  std::vector<std::string> arguments = {"redis-server",
                                        "--port",
                                        std::to_string(port_),
                                        "--bind",
                                        "127.0.0.1",
                                        "--dir",
                                        directory_,
                                        "--save",
                                        "",
                                        "--appendonly",
                                        options_.append_only ? "yes" : "no",
                                        "--appendfsync",
                                        "no",
                                        "--daemonize",
                                        "no"};
  const auto add = [&](std::initializer_list<std::string> more) {
    arguments.insert(arguments.end(), more);
  };
  if (!options_.users.empty()) {
    add({"--aclfile", file("users.acl")});
  } else if (!options_.password.empty()) {
    add({"--requirepass", options_.password});
  }
  if (options_.unix_socket) add({"--unixsocket", file("redis.sock")});
  if (options_.tls) {
    add({"--tls-port", std::to_string(tls_port_), "--tls-cert-file", certificates_.certificate,
         "--tls-key-file", certificates_.key, "--tls-ca-cert-file", certificates_.ca,
         "--tls-auth-clients", "no"});
  }
  if (!options_.max_memory.empty()) add({"--maxmemory", options_.max_memory});
  if (options_.cluster_node_timeout_ms != 0) {
    // Without the pauses that spare large installations. A replica is not listed among the slots
    // before its master has sent it something: a ping does.
    add({"--cluster-enabled", "yes", "--cluster-config-file", "nodes.conf", "--cluster-port",
         std::to_string(bus_port_), "--cluster-node-timeout",
         std::to_string(options_.cluster_node_timeout_ms), "--cluster-replica-validity-factor", "0",
         "--repl-diskless-sync-delay", "0", "--repl-ping-replica-period", "1"});
  }
  arguments.insert(arguments.end(), options_.arguments.begin(), options_.arguments.end());
  pid_ = spawn(
      {.program = find_program(), .arguments = std::move(arguments), .output = file("output")});
}

bool RedisServer::is_ready() {
  // Who answers on the port need not be ours: another one's may have been quicker.
  try {
    const auto pong = call({"PING"});
    if (pong.view().is_error()) return false;
    return text({"INFO", "server"}).find(fmt::format("process_id:{}\r", pid_)) != std::string::npos;
  } catch (const std::runtime_error&) {
    return false;
  }
}

bool RedisServer::has_exited() {
  int status = 0;
  if (pid_ == 0 || waitpid(pid_, &status, WNOHANG) != pid_) return pid_ == 0;
  pid_ = 0;
  return true;
}

void RedisServer::end(int signal) {
  if (pid_ <= 0) return;
  kill(pid_, signal);
  if (signal != SIGKILL) kill(pid_, SIGCONT);
  int status = 0;
  waitpid(pid_, &status, 0);
  pid_ = 0;
}

RedisCluster::RedisCluster(int node_timeout_ms) {
  for (std::size_t i = 0; i < 2 * kMasters; ++i) {
    nodes_.push_back(std::make_unique<RedisServer>(
        RedisServerOptions{.append_only = true, .cluster_node_timeout_ms = node_timeout_ms}));
  }
  const auto ask = [this](std::size_t i, std::initializer_list<std::string_view> arguments) {
    const auto reply = node(i).call(arguments);
    if (!reply.view().is_error()) return;
    throw std::runtime_error("cluster: " + std::string(reply.view().text()));
  };
  for (std::size_t i = 0; i < size(); ++i) {
    ask(i, {"CLUSTER", "SET-CONFIG-EPOCH", std::to_string(i + 1)});
    if (i < kMasters) {
      ask(i, {"CLUSTER", "ADDSLOTSRANGE", std::to_string(kRedisSlots * i / kMasters),
              std::to_string(kRedisSlots * (i + 1) / kMasters - 1)});
    }
    // Each with each: gossip would take its time.
    for (std::size_t other = 0; other < i; ++other) {
      ask(i, {"CLUSTER", "MEET", "127.0.0.1", std::to_string(node(other).port()),
              std::to_string(node(other).bus_port())});
    }
  }
  const auto known = fmt::format("cluster_known_nodes:{}\r", size());
  for (std::size_t i = 0; i < size(); ++i) {
    wait_until("nodes of the cluster know each other",
               [&] { return node(i).text({"CLUSTER", "INFO"}).find(known) != std::string::npos; });
  }
  for (std::size_t i = kMasters; i < size(); ++i) {
    // Not before the node has heard of its master by name.
    wait_until("replicas follow their masters", [&] {
      return !node(i).call({"CLUSTER", "REPLICATE", id_of(i - kMasters)}).view().is_error();
    });
  }
  wait_until_healthy();
}

void RedisCluster::wait_until_healthy() {
  for (std::size_t i = 0; i < size(); ++i) {
    wait_until("cluster is healthy", [&] {
      if (node(i).text({"CLUSTER", "INFO"}).find("cluster_state:ok") == std::string::npos) {
        return false;
      }
      const auto replication = node(i).text({"INFO", "replication"});
      if (replication.find("role:slave") != std::string::npos &&
          replication.find("master_link_status:up") == std::string::npos) {
        return false;
      }
      const auto slots = node(i).call({"CLUSTER", "SLOTS"});
      if (slots.view().size() != kMasters) return false;
      for (std::size_t range = 0; range < kMasters; ++range) {
        if (slots.view()[range].size() != 4) return false;  // from, to, master, replica
      }
      return true;
    });
  }
}

std::size_t RedisCluster::master_of(std::string_view key, std::size_t asked) {
  const auto slots = node(asked).call({"CLUSTER", "SLOTS"});
  const auto map = ClusterMap::parse(slots.view(), "127.0.0.1").value();
  const auto* master = map.master_of(redis_slot(key));
  for (std::size_t i = 0; master != nullptr && i < size(); ++i) {
    if (node(i).port() == master->port) return i;
  }
  throw std::runtime_error("no node serves " + std::string(key));
}

std::string RedisCluster::urls() const {
  std::string out;
  for (const auto& node : nodes_) out += (out.empty() ? "" : ",") + node->url();
  return out;
}

}  // namespace slipstream::harness
