#include <fmt/format.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>

#include <atomic>
#include <cstdio>
#include <filesystem>
#include <thread>

#include "app/instance_id.h"
#include "app/span_export.h"
#include "base/file_lock.h"
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/configuration.h"
#include "cli/forwarder.h"
#include "cli/session.h"
#include "cli/signals.h"
#include "ops/logging.h"

namespace slipstream {
namespace {

constexpr std::string_view kForward = "forward";
/// How long `--once` tries one body.
constexpr std::chrono::minutes kPatienceOnce{1};
constexpr std::chrono::milliseconds kBetweenLooksForALog{500};
constexpr std::chrono::milliseconds kLastSpansLimit{1'000};

/// A server's log is the folder `log` of its data directory; any other has all that is its own in
/// itself.
std::filesystem::path data_dir_of(const std::filesystem::path& log_folder) {
  std::error_code error;
  auto whole = std::filesystem::weakly_canonical(log_folder, error);
  if (error) whole = log_folder;
  return whole.filename() == "log" ? whole.parent_path() : whole;
}

/// Runs it on a thread of its own, so that a signal ends what it waits for.
Result<void> run_until_signal(Forwarder& forwarder, BodyDelivery& delivery, StopSignal& stop,
                              Signals& signals) {
  Result<void> outcome;
  std::atomic<bool> is_done = false;
  std::thread thread([&] {
    pthread_setname_np(pthread_self(), "forward");
    outcome = forwarder.run();
    is_done = true;
  });
  constexpr std::chrono::milliseconds kTurn{100};
  while (!is_done) {
    const int signal = signals.wait(kTurn);
    if (signal != SIGTERM && signal != SIGINT) continue;
    log_info("stopping", {{"signal", sigabbrev_np(signal)}});
    signals.exit_on_next();
    stop.stop();
    delivery.interrupt();
    break;
  }
  thread.join();
  return outcome;
}

int finish(const Forwarder& forwarder, const ForwardOptions& options, Result<void> outcome,
           bool is_stopped) {
  const auto& counts = forwarder.counts();
  const std::string marks =
      counts.marks > 0 ? fmt::format(" and {} marks", counts.marks) : std::string();
  fmt::print("{} points{} sent to {}, {} refused, {} lost before\n", counts.points, marks,
             options.to, counts.refused, counts.lost);
  if (counts.values_dropped > 0) {
    fmt::print(stderr, "{} numbers were left out: the log has more names than {}\n",
               counts.values_dropped, FieldTable::kMaxFields);
  }
  if (counts.perhaps_twice > 0) {
    fmt::print(stderr,
               "{} points may be there twice: their answers took longer than servers remember\n",
               counts.perhaps_twice);
  }
  if (!outcome) return tell_failure(kForward, outcome.error());
  if (!options.once) return kExitSuccess;
  if (is_stopped) return tell_failure(kForward, {"stopped before all was sent"});
  const bool is_all = counts.refused == 0 && counts.lost == 0 && counts.values_dropped == 0;
  return is_all ? kExitSuccess : kExitFailure;
}

}  // namespace

int run_forward(const ForwardOptions& options) {
  auto url = HttpUrl::parse(options.to);
  if (!url) return tell_usage_error(kForward, {"--to: " + url.error().message});
  if (url->path.find('?') != std::string::npos) {
    return tell_usage_error(kForward, {"--to: a URL is expected without a ? in it"});
  }
  auto config = read_configuration(options.config_file);
  if (!config) {
    print_faults(config.error());
    return kExitConfig;
  }
  Signals signals;
  if (auto started = start_logging(config->log.level, config->log.format); !started) {
    return tell_failure(kForward, started.error());
  }
  const std::filesystem::path given =
      options.data_dir.empty() ? config->store.data_dir : std::filesystem::path(options.data_dir);
  auto folder = find_log_folder(given);
  // A server that has just been started makes it.
  if (!folder && !options.once && std::filesystem::is_directory(given)) {
    log_info("waiting for a log", {{"in", given.string()}});
    for (; !folder; folder = find_log_folder(given)) {
      const int signal = signals.wait(kBetweenLooksForALog);
      if (signal == SIGTERM || signal == SIGINT) return kExitSuccess;
    }
  }
  if (!folder) return tell_failure(kForward, folder.error());
  const auto data_dir = data_dir_of(*folder);
  const std::string server = url->server() + (url->path == "/" ? "" : url->path);
  const auto file = ForwardPosition::file_for(data_dir, server);
  std::error_code error;
  std::filesystem::create_directories(file.parent_path(), error);
  if (error) return tell_failure(kForward, {file.parent_path().string() + ": " + error.message()});
  auto lock_name = file;
  lock_name.replace_extension(".lock");
  const auto lock = FileLock::take(lock_name);
  if (!lock) {
    return tell_failure(kForward, {"the same is being forwarded already: " + lock.error().message});
  }
  auto position = ForwardPosition::open(file, server);
  if (!position) return tell_failure(kForward, position.error());
  const std::string instance = known_instance_id(posix_file_system(), data_dir);
  const auto spans = open_span_export(*config, system_clock(), instance);
  if (!spans) return tell_failure(kForward, spans.error());
  StopSignal stop;
  BodyDelivery::Options sending{.url = *url,
                                .token = options.token,
                                .ca_file = options.ca_file,
                                .compress = options.compress,
                                .instance = instance,
                                .tracer = spans->tracer.get()};
  if (options.once) sending.patience = kPatienceOnce;
  auto delivery = BodyDelivery::make(std::move(sending), stop);
  if (!delivery) return tell_failure(kForward, delivery.error());
  SchemaOptions names = config->schema;
  // A log has sequence numbers but not what their member was called.
  if (names.sequence.empty()) names.sequence = "seq";
  Schema schema(names);
  Forwarder forwarder({.log_folder = *folder, .once = options.once, .only_new = options.only_new},
                      schema, *position, **delivery, stop);
  if (spans->exporter) spans->exporter->start();
  const auto outcome = run_until_signal(forwarder, **delivery, stop, signals);
  if (spans->exporter) spans->exporter->stop(kLastSpansLimit);
  return finish(forwarder, options, outcome, stop.is_stopped());
}

}  // namespace slipstream
