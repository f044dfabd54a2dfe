#pragma once
#include <memory>
#include <string>
#include <vector>

#include "app/basics.h"
#include "app/component.h"
#include "app/reminder.h"
#include "broadcast/hub.h"
#include "source/ingest_service.h"
#include "store/rollup_store.h"

namespace slipstream {

/// The live fan-out to WebSocket clients, and what is known of each machine: whose clock is off is
/// told.
class HubComponent final : public Component {
 public:
  /// What is stored is read on the queries thread. All of it outlives this. Errors: the store
  /// cannot be read.
  static Result<std::unique_ptr<HubComponent>> open(const Basics& basics, const RollupStore& store,
                                                    IoThread& io, IoThread& queries);

  std::string_view name() const override { return "hub"; }
  void start() override;
  /// Sends what waits and says goodbye to all clients.
  bool stop() override;
  void routes(HttpServer& http) override;
  void health(HealthPage& page) const override;
  void metrics(MetricsPage& page) const override;
  void totals(Totals& totals) const override;

  /// Where what clients publish goes. Before they are served.
  void publish_to(IngestService& ingest) { ingest_ = &ingest; }
  /// What late clients get first; nullptr: there is none. Likewise.
  void recall_from(Recordings* recordings) { hub_.recall_from(recordings); }
  /// Members that a point keeps, whatever fields are asked for.
  static std::vector<std::string> identity_members(const SchemaOptions& schema);

  Hub& hub() { return hub_; }
  const Hub& hub() const { return hub_; }

 private:
  HubComponent(const Basics& basics, const RollupStore& store, IoThread& io, IoThread& queries);
  FanoutParts fanout_parts();
  void read_rollups(StoredRollupsQuery query, StoredRollupsTaker taker);
  void read_events(Channel channel, const StoredEventsQuery& query, StoredEventsTaker taker);
  Result<StoredEvents> stored_events_of(Channel channel, const StoredEventsQuery& query) const;
  void publish(PublishRequest published, PublishAnswered answered);
  void tell_clocks_off();
  ClocksOff clocks_off() const { return hub_.series().clocks_off(basics_.clock.steady()); }

  const Basics basics_;
  const RollupStore& store_;
  IoThread& io_;
  IoThread& queries_;
  IngestService* ingest_ = nullptr;
  Hub hub_;
  Reminder reminder_;  ///< of clocks
};

}  // namespace slipstream
