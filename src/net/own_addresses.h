#pragma once
#include <string>
#include <vector>

#include "net/address.h"
#include "net/endpoint.h"

namespace slipstream {

/// A UDP port that somebody here listens at. An empty host: all addresses.
struct ListeningPort {
  std::string host;
  std::uint16_t port = 0;
};

/// Which datagrams that this machine sends come back to it: those to its own addresses, and those
/// to a network or a group, which it may be one of. As it was when it was asked; immutable.
class OwnAddresses {
 public:
  /// Of the machine. Where the system does not tell them: those that every machine has.
  static OwnAddresses now();

  bool contains(const Address& address) const;
  /// Asks the kernel how it would send there, and sends nothing: whether that is one of its own
  /// addresses, or everybody's on a network, also where only its routes say so (an interface with
  /// several networks, a range that is routed to here).
  static bool kernel_knows(const Endpoint& to);
  /// A group, or everybody on a network; asks the kernel likewise.
  static bool is_of_many(const Endpoint& to);
  /// Whether what is sent there comes to whoever listens so.
  bool is_heard(const Endpoint& to, const ListeningPort& at) const;

 private:
  std::vector<Address> addresses_;
};

}  // namespace slipstream
