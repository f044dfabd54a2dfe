#include "redis/connection.h"

#include <algorithm>
#include <deque>
#include <utility>
#include <vector>

#include "redis/socket.h"

namespace slipstream {

struct RedisConnection::Impl {
  Impl(RedisAddress where, RedisStats& counters) : address(std::move(where)), stats(counters) {}

  RedisFailure timeout() const {
    return {RedisFailure::Kind::kTimeout, address.text() + ": no answer in time"};
  }
  RedisFailure lose(std::string_view why) {
    if (!is_lost) {
      is_lost = true;
      lost_message = address.text() + ": " + std::string(why);
      for (const auto name : awaited) stats.error[name].add();
      for (const auto name : commands.names()) stats.error[name].add();
      awaited.clear();
      commands.clear();
      unread = {};
      if (is_introduced) stats.losses.add();
      if (auto listener = std::exchange(on_end, nullptr)) listener(lost_message);
    }
    return {RedisFailure::Kind::kLost, lost_message};
  }

  void start_sending() {
    if (commands.empty() || socket->is_writing()) return;
    awaited.insert(awaited.end(), commands.names().begin(), commands.names().end());
    commands.take(socket->outgoing());
    socket->write();
  }

  std::expected<void, RedisFailure> flush(RedisDeadline deadline) {
    while (!is_lost) {
      start_sending();
      if (!socket->is_writing()) return {};
      switch (socket->wait_written(deadline)) {
        case RedisSocket::Wait::kDone:
        case RedisSocket::Wait::kWritten:
          break;
        case RedisSocket::Wait::kTimeout:
          return std::unexpected(timeout());
        case RedisSocket::Wait::kLost:
          return std::unexpected(lose(socket->error()));
      }
    }
    return std::unexpected(lose(""));
  }

  std::expected<ReplyView, RedisFailure> receive(RedisDeadline deadline) {
    if (is_lost) return std::unexpected(lose(""));
    while (true) {
      start_sending();
      switch (reader.next()) {
        case ReplyReader::Status::kReply:
          return take_reply();
        case ReplyReader::Status::kBroken:
          return std::unexpected(lose("no Redis protocol: " + std::string(reader.error())));
        case ReplyReader::Status::kMore:
          break;
      }
      if (unread.empty()) {
        switch (socket->read(deadline, unread, !commands.empty())) {
          case RedisSocket::Wait::kDone:
            break;
          case RedisSocket::Wait::kWritten:
            continue;
          case RedisSocket::Wait::kTimeout:
            return std::unexpected(timeout());
          case RedisSocket::Wait::kLost:
            return std::unexpected(lose(socket->error()));
        }
      }
      const auto slice = unread.substr(0, ReplyReader::kSlice);
      reader.feed(slice);
      unread.remove_prefix(slice.size());
    }
  }

  std::expected<ReplyView, RedisFailure> take_reply() {
    const auto reply = reader.reply();
    if (awaited.empty()) {
      return std::unexpected(lose("a reply to no command: " + std::string(reply.text())));
    }
    (reply.is_error() ? stats.error : stats.ok)[awaited.front()].add();
    awaited.pop_front();
    return reply;
  }

  Result<void> introduce(const RedisConnectionOptions& options, RedisDeadline deadline);

  const RedisAddress address;
  RedisStats& stats;
  std::unique_ptr<RedisSocket> socket;
  CommandBuffer commands;            // queued
  std::deque<std::uint8_t> awaited;  // of each command sent: its index in RedisStats::kNames
  ReplyReader reader;
  std::string_view unread;  // of the socket's last read, not fed to the reader yet
  bool is_introduced = false;
  bool is_lost = false;
  std::string lost_message;
  std::function<void(std::string_view)> on_end;
};

Result<void> RedisConnection::Impl::introduce(const RedisConnectionOptions& options,
                                              RedisDeadline deadline) {
  std::vector<const char*> asked;
  if (address.has_credentials) {
    asked.push_back("AUTH");
    if (address.user.empty()) {
      commands.command({"AUTH", address.password});
    } else {
      commands.command({"AUTH", address.user, address.password});
    }
  }
  if (address.database != 0) {
    asked.push_back("SELECT");
    commands.command({"SELECT", std::to_string(address.database)});
  }
  // Sent even without a name: only an answer shows that there is a server behind the port.
  std::string name = options.name;
  std::replace_if(name.begin(), name.end(), [](char c) { return c < '!' || c > '~'; }, '_');
  commands.command({"CLIENT", "SETNAME", name});

  for (const auto* command : asked) {
    auto reply = receive(deadline);
    if (!reply) return fail(reply.error().message);
    if (reply->is_error()) {
      return fail(address.text() + ": " + command + ": " + std::string(reply->text()));
    }
  }
  auto reply = receive(deadline);
  if (!reply) return fail(reply.error().message);
  const auto text = reply->text();
  const bool may_go_without = text.starts_with("NOPERM") || text.starts_with("ERR unknown");
  if (reply->is_error() && !may_go_without) return fail(address.text() + ": " + std::string(text));
  return {};
}

RedisConnection::RedisConnection(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

RedisConnection::~RedisConnection() {
  if (impl_->on_end) impl_->on_end("");
}

Result<std::unique_ptr<RedisConnection>> RedisConnection::open(
    const RedisAddress& address, const RedisConnectionOptions& options, RedisStats& stats) {
  const auto deadline = redis_deadline_in(std::chrono::milliseconds(options.connect_timeout_ms));
  auto impl = std::make_unique<Impl>(address, stats);
  auto socket = RedisSocket::connect(address, options.tls, deadline);
  if (!socket) {
    stats.connect_failures.add();
    return fail(address.text() + ": " + socket.error().message);
  }
  impl->socket = std::move(*socket);
  if (auto done = impl->introduce(options, deadline); !done) {
    stats.connect_failures.add();
    return std::unexpected(done.error());
  }
  impl->is_introduced = true;
  stats.connects.add();
  return std::unique_ptr<RedisConnection>(new RedisConnection(std::move(impl)));
}

CommandBuffer& RedisConnection::commands() {
  return impl_->commands;
}

std::expected<void, RedisFailure> RedisConnection::flush(RedisDeadline deadline) {
  return impl_->flush(deadline);
}

std::expected<ReplyView, RedisFailure> RedisConnection::receive(RedisDeadline deadline) {
  return impl_->receive(deadline);
}

void RedisConnection::swap_reply(RedisReply& other) {
  impl_->reader.swap_reply(other);
}

std::expected<ReplyView, RedisFailure> RedisConnection::call(
    std::span<const std::string_view> arguments, RedisDeadline deadline) {
  auto& self = *impl_;
  self.commands.command(arguments);
  while (outstanding() > 1) {
    if (auto late = self.receive(deadline); !late) return late;
  }
  return self.receive(deadline);
}

std::size_t RedisConnection::outstanding() const {
  return impl_->awaited.size() + impl_->commands.size();
}

bool RedisConnection::is_open() {
  auto& self = *impl_;
  if (self.is_lost) return false;
  if (!self.unread.empty()) return true;
  const auto wait = self.socket->read(RedisDeadline::min(), self.unread);
  if (wait == RedisSocket::Wait::kLost) self.lose(self.socket->error());
  return !self.is_lost;
}

void RedisConnection::interrupt() {
  impl_->socket->interrupt();
}

const RedisAddress& RedisConnection::address() const {
  return impl_->address;
}

void RedisConnection::on_end(std::function<void(std::string_view)> listener) {
  impl_->on_end = std::move(listener);
}

}  // namespace slipstream
