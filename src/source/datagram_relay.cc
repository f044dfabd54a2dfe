#include "source/datagram_relay.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace slipstream {
namespace {

constexpr std::size_t kMostAtOnce = 1'024;  ///< that the kernel takes by one call
constexpr int kSendBufferBytes = 1 << 20;   ///< as far as the system gives it

RelayDrop drop_of(int error_number) {
  switch (error_number) {
    case EAGAIN:
    case ENOBUFS:
    case ENOMEM:
      return RelayDrop::kFull;
    case EMSGSIZE:
      return RelayDrop::kTooLarge;
    default:
      return RelayDrop::kUnreachable;
  }
}

}  // namespace

DatagramRelay::DatagramRelay(std::span<const std::unique_ptr<RelayTarget>> targets,
                             const AddressList& allow)
    : allow_(allow) {
  for (const auto& target : targets) lines_.push_back({.target = target.get()});
}

DatagramRelay::~DatagramRelay() {
  for (Line& line : lines_) close(line);
}

bool DatagramRelay::is_eager(SteadyTime now) const {
  return std::ranges::any_of(lines_,
                             [now](const Line& line) { return !line.target->is_at_limit(now); });
}

void DatagramRelay::send(const DatagramBuffers& received) {
  if (lines_.empty()) return;
  datagrams_.clear();
  for (std::size_t i = 0; i < received.count(); ++i) {
    const auto message = received.message(i);
    if (message.is_copy || (!allow_.empty() && !allow_.contains(message.address))) continue;
    for_each_datagram(message, [&](std::string_view datagram) {
      datagrams_.push_back({const_cast<char*>(datagram.data()), datagram.size()});
    });
  }
  if (datagrams_.empty()) return;
  if (headers_.size() < datagrams_.size()) headers_.resize(datagrams_.size());
  for (std::size_t i = 0; i < datagrams_.size(); ++i) {
    headers_[i] = {};
    headers_[i].msg_hdr.msg_iov = &datagrams_[i];
    headers_[i].msg_hdr.msg_iovlen = 1;
  }
  for (Line& line : lines_) send_to(line, received.received_at());
}

void DatagramRelay::send_to(Line& line, SteadyTime now) {
  const std::size_t count = line.target->admit(datagrams_.size(), now);
  if (count == 0) return;
  if (line.fd < 0 && !open(line, now)) {
    const bool is_known = line.target->endpoint().has_value();
    line.target->dropped(is_known ? RelayDrop::kUnreachable : RelayDrop::kUnresolved, count, now);
    return;
  }
  bool is_counted = false;  // the next one's place has the loss of one that was sent before
  for (std::size_t next = 0; next < count;) {
    const auto most = static_cast<unsigned>(std::min(count - next, kMostAtOnce));
    const int sent = sendmmsg(line.fd, headers_.data() + next, most, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent > 0) {
      line.target->sent(static_cast<std::size_t>(sent) - (is_counted ? 1 : 0));
      next += static_cast<std::size_t>(sent);
      is_counted = false;
    } else if (sent < 0 && errno == ECONNREFUSED) {
      // The answer to an earlier one, which was counted as sent: this one is sent once more, and is
      // counted as that one was to be.
      if (!is_counted) line.target->dropped(RelayDrop::kRefused, 1, now);
      next += is_counted ? 1 : 0;
      is_counted = !is_counted;
    } else if (sent == 0 || errno != EINTR) {
      next += failed(line, errno, count - next, is_counted ? 1 : 0, now);
      is_counted = false;
    }
  }
}

/// The first of `left` could not be sent; so many of them are counted already. How many of them are
/// dropped.
std::size_t DatagramRelay::failed(Line& line, int error_number, std::size_t left,
                                  std::size_t counted, SteadyTime now) {
  const RelayDrop why = drop_of(error_number);
  // One too large says nothing of those behind it.
  const std::size_t dropped = why == RelayDrop::kTooLarge ? 1 : left;
  if (dropped > counted) line.target->dropped(why, dropped - counted, now);
  if (why == RelayDrop::kUnreachable) close(line);
  return dropped;
}

bool DatagramRelay::open(Line& line, SteadyTime now) {
  if (now - line.opened_at < kReopenNs) return false;
  const auto to = line.target->endpoint();
  if (!to) return false;
  line.opened_at = now;
  line.fd = ::socket(to->name.ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (line.fd < 0) return false;
  const int on = 1;
  setsockopt(line.fd, SOL_SOCKET, SO_BROADCAST, &on, sizeof on);
  setsockopt(line.fd, SOL_SOCKET, SO_SNDBUF, &kSendBufferBytes, sizeof kSendBufferBytes);
  if (connect(line.fd, reinterpret_cast<const sockaddr*>(&to->name), to->name_size) == 0)
    return true;
  close(line);
  return false;
}

void DatagramRelay::close(Line& line) {
  if (line.fd >= 0) ::close(line.fd);
  line.fd = -1;
}

}  // namespace slipstream
