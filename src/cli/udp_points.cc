#include "cli/udp_points.h"

#include <utility>

namespace slipstream {
namespace {

constexpr const char* kNobodyAnswers =
    "by UDP nobody answers: --check http://HOST:PORT asks the server what came of them";

}  // namespace

Result<void> UdpPoints::send(std::string_view json) {
  if (auto sent = sender_.send(json); !sent) {
    ++failed_;
    return sent;
  }
  ++sent_;
  return check_ ? check_->after(sent_) : Result<void>{};
}

Result<void> UdpPoints::flush() {
  return check_ ? check_->after_all(sent_) : Result<void>{};
}

std::string UdpPoints::outcome() const {
  return check_ ? check_->outcome(sent_) : kNobodyAnswers;
}

Result<std::unique_ptr<UdpDatagrams>> UdpDatagrams::open(std::string host, std::uint16_t port) {
  std::unique_ptr<UdpDatagrams> datagrams(new UdpDatagrams(std::move(host), port));
  if (auto first = datagrams->speak_for(0); !first) return std::unexpected(first.error());
  return datagrams;
}

Result<void> UdpDatagrams::speak_for(std::uint32_t sender) {
  speaker_ = sender % kMostPorts;
  if (speaker_ >= senders_.size()) senders_.resize(speaker_ + 1);
  if (senders_[speaker_]) return {};
  auto opened = UdpSender::open(host_, port_);
  if (!opened) return std::unexpected(opened.error());
  senders_[speaker_] = std::make_unique<UdpSender>(std::move(*opened));
  return {};
}

Result<void> UdpDatagrams::send(std::string_view datagram) {
  if (auto sent = senders_[speaker_]->send(datagram); !sent) {
    ++failed_;
    return sent;
  }
  ++sent_;
  return check_ ? check_->after(sent_) : Result<void>{};
}

Result<void> UdpDatagrams::flush() {
  return check_ ? check_->after_all(sent_) : Result<void>{};
}

std::string UdpDatagrams::outcome() const {
  return check_ ? check_->outcome(sent_) : kNobodyAnswers;
}

}  // namespace slipstream
