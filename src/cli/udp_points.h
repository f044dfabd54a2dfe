#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "cli/point_sender.h"
#include "cli/udp_check.h"
#include "source/udp_sender.h"

namespace slipstream {

/// A datagram a point. Nobody answers: what became of them is known only where a server is asked.
class UdpPoints final : public PointSender {
 public:
  explicit UdpPoints(UdpSender sender) : sender_(std::move(sender)) {}
  /// `check`: has begun.
  void check_by(std::unique_ptr<UdpCheck> check) { check_ = std::move(check); }

  Result<void> send(std::string_view json) override;
  /// A server counts it apart, and it is not waited for.
  Result<void> send_mark(std::string_view json) override { return sender_.send(json); }
  /// Waits until all have come, or no more do.
  Result<void> flush() override;
  std::uint64_t waiting() const override { return failed_; }
  std::uint64_t refused() const override { return check_ ? check_->refused(sent_) : 0; }
  std::string outcome() const override;

 private:
  UdpSender sender_;
  std::unique_ptr<UdpCheck> check_;
  std::uint64_t sent_ = 0;
  std::uint64_t failed_ = 0;
};

/// Datagrams of several senders, as they are: each sender's from a port of its own, so that
/// whoever gets them keeps the senders apart. Beyond kMostPorts several share one. One thread.
class UdpDatagrams final : public PointSender {
 public:
  static constexpr std::size_t kMostPorts = 64;

  /// Errors: the host is not known.
  static Result<std::unique_ptr<UdpDatagrams>> open(std::string host, std::uint16_t port);
  /// `check`: has begun.
  void check_by(std::unique_ptr<UdpCheck> check) { check_ = std::move(check); }

  /// Whose the next ones are; senders are numbered from 0.
  Result<void> speak_for(std::uint32_t sender);
  Result<void> send(std::string_view datagram) override;
  Result<void> flush() override;
  std::uint64_t waiting() const override { return failed_; }
  std::uint64_t refused() const override { return check_ ? check_->refused(sent_) : 0; }
  std::string outcome() const override;
  std::uint64_t sent() const { return sent_; }

 private:
  UdpDatagrams(std::string host, std::uint16_t port) : host_(std::move(host)), port_(port) {}

  const std::string host_;
  const std::uint16_t port_;
  std::vector<std::unique_ptr<UdpSender>> senders_;
  std::size_t speaker_ = 0;
  std::unique_ptr<UdpCheck> check_;
  std::uint64_t sent_ = 0;
  std::uint64_t failed_ = 0;
};

}  // namespace slipstream
