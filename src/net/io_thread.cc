#include "net/io_thread.h"

#include <pthread.h>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <future>
#include <thread>

namespace slipstream {
namespace asio = boost::asio;

struct IoThread::Impl {
  explicit Impl(std::string n) : name(std::move(n)) {}

  void repeat(std::shared_ptr<asio::steady_timer> timer, std::chrono::milliseconds interval,
              std::shared_ptr<std::function<void()>> function) {
    timer->async_wait([this, timer, interval, function](boost::system::error_code error) {
      if (error) return;
      (*function)();
      auto next = timer->expiry() + interval;
      const auto now = std::chrono::steady_clock::now();
      if (next < now) next = now + interval;
      timer->expires_at(next);
      repeat(timer, interval, function);
    });
  }

  const std::string name;
  asio::io_context context{1};
  asio::executor_work_guard<asio::io_context::executor_type> guard{context.get_executor()};
  std::thread thread;
};

IoThread::IoThread(std::string name) : impl_(std::make_unique<Impl>(std::move(name))) {}

IoThread::~IoThread() {
  stop();
}

void IoThread::start() {
  impl_->thread = std::thread([this] {
    pthread_setname_np(pthread_self(), impl_->name.substr(0, 15).c_str());
    impl_->context.run();
  });
}

void IoThread::post(std::function<void()> function) {
  asio::post(impl_->context, std::move(function));
}

void IoThread::after(std::chrono::nanoseconds delay, std::function<void()> function) {
  auto timer = std::make_shared<asio::steady_timer>(impl_->context, delay);
  timer->async_wait([timer, function = std::move(function)](boost::system::error_code error) {
    if (!error) function();
  });
}

void IoThread::every(std::chrono::milliseconds interval, std::function<void()> function) {
  impl_->repeat(std::make_shared<asio::steady_timer>(impl_->context, interval), interval,
                std::make_shared<std::function<void()>>(std::move(function)));
}

void IoThread::run(const std::function<void()>& function) {
  std::promise<void> done;
  asio::post(impl_->context, [&] {
    function();
    done.set_value();
  });
  done.get_future().wait();
}

void IoThread::stop() {
  impl_->context.stop();
  if (impl_->thread.joinable()) impl_->thread.join();
}

asio::io_context& IoThread::context() {
  return impl_->context;
}

}  // namespace slipstream
