#include "source/datagram_buffers.h"

#include <netinet/in.h>
#include <netinet/udp.h>

#include <cstring>

#include "net/endpoint.h"

namespace slipstream {

DatagramBuffers::DatagramBuffers()
    : bytes_(std::make_unique_for_overwrite<char[]>(kMessages * kStride)),
      vectors_(kMessages),
      headers_(kMessages),
      names_(kMessages),
      control_bytes_(kMessages * kControlBytes),
      controls_(kMessages) {
  for (std::size_t i = 0; i < kMessages; ++i) {
    vectors_[i] = {bytes_.get() + i * kStride, kBufferBytes};
    headers_[i].msg_hdr.msg_iov = &vectors_[i];
    headers_[i].msg_hdr.msg_iovlen = 1;
    headers_[i].msg_hdr.msg_name = &names_[i];
    headers_[i].msg_hdr.msg_control = control_bytes_.data() + i * kControlBytes;
  }
}

std::size_t DatagramBuffers::receive(int fd, const Clock& clock) {
  for (auto& header : headers_) {
    header.msg_hdr.msg_namelen = sizeof(sockaddr_storage);
    header.msg_hdr.msg_controllen = kControlBytes;
  }
  dropped_in_all_.reset();
  const int received = recvmmsg(fd, headers_.data(), kMessages, MSG_DONTWAIT, nullptr);
  count_ = received > 0 ? static_cast<std::size_t>(received) : 0;
  if (count_ == 0) return 0;
  received_ = clock.moment();
  for (std::size_t i = 0; i < count_; ++i) controls_[i] = read_control(headers_[i].msg_hdr);
  return count_;
}

DatagramBuffers::Control DatagramBuffers::read_control(msghdr& header) {
  Control control{.arrival = received_.wall};
  for (cmsghdr* c = CMSG_FIRSTHDR(&header); c != nullptr; c = CMSG_NXTHDR(&header, c)) {
    if (c->cmsg_level == SOL_UDP && c->cmsg_type == UDP_GRO) {
      std::uint16_t size;
      std::memcpy(&size, CMSG_DATA(c), sizeof size);
      control.segment_bytes = size;
    } else if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_TIMESTAMPNS) {
      timespec receipt;
      std::memcpy(&receipt, CMSG_DATA(c), sizeof receipt);
      control.arrival = {receipt.tv_sec * kNsPerSecond + receipt.tv_nsec};
    } else if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SO_RXQ_OVFL) {
      std::uint32_t dropped;
      std::memcpy(&dropped, CMSG_DATA(c), sizeof dropped);
      dropped_in_all_ = dropped;
    } else if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
      in_pktinfo to;
      std::memcpy(&to, CMSG_DATA(c), sizeof to);
      // The address it was sent to, and the one of ours by which it came.
      control.is_copy = control.is_copy || to.ipi_addr.s_addr != to.ipi_spec_dst.s_addr;
    } else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
      in6_pktinfo to;
      std::memcpy(&to, CMSG_DATA(c), sizeof to);
      control.is_copy = control.is_copy || IN6_IS_ADDR_MULTICAST(&to.ipi6_addr);
    }
  }
  return control;
}

DatagramBuffers::Message DatagramBuffers::message(std::size_t i) const {
  const auto [address, port] = address_of(names_[i]);
  const std::string_view bytes(bytes_.get() + i * kStride, headers_[i].msg_len);
  const std::size_t segment_bytes = controls_[i].segment_bytes;
  return {.bytes = bytes,
          .segment_bytes = segment_bytes == 0 ? bytes.size() : segment_bytes,
          .arrival = controls_[i].arrival,
          .address = address,
          .port = port,
          .is_copy = controls_[i].is_copy};
}

std::size_t DatagramBuffers::datagrams() const {
  std::size_t sum = 0;
  for (std::size_t i = 0; i < count_; ++i) {
    const std::size_t bytes = headers_[i].msg_len;
    const std::size_t each = controls_[i].segment_bytes;
    sum += each == 0 ? 1 : (bytes + each - 1) / each;
  }
  return sum;
}

}  // namespace slipstream
