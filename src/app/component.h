#pragma once
#include <cstdint>
#include <memory>
#include <ranges>
#include <string_view>
#include <utility>
#include <vector>

#include "app/health_page.h"
#include "app/rates.h"
#include "base/check.h"
#include "base/error.h"
#include "ops/metrics.h"

namespace slipstream {

class HttpServer;

/// How far a stop is.
struct StopProgress {
  std::uint64_t steps = 0;  ///< points folded, windows closed, bytes logged, rows stored: it grows
  bool is_committing = false;   ///< a step that may be a long one
  std::uint64_t rows = 0;       ///< of rollups and series, stored so far
  std::uint64_t rows_left = 0;  ///< about: of open windows, too
};

/// What a server is made of. Each component has its parts to itself, borrows what it needs of the
/// components that were opened before it, and tells its own health and figures; whoever opens it
/// puts it into the server's list (Topology::open).
///
/// Threads: start(), stop() and reload() on the one that has the server; routes() before the HTTP
/// server is started; health() and metrics() on the I/O thread; the rest from any, from when it is
/// in the list until it is destroyed.
class Component {
 public:
  Component() = default;
  virtual ~Component() = default;
  Component(const Component&) = delete;
  Component& operator=(const Component&) = delete;

  virtual std::string_view name() const = 0;

  /// Starts its threads and timers. Whatever it hands things to runs already.
  virtual void start() {}
  /// Nothing more comes to it: brings what it holds to where it goes, and ends its threads. Bounded
  /// in time. False: something that was taken is given up, which it has logged.
  virtual bool stop() { return true; }
  /// Reads again what it has from files that may change. Of what is bad now the old stays.
  virtual void reload() {}

  /// The endpoints that it answers.
  virtual void routes(HttpServer&) {}
  /// Its members of /api/health, and what is wrong with it.
  virtual void health(HealthPage&) const {}
  /// Its figures, for /metrics.
  virtual void metrics(MetricsPage&) const {}
  /// Its share of the sums over all.
  virtual void totals(Totals&) const {}
  /// Its share of how far a stop is.
  virtual void progress(StopProgress&) const {}
};

/// The components of a server, in the order in which they were opened: from the far end, where
/// things go, to the sources, where they come from. They are started in this order; stopped, and
/// destroyed, in the opposite one, so that each gets all that was on its way to it.
class ComponentList {
 public:
  ComponentList() = default;
  ~ComponentList() {
    while (!components_.empty()) components_.pop_back();
  }
  ComponentList(const ComponentList&) = delete;
  ComponentList& operator=(const ComponentList&) = delete;

  template <typename Kind>
  Kind& add(std::unique_ptr<Kind> component) {
    Kind& added = *component;
    components_.push_back(std::move(component));
    return added;
  }

  /// One whose opening may have failed.
  template <typename Kind>
  Result<Kind*> add(Result<std::unique_ptr<Kind>> opened) {
    if (!opened) return std::unexpected(opened.error());
    return &add(std::move(*opened));
  }

  auto begin() const { return components_.begin(); }
  auto end() const { return components_.end(); }

  /// Where one throws, as for want of a thread, those before it are started.
  void start() {
    for (; started_ < components_.size(); ++started_) components_[started_]->start();
  }
  /// Each that is started, whatever others had to give up; false where one had to.
  bool stop() {
    bool is_all_kept = true;
    while (started_ > 0) is_all_kept = components_[--started_]->stop() && is_all_kept;
    return is_all_kept;
  }
  void reload() {
    for (const auto& component : std::views::reverse(components_)) component->reload();
  }

  /// The component of that class; nullptr where this server has none.
  template <typename Kind>
  const Kind* find() const {
    for (const auto& component : components_) {
      if (const auto* const found = dynamic_cast<const Kind*>(component.get())) return found;
    }
    return nullptr;
  }
  /// One that every server has.
  template <typename Kind>
  const Kind& get() const {
    const Kind* const found = find<Kind>();
    CHECK(found != nullptr, "a server has all components that none can be without");
    return *found;
  }

 private:
  std::vector<std::unique_ptr<Component>> components_;
  std::size_t started_ = 0;  ///< so many of the first
};

}  // namespace slipstream
