#include "app/history_worker.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>

namespace slipstream {
namespace {

TEST(HistoryWorker, KeepsUpBehindAQuestionAndNotBeforeTheFirst) {
  std::atomic<bool> was_asked{false};
  std::promise<bool> kept_up;
  std::atomic<int> times{0};
  HistoryWorker worker;
  worker.start(
      [&](const std::stop_token&) {
        if (times.fetch_add(1) == 0) kept_up.set_value(was_asked.load());
      },
      std::chrono::milliseconds(1));
  ASSERT_TRUE(worker.post([&](const std::stop_token&) { was_asked.store(true); }));
  EXPECT_TRUE(kept_up.get_future().get());
  worker.stop();
  EXPECT_EQ(worker.stats().queries.value(), 1u);
}

}  // namespace
}  // namespace slipstream
