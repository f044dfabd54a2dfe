#include "net/spare_descriptor.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <utility>

namespace slipstream {
namespace {

int open_one() {
  return ::open("/dev/null", O_RDONLY | O_CLOEXEC);
}

}  // namespace

bool SpareDescriptor::answer_one(int listener, std::string_view answer) {
  if (descriptor_ < 0) take();
  release();
  const int connection = ::accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (connection >= 0) {
    ::send(connection, answer.data(), answer.size(), MSG_NOSIGNAL);
    ::shutdown(connection, SHUT_WR);
    // Closed with unread bytes it would be reset at once, and the answer might be lost.
    std::array<char, 16'384> request;
    static_cast<void>(::recv(connection, request.data(), request.size(), 0));
    ::close(connection);
  }
  take();
  return connection >= 0;
}

bool SpareDescriptor::is_to_be_had() {
  const int descriptor = open_one();
  if (descriptor >= 0) ::close(descriptor);
  return descriptor >= 0;
}

void SpareDescriptor::take() {
  descriptor_ = open_one();
}

void SpareDescriptor::release() {
  if (descriptor_ >= 0) ::close(std::exchange(descriptor_, -1));
}

}  // namespace slipstream
