#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>

#include "app/check_parts.h"
#include "app/demo_feed.h"
#include "app/game_feed.h"
#include "app/racing_component.h"
#include "app/topology.h"
#include "base/descriptors.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/configuration.h"
#include "cli/progress_bar.h"
#include "cli/signals.h"
#include "cli/stop_watch.h"
#include "ops/logging.h"

namespace slipstream {
namespace {

constexpr std::chrono::milliseconds kTurn{1'000};
constexpr int kTurnsBetweenLines = 10;  ///< of the rates, where nobody watches a terminal

std::expected<Config, std::vector<ConfigFault>> load(const ServeOptions& options) {
  auto config = read_configuration(options.config_file);
  if (!config) return config;
  if (!options.listen.empty()) {
    config->server.listen = options.listen;
    config->origins["[server] listen"] = "--listen";
  }
  if (auto faults = check_parts(*config); !faults.empty()) return std::unexpected(faults);
  if (!options.log_format.empty()) config->log.format = options.log_format;
  return config;
}

std::string page_address(const Config& config, const Topology& server) {
  const std::string& host = config.server.listen;
  const bool all = host == "0.0.0.0" || host == "::";
  const bool is_v6 = host.find(':') != std::string::npos;
  return fmt::format("{}://{}:{}/", config.security.tls_certificate.empty() ? "http" : "https",
                     all     ? "127.0.0.1"
                     : is_v6 ? "[" + host + "]"
                             : host,
                     server.port());
}

/// Stops it, and ends it. The exit code.
int stop(std::unique_ptr<Topology> server, Signals& signals, int signal_number) {
  log_info("stopping", {{"signal", sigabbrev_np(signal_number)}});
  signals.exit_on_next();
  StopWatch watch([&server = *server] { return server.stop_progress(); });
  const int exit_code = server->stop() ? kExitSuccess : kExitFailure;
  watch.settled(exit_code);
  server.reset();
  log_info("stopped");
  return exit_code;
}

class RateLine {
 public:
  explicit RateLine(std::string address) : address_(std::move(address)) {}

  void show(const Totals& totals) {
    const Rates rates = meter_.advance(totals);
    const bool is_terminal = isatty(STDOUT_FILENO) == 1;
    if (!is_terminal && turn_++ % kTurnsBetweenLines != 1) return;
    fmt::print(
        "{}{:.0f} points/s, {:.0f} rollups/s, {} refused/s, {} lost by the kernel, {} viewing {}{}",
        is_terminal ? "\r\x1b[K" : "", rates.received, rates.rollups, rates.rejected,
        totals.kernel_drops, totals.clients, address_, is_terminal ? "" : "\n");
    std::fflush(stdout);
  }

 private:
  const std::string address_;
  RateMeter meter_;
  int turn_ = 0;
};

/// How far reading the log again is; a start that has nothing to read shows nothing.
class RecoveryBar {
 public:
  RecoveryProgress progress() {
    return [this](std::uint64_t done, std::uint64_t of) {
      if (of == 0) return;
      if (!bar_) bar_ = std::make_unique<ProgressBar>("recovery", of);
      done_ = std::min(done, of);
      bar_->show(done_);
      if (done_ == of) finish();  // before the log lines that follow
    };
  }
  ~RecoveryBar() { finish(); }

 private:
  void finish() {
    if (bar_) bar_->finish(done_);
    bar_.reset();
  }

  std::unique_ptr<ProgressBar> bar_;
  std::uint64_t done_ = 0;
};

Result<std::unique_ptr<Topology>> start(const Config& config) {
  if (const auto raised = raise_descriptor_limit(); !raised) log_warn(raised.error().message);
  RecoveryBar bar;
  return Topology::start(config, bar.progress());
}

/// What of the configuration keeps a demo from sending as it is asked to.
std::optional<ConfigFault> demo_fault(const Config& config, const DemoOptions& options) {
  const std::string& decoder = config.udp.front().decoder;
  const std::string wanted = options.as.empty() ? "json" : "games";
  if (decoder != "auto" && decoder != wanted) {
    return ConfigFault{"[udp] decoder",
                       fmt::format("the demo sends {}: auto or {} is expected",
                                   options.as.empty() ? "JSON" : "a game's packets", wanted)};
  }
  if (!options.as.empty() && !config.demo.data_path.empty()) {
    return ConfigFault{"[demo] data_path", "--as sends the simulated field: leave it out"};
  }
  return std::nullopt;
}

Result<std::unique_ptr<DemoSource>> open_feed(const Config& config, const DemoOptions& options,
                                              const Topology& server) {
  if (!options.as.empty()) {
    const auto game = options.as == "f1" ? GameFeed::Game::kF1 : GameFeed::Game::kForza;
    auto feed = GameFeed::open(config, game, server.udp_port(), system_clock());
    if (!feed) return std::unexpected(feed.error());
    return std::unique_ptr<DemoSource>(std::move(*feed));
  }
  const auto& sectors = server.components().get<RacingComponent>().sectors();
  auto feed = DemoFeed::open(config, sectors.total_m("barber"), server.udp_port(), system_clock());
  if (!feed) return std::unexpected(feed.error());
  return std::unique_ptr<DemoSource>(std::move(*feed));
}

int fail_to_start(const Error& error) {
  log_error("cannot start", {{"why", error.message}});
  return kExitFailure;
}

/// Simulated cars are kept out of what a server with the same configuration has recorded.
std::filesystem::path demo_directory(std::filesystem::path configured, const std::string& asked) {
  if (!asked.empty()) return asked;
  if (!configured.has_filename()) configured = configured.parent_path();
  return configured += "-demo";
}

}  // namespace

int run_check(const std::string& file) {
  const auto config = load({.config_file = file});
  if (!config) {
    print_faults(config.error());
    return kExitConfig;
  }
  fmt::print("{}: good\n", file);
  return kExitSuccess;
}

int run_serve(const ServeOptions& options) {
  auto config = load(options);
  if (!config) {
    print_faults(config.error());
    return kExitConfig;
  }
  if (options.check_only) {
    fmt::print("the configuration is good\n");
    return kExitSuccess;
  }
  Signals signals;
  if (auto started = start_logging(config->log.level, config->log.format); !started) {
    return fail_to_start(started.error());
  }
  auto server = start(*config);
  if (!server) return fail_to_start(server.error());
  log_info("serving", {{"page", page_address(*config, **server)},
                       {"udp_port", std::to_string((*server)->udp_port())},
                       {"version", SLIPSTREAM_VERSION}});
  while (true) {
    const int signal_number = signals.wait(kTurn);
    if (signal_number == SIGHUP) (*server)->reload();
    if (signal_number == SIGTERM || signal_number == SIGINT) {
      return stop(std::move(*server), signals, signal_number);
    }
  }
}

int run_demo(const DemoOptions& options) {
  auto config = load(options.serve);
  if (!config) {
    print_faults(config.error());
    return kExitConfig;
  }
  config->store.data_dir = demo_directory(config->store.data_dir, options.data_dir);
  if (options.cars) config->demo.cars = *options.cars;
  if (options.seed) config->demo.seed = *options.seed;
  if (config->schema.sequence.empty()) config->schema.sequence = "seq";
  if (!config->udp.front().enabled) {
    print_faults({{"[udp] enabled", "the demo sends by UDP: it must be true"}});
    return kExitConfig;
  }
  if (auto fault = demo_fault(*config, options)) {
    print_faults({*fault});
    return kExitConfig;
  }
  Signals signals;
  if (auto started = start_logging(config->log.level, config->log.format); !started) {
    return fail_to_start(started.error());
  }
  auto server = start(*config);
  if (!server) return fail_to_start(server.error());
  auto feed = open_feed(*config, options, **server);
  if (!feed) return fail_to_start(feed.error());
  AgentThread feed_thread("demo", **feed);

  const std::string address = page_address(*config, **server);
  fmt::print("Slipstream demo: {}. Open {} and press Ctrl-C here to stop.\n", (*feed)->title(),
             address);
  std::fflush(stdout);
  RateLine line(address);
  while (true) {
    const int signal_number = signals.wait(kTurn);
    if (signal_number == SIGHUP) (*server)->reload();
    if (signal_number == SIGTERM || signal_number == SIGINT) {
      if (isatty(STDOUT_FILENO) == 1) fmt::print("\n");
      feed_thread.stop(false);
      return stop(std::move(*server), signals, signal_number);
    }
    if (signal_number == 0) line.show((*server)->totals());
  }
}

}  // namespace slipstream
