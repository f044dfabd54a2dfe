#pragma once
#include <boost/system/error_code.hpp>
#include <cstddef>
#include <expected>
#include <memory>
#include <string_view>

namespace slipstream {

/// Writes to many sockets in one system call, by io_uring: where hundreds of clients get a message,
/// the kernel needs about a fifth less for each than by send(). What does not fit a socket's buffer
/// now is not waited for.
/// Threads: one, that of open().
class SendBatch {
 public:
  /// Who is told how much of its bytes was taken.
  class Sender {
   public:
    /// From within add() or submit(), and adds nothing itself. Errors are the socket's.
    virtual void sent(std::expected<std::size_t, boost::system::error_code> taken) = 0;

   protected:
    ~Sender() = default;
  };

  /// nullptr: the kernel does not offer it to us (before 5.6, or forbidden, as in many containers).
  static std::unique_ptr<SendBatch> open();
  virtual ~SendBatch() = default;

  /// To be written with the next submit(); of kMost it does that itself. Each socket once a batch;
  /// socket, bytes and sender stay until sender.sent().
  virtual void add(int descriptor, std::string_view bytes, Sender& sender) = 0;
  /// All that was added has been told when it returns.
  virtual void submit() = 0;
  /// False: the kernel took no more of what it was given. Those that it did not answer for were
  /// told so as an error, since nobody knows what they got; nothing more is to be added.
  virtual bool is_usable() const = 0;

  /// So many that what was touched in preparing them is still in the cache when they are told.
  static constexpr std::size_t kMost = 256;
};

}  // namespace slipstream
