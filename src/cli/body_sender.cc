#include "cli/body_sender.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <random>
#include <thread>

#include "source/peer_table.h"

namespace slipstream {
namespace {

constexpr std::size_t kMessageBytes = 200;

std::string random_name() {
  std::random_device device;
  return fmt::format("replay-{:08x}{:08x}", device(), device());
}

}  // namespace

BodySender::BodySender(Server server, std::size_t max_bytes)
    : server_(std::move(server)), max_bytes_(max_bytes), run_(random_name()) {}

Result<void> BodySender::send(std::string_view json) {
  if (points_ > 0 && lines_.size() + json.size() >= max_bytes_) {
    if (auto flushed = flush(); !flushed) return flushed;
  }
  if (points_ == 0) first_at_ = std::chrono::steady_clock::now();
  const std::size_t begin = lines_.size();
  lines_ += json;
  // Within JSON it is white space.
  std::replace(lines_.begin() + static_cast<std::ptrdiff_t>(begin), lines_.end(), '\n', ' ');
  lines_ += '\n';
  ++points_;
  const bool is_due = std::chrono::steady_clock::now() >= flush_due();
  return points_ >= kMaxPoints || is_due ? flush() : Result<void>();
}

PointSender::Time BodySender::flush_due() const {
  return points_ == 0 ? Time::max() : first_at_ + kMaxAge;
}

Result<void> BodySender::flush() {
  if (points_ == 0) return {};
  const std::string key = fmt::format("{}-{}", run_, bodies_);
  const auto give_up = std::chrono::steady_clock::now() + kPatience;
  while (true) {
    auto done = exchange(lines_, key);
    if (done) {
      if (done->refused > 0 && refused_ == 0) first_refusal_ = std::move(done->why);
      refused_ += done->refused;
      lines_.clear();
      points_ = 0;
      ++bodies_;
      return {};
    }
    const auto pause = done.error().again_in;
    if (!pause || std::chrono::steady_clock::now() + *pause > give_up) {
      return fail(std::move(done.error().why));
    }
    std::this_thread::sleep_for(*pause);
  }
}

std::string BodySender::message_of(const std::string& answer) {
  simdjson::dom::parser parser;
  simdjson::dom::element said;
  std::string_view message;
  if (parser.parse(answer).get(said) == simdjson::SUCCESS &&
      (said["error"].get(message) == simdjson::SUCCESS ||
       said["message"].get(message) == simdjson::SUCCESS ||
       said["errors"].at(0)["message"].get(message) == simdjson::SUCCESS)) {
    return printable_sample(message, kMessageBytes);
  }
  return printable_sample(answer, kMessageBytes);
}

std::expected<BodySender::Taken, BodySender::Failure> BodySender::taken(
    const std::string& answer) const {
  simdjson::dom::parser parser;
  simdjson::dom::element said;
  Taken taken;
  if (parser.parse(answer).get(said) != simdjson::SUCCESS ||
      said["rejected"].get(taken.refused) != simdjson::SUCCESS) {
    return std::unexpected(Failure{fmt::format("{} is no Slipstream: it answered {}", where(),
                                               printable_sample(answer, kMessageBytes))});
  }
  if (taken.refused > 0) taken.why = message_of(answer);
  return taken;
}

BodySender::Failure BodySender::lost(std::string_view why) const {
  Failure failure{fmt::format("{}: {}", where(), why)};
  if (has_connected_) failure.again_in = kReconnectPause;
  return failure;
}

std::string BodySender::where() const {
  return fmt::format("{}:{}", server_.host, server_.port);
}

}  // namespace slipstream
