#pragma once
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "base/backoff.h"
#include "base/error.h"
#include "net/http_client.h"
#include "tracing/tracer.h"

namespace slipstream {

/// Ends waits of another thread. Any thread.
class StopSignal {
 public:
  void stop() {
    const std::lock_guard lock(mutex_);
    is_stopped_ = true;
    changed_.notify_all();
  }
  bool is_stopped() const {
    const std::lock_guard lock(mutex_);
    return is_stopped_;
  }
  /// False: it was stopped.
  bool sleep(std::chrono::milliseconds time) {
    std::unique_lock lock(mutex_);
    return !changed_.wait_for(lock, time, [this] { return is_stopped_; });
  }

 private:
  mutable std::mutex mutex_;  // guards is_stopped_
  std::condition_variable changed_;
  bool is_stopped_ = false;
};

/// What became of a body.
struct DeliveryResult {
  enum class Outcome : std::uint8_t {
    kTaken,
    kTooLarge,  ///< nothing of it was taken: it is to be sent in smaller ones
    kStopped,   ///< nobody knows
    kGaveUp,    ///< nobody knows
    kRefused,   ///< not this body but all: a token, an address, a setting has to be mended
  };
  Outcome outcome = Outcome::kTaken;
  std::uint64_t refused = 0;  ///< of its points and marks
  std::string why = {};
};

/// Brings bodies of points to another server, each until it has answered for it: under a key, so
/// that one whose answer was lost counts once. Asks for `fsynced`, so that what was answered for
/// outlives that server. One thread; interrupt() of the client's StopSignal from any.
class BodyDelivery {
 public:
  struct Options {
    HttpUrl url;
    std::string token = {};  ///< empty: it asks for none
    std::filesystem::path ca_file = {};
    bool compress = false;
    std::string instance = {};  ///< whose log it is; that server is refused as a target
    Tracer* tracer = nullptr;   ///< nullptr: nothing is traced; it outlives the delivery
    /// How long one body is tried; 0: for ever.
    std::chrono::milliseconds patience{0};
  };

  static Result<std::unique_ptr<BodyDelivery>> make(Options options, StopSignal& stop);

  /// `lines`: NDJSON of so many points and marks.
  DeliveryResult deliver(std::string_view lines, std::size_t items, const std::string& key);
  /// Whether the last body took more than one try, so that much may have come meanwhile.
  bool was_held_up() const { return tries_ > 1; }
  /// Of the last body: its last try, from the first byte to the answer.
  std::chrono::milliseconds took() const { return took_; }
  /// Ends what is under way; after StopSignal::stop(). Any thread.
  void interrupt() { http_->interrupt(); }
  const std::string& server() const { return server_; }

 private:
  BodyDelivery(Options options, std::unique_ptr<HttpClient> http, StopSignal& stop);
  /// Whether the server there is another one than this log's; asked once. An error: it is not known
  /// yet.
  Result<bool> is_another();
  HttpClient::Headers headers() const;
  std::string target(std::string_view path) const;
  DeliveryResult deliver_with(HttpClient::Headers headers, std::string_view body,
                              std::size_t items);
  DeliveryResult judge(const HttpReply& reply, std::size_t items) const;
  /// Before the next try. False: there is none.
  bool wait(std::chrono::milliseconds pause, std::string_view why);

  const Options options_;
  const std::string server_;
  const std::unique_ptr<HttpClient> http_;
  StopSignal& stop_;
  Backoff backoff_;
  bool is_known_another_ = false;
  std::string packed_;
  int tries_ = 0;
  std::chrono::milliseconds took_{0};
  std::chrono::steady_clock::time_point begun_;  ///< of the body in hand
  std::chrono::steady_clock::time_point told_;   ///< that it does not get there
};

}  // namespace slipstream
