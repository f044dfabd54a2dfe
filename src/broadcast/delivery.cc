#include "broadcast/delivery.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace slipstream {

bool Delivery::sample(Client& client, Channel channel, const FramePtr& frame) {
  WsSession& session = *client.session;
  if (!session.is_open()) return false;
  const std::size_t bytes = frame->plain().size();
  const auto fits = [&] {
    // One message always does: else a large one would never go.
    const std::size_t unsent = session.unsent_bytes(WsLane::kSamples);
    return unsent == 0 || unsent + bytes <= options_.max_sample_bytes;
  };
  if (!client.conflating && !fits()) session.flush();
  if (!client.conflating && fits()) {
    tell_gap(client);
    session.send(frame, WsLane::kSamples);
    touch(client);
    stats_.messages_sent[index(channel)].add();
    return true;
  }
  const Policy policy = client.subscription.policy;
  stats_.messages_skipped[index(policy)].add();
  const bool was_behind = client.is_behind();
  switch (policy) {
    case Policy::kSkip:
      ++client.missed;
      break;
    case Policy::kConflate:
      client.conflating = true;
      if (channel != Channel::kTelemetry) client.newest[index(channel)] = frame;
      break;
    case Policy::kDisconnect:
      session.close(WsClose::kTryAgainLater, "too slow: its buffer is full");
      break;
  }
  if (client.is_behind() && !was_behind) ++behind_;
  return false;
}

void Delivery::send_event(Client& client, const FramePtr& frame) {
  WsSession& session = *client.session;
  if (!session.is_open()) return;
  const std::size_t bytes = frame->plain().size();
  const auto fits = [&] {
    const std::size_t unsent = session.unsent_bytes(WsLane::kEvents);
    return unsent == 0 || unsent + bytes <= options_.max_event_bytes;
  };
  if (!fits()) session.flush();
  if (!fits()) {
    stats_.clients_too_far_behind.add();
    session.close(WsClose::kTryAgainLater, "too far behind: resume from the last cursor");
    return;
  }
  session.send(frame, WsLane::kEvents);
  touch(client);
}

void Delivery::send_event(Client& client, Channel channel, const FramePtr& frame) {
  send_event(client, frame);
  if (client.session->is_open()) stats_.messages_sent[index(channel)].add();
}

bool Delivery::has_room_for_event(const Client& client) const {
  return client.session->unsent_bytes(WsLane::kEvents) < options_.max_event_bytes / 4;
}

bool Delivery::catch_up(Client& client, const FramePtr& newest, bool is_complete) {
  if (!client.conflating) return false;
  client.conflating = false;
  --behind_;
  if (!is_complete) client.missed = 1;
  if (client.missed > 0) ++behind_;  // until it is told
  const bool is_sent = !newest || sample(client, Channel::kTelemetry, newest);
  for (std::size_t c = 0; c < kChannelCount; ++c) {
    if (const auto frame = std::exchange(client.newest[c], nullptr)) {
      sample(client, static_cast<Channel>(c), frame);
    }
  }
  return is_sent;
}

void Delivery::tell_gap(Client& client) {
  if (client.missed == 0) return;
  const auto missed = std::exchange(client.missed, 0);
  --behind_;
  send_event(client, Frame::text(fmt::format(R"({{"type":"gap","missed":{}}})", missed)));
}

void Delivery::touch(Client& client) {
  if (eager_) return write(client);
  if (std::exchange(client.touched, true)) return;
  touched_.push_back(&client);
}

void Delivery::write(Client& client) {
  if (batch_in_use_ != nullptr) return client.session->flush(*batch_in_use_);
  client.session->flush();
}

void Delivery::begin_writing(std::size_t clients) {
  if (!options_.batches || clients < options_.least_batch) return;
  if (!batch_) batch_ = SendBatch::open();
  if (*batch_ && !(*batch_)->is_usable()) batch_->reset();
  batch_in_use_ = batch_->get();
}

void Delivery::end_writing() {
  if (auto* const batch = std::exchange(batch_in_use_, nullptr)) batch->submit();
}

void Delivery::flush() {
  begin_writing(touched_.size());
  for (Client* const client : touched_) {
    client->touched = false;
    write(*client);
  }
  touched_.clear();
  end_writing();
}

void Delivery::forget(Client& client) {
  if (client.is_behind()) --behind_;
  std::erase(touched_, &client);
}

}  // namespace slipstream
