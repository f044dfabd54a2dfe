#pragma once
#include <deque>
#include <memory>
#include <vector>

#include "app/basics.h"
#include "app/component.h"
#include "app/fields_left_out.h"
#include "app/late_names.h"
#include "base/agent.h"
#include "net/io_thread.h"
#include "net/own_addresses.h"
#include "source/ingest_service.h"
#include "source/rejection_log.h"
#include "source/udp_source.h"

namespace slipstream {

/// Where points come from: UDP sockets, which send on what comes to whom they are told to, and the
/// service that takes bodies, by HTTP and WebSocket.
class SourcesComponent final : public Component {
 public:
  /// Points are handed to `sink`; all of it outlives this. `keys`: of bodies that earlier runs
  /// answered. Errors: a socket's address is in use; a setting is bad; what comes would be sent on
  /// to this server itself.
  static Result<std::unique_ptr<SourcesComponent>> open(const Basics& basics, IoThread& io,
                                                        PointSink& sink, const Gauge& viewers,
                                                        const std::vector<AnsweredKey>& keys);

  std::string_view name() const override { return "sources"; }
  void start() override;
  /// Takes what the kernel still holds, and decodes what was sent.
  bool stop() override;
  void routes(HttpServer& http) override;
  void health(HealthPage& page) const override;
  void metrics(MetricsPage& page) const override;
  void totals(Totals& totals) const override;

  /// In the order in which they are configured, those that are switched off left out.
  const std::vector<std::unique_ptr<UdpSource>>& udp() const { return udp_; }
  IngestService& ingest_service() { return ingest_service_; }
  /// For further sources.
  RejectionLog& rejection_log() { return rejection_log_; }
  const Gauge& viewers() const { return viewers_; }

 private:
  SourcesComponent(const Basics& basics, IoThread& io, PointSink& sink, const Gauge& viewers);
  void tell_open_udp() const;
  void read_formats();
  const DecoderKind* format_named(std::string_view name) const;
  Result<void> open_udp(const Config::UdpSource& settings);
  Result<void> check_relays_of_udp();
  void look_for(const Config::UdpSource& settings, RelayTarget& target, std::size_t number);
  void tell_left_out();
  void append_udp(std::string& out) const;
  void append_games(std::string& out) const;
  void append_source(std::string& out, SourceKind kind) const;
  bool reads_streams() const { return !basics_.config.redis.url.empty(); }

  const Basics basics_;
  IoThread& io_;
  PointSink& sink_;
  Gauge elsewhere_;  ///< one: other instances may show the points that come here
  const Gauge& viewers_;
  RejectionLog rejection_log_;
  FieldsLeftOut fields_left_out_;
  IngestService ingest_service_;
  std::deque<DecoderKind> formats_;  ///< by the names of [[format]]
  std::vector<std::unique_ptr<UdpSource>> udp_;
  std::vector<ListeningPort> own_ports_;
  std::unique_ptr<AgentThread> ingest_thread_;
  LateNames late_names_;  ///< of targets
};

}  // namespace slipstream
