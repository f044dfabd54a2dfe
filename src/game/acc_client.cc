#include "game/acc_client.h"

#include <fmt/format.h>

#include <cstring>
#include <utility>

#include "game/acc_messages.h"
#include "game/packed_reader.h"

namespace slipstream::game {
namespace {

constexpr char kRegister = 1;
constexpr char kUnregister = 9;
constexpr char kAskEntries = 10;
constexpr char kAskTrack = 11;
constexpr char kProtocol = 4;

template <typename T>
void append_packed(std::string& out, T value) {
  char bytes[sizeof value];
  std::memcpy(bytes, &value, sizeof value);
  out.append(bytes, sizeof value);
}

void append_text(std::string& out, std::string_view text) {
  append_packed(out, static_cast<std::uint16_t>(text.size()));
  out += text;
}

std::string of_connection(char message, std::int32_t connection) {
  std::string out(1, message);
  append_packed(out, connection);
  return out;
}

}  // namespace

void AccClient::heard(std::string_view datagram, SteadyTime now) {
  if (datagram.empty()) return;
  const auto message = static_cast<AccMessage>(datagram.front());
  if (message < AccMessage::kRegistration || message > AccMessage::kEvent) return;
  heard_at_ = now;
  if (message == AccMessage::kRegistration) return take_result(datagram, now);
  data_at_ = now;
  has_data_ = true;
  refusal_.clear();
  PackedCursor at(datagram, 1);
  if (message == AccMessage::kEntries) {
    take_entries(datagram);
  } else if (message == AccMessage::kTrack) {
    has_track_ = true;
  } else if (message == AccMessage::kEntry) {
    const auto car = at.next<std::uint16_t>();
    if (at.ok()) cars_.set(car);
  } else if (message == AccMessage::kCar) {
    const auto car = at.next<std::uint16_t>();
    if (at.ok() && !cars_.test(car)) has_entries_ = false;
  }
}

void AccClient::take_result(std::string_view datagram, SteadyTime now) {
  PackedCursor at(datagram, 1);
  const auto connection = at.next<std::int32_t>();
  const bool is_taken = at.next<std::uint8_t>() != 0;
  at.next<std::uint8_t>();  // whether commands are taken
  const auto error = at.text();
  if (!at.ok()) return;
  unanswered_ = 0;
  if (!is_taken) {
    // Of a registration that was one too many: what was taken still holds. Where it does not,
    // nothing comes, and that is told.
    if (is_registered_) return;
    refusal_ = error.empty() ? "it does not say why" : acc_text(error);
    refused_at_ = now;
    register_at_ = now + kRefusedNs;
    return;
  }
  refusal_.clear();
  if (is_registered_ && connection == connection_) return;
  // It was asked twice, answered both, and would send everything twice.
  if (is_registered_ && left_.size() < kMostLeft) left_.push_back(connection_);
  is_registered_ = true;
  connection_ = connection;
  has_track_ = has_entries_ = false;
  track_asked_ = entries_asked_ = kNever;
  cars_.reset();
}

void AccClient::take_entries(std::string_view datagram) {
  PackedCursor at(datagram, 1);
  at.next<std::int32_t>();  // connection
  const std::size_t count = at.next<std::uint16_t>();
  std::bitset<65'536> listed;
  for (std::size_t i = 0; i < count && at.ok(); ++i) listed.set(at.next<std::uint16_t>());
  if (!at.ok()) return;
  cars_ &= listed;
  has_entries_ = true;
}

void AccClient::take_due(SteadyTime now, std::vector<std::string>& out) {
  if (is_registered_ && now - heard_at_ >= kSilentNs) {
    out.push_back(unregistration());
    is_registered_ = false;
    register_at_ = now;
    unanswered_ = 0;
  }
  for (const auto connection : left_) out.push_back(of_connection(kUnregister, connection));
  left_.clear();
  if (!is_registered_) {
    if (now < register_at_) return;
    register_at_ = now + (kRegisterNs << unanswered_);
    if (unanswered_ < kMostDoublings) ++unanswered_;
    std::string& message = out.emplace_back(1, kRegister);
    message += kProtocol;
    append_text(message, options_.name);
    append_text(message, options_.password);
    append_packed(message, static_cast<std::int32_t>(options_.interval_ms));
    append_text(message, {});  // the password of commands: none are given
    return;
  }
  if (!has_entries_ && now - entries_asked_ >= kAskNs) {
    entries_asked_ = now;
    out.push_back(of_connection(kAskEntries, connection_));
  }
  if (!has_track_ && now - track_asked_ >= kAskNs) {
    track_asked_ = now;
    out.push_back(of_connection(kAskTrack, connection_));
  }
}

std::string AccClient::unregistration() const {
  return of_connection(kUnregister, connection_);
}

void AccClient::take_farewell(std::vector<std::string>& out) {
  for (const auto connection : left_) out.push_back(of_connection(kUnregister, connection));
  left_.clear();
  if (std::exchange(is_registered_, false)) out.push_back(unregistration());
}

ClientState AccClient::state(SteadyTime now) const {
  if (!refusal_.empty() && now - refused_at_ < kTellRefusedNs) return ClientState::kRefused;
  if (now - data_at_ >= kTellNs) return ClientState::kSilent;
  return has_data_ ? ClientState::kLive : ClientState::kAsking;
}

std::string AccClient::trouble(SteadyTime now) const {
  switch (state(now)) {
    case ClientState::kRefused:
      return fmt::format(
          "Assetto Corsa Competizione at {}:{} refuses the registration: {}. The password of "
          "[[acc]] must be connectionPassword of the game's broadcasting.json",
          options_.host, options_.port, refusal_);
    case ClientState::kSilent:
      if (is_registered_) {
        return fmt::format(
            "Assetto Corsa Competizione at {}:{} has taken the registration and sends nothing: is "
            "a session running?",
            options_.host, options_.port);
      }
      return fmt::format(
          "nothing comes from Assetto Corsa Competizione at {}:{}: is it running, is that "
          "updListenerPort of its broadcasting.json, does its firewall let the port in?",
          options_.host, options_.port);
    default:
      return {};
  }
}

}  // namespace slipstream::game
