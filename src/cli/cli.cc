#include "cli/cli.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "cli/commands.h"

namespace slipstream {
namespace {

void add_serve_options(CLI::App& command, ServeOptions& options) {
  command.add_option("--config", options.config_file,
                     "TOML file (default: slipstream.toml, where there is one)");
  command.add_option("--listen", options.listen,
                     "Address of HTTP and WebSocket (default: as configured, 127.0.0.1); 0.0.0.0: "
                     "all of this machine's");
  command.add_option("--log-format", options.log_format, "text or json (default: by terminal)")
      ->check(CLI::IsMember({"auto", "text", "json"}));
}

void add_export_options(CLI::App& command, ExportOptions& options) {
  command.add_option("--data", options.data_dir, "Data directory (default: as configured, ./data)");
  command.add_option("--from", options.from,
                     "No earlier than this: ISO 8601, or a number since 1970. Of a point its event "
                     "time, of a rollup its last point's");
  command.add_option("--to", options.to, "Earlier than this");
  command
      .add_option(
          "--format", options.format,
          "csv, ndjson, or of points mcap (for Foxglove and its kin) or motec (.ld and .ldx "
          "of a lap or session)")
      ->check(CLI::IsMember({"csv", "ndjson", "mcap", "motec"}))
      ->capture_default_str();
  command.add_option("--what", options.what, "points or rollups")
      ->check(CLI::IsMember({"points", "rollups"}))
      ->capture_default_str();
  command.add_option("--chassis", options.chassis, "Of this machine only");
  command.add_option("--track", options.track, "Of this track only");
  command.add_option("--tag", options.tags, "NAME=VALUE: of series with this tag only");
  command.add_option("--window", options.window, "Rollups of this window only");
  auto* lap = command.add_option("--lap", options.lap,
                                 "Points and marks of this lap only: its id, as /api/laps has it");
  command
      .add_option("--session", options.session,
                  "Points and marks of this session only: its id, as /api/sessions has it")
      ->excludes(lap);
  command.add_flag("--raw", options.raw,
                   "CSV: texts that a spreadsheet would run as a formula stay as they are, without "
                   "a ' before them");
  command.add_option(
      "--output", options.output,
      "A file (default: stdout); of motec FILE.ld for a lap, a folder for a session");
  command.add_flag(
      "--resume", options.resume,
      "Go on with the --output of the same export, which was interrupted: what it holds "
      "is compared and stays");
  command.add_option("--config", options.config_file,
                     "TOML file (default: slipstream.toml, where there is one)");
}

void add_forward_options(CLI::App& command, ForwardOptions& options) {
  command.add_option(
      "--data", options.data_dir,
      "Data directory, of a server that runs or not (default: as configured, ./data)");
  command
      .add_option("--to", options.to, "http://HOST:PORT or https://HOST:PORT of the other server")
      ->required();
  command.add_option("--token", options.token, "A token that the other server asks for")
      ->envname("SLIPSTREAM_TOKEN");
  command.add_option("--ca-file", options.ca_file,
                     "PEM: who may sign the other server's certificate (default: whom this system "
                     "trusts)");
  command.add_flag("--compress", options.compress, "Bodies are packed by zstd");
  command.add_flag("--once", options.once, "End when all that is in the log now has been sent");
  command.add_flag("--only-new", options.only_new,
                   "At the first start: what is in the log already is not sent");
  command.add_option("--config", options.config_file,
                     "TOML file (default: slipstream.toml, where there is one)");
}

}  // namespace

int tell_failure(std::string_view command, const Error& error) {
  fmt::print(stderr, "slipstream {}: {}\n", command, error.message);
  return kExitFailure;
}

int tell_usage_error(std::string_view command, const Error& error) {
  tell_failure(command, error);
  return kExitUsage;
}

int run_cli(int argc, char** argv) {
  CLI::App app{"Real-time telemetry: points in, windows and live pages out", "slipstream"};
  app.set_version_flag("--version", SLIPSTREAM_VERSION);
  app.require_subcommand(1);

  ServeOptions serve;
  auto* serve_command = app.add_subcommand("serve", "Run the server");
  add_serve_options(*serve_command, serve);
  serve_command->add_flag("--check", serve.check_only, "Check the configuration and exit");

  DemoOptions demo;
  auto* demo_command = app.add_subcommand("demo", "Run the server with a simulated field of cars");
  add_serve_options(*demo_command, demo.serve);
  demo_command->add_option("--data", demo.data_dir,
                           "Data directory (default: ./data-demo: beside the configured one, since "
                           "simulated cars are kept out of real data)");
  demo_command->add_option("--cars", demo.cars, "How many")->check(CLI::Range(1, 1'000));
  demo_command->add_option("--seed", demo.seed, "The same seed gives the same race")
      ->check(CLI::NonNegativeNumber);

  demo_command
      ->add_option("--as", demo.as,
                   "f1 or forza: the field is sent as that game's packets (default: as JSON)")
      ->check(CLI::IsMember({"f1", "forza"}));

  std::string check_file;
  auto* check_command = app.add_subcommand("check", "Name every fault of a configuration");
  check_command->add_option("file", check_file, "TOML file")->required();

  ReplayOptions replay;
  auto* replay_command = app.add_subcommand("replay", "Send a recording as it once came in");
  replay_command
      ->add_option("recording", replay.source,
                   "A file (TRD long CSV, CSV with a header, NDJSON, a JSON array of points; a "
                   "capture: .cap, "
                   "pcap, pcapng; MCAP; iRacing's .ibt), or a session: a data directory or its log "
                   "folder; or "
                   "redis://HOST:PORT/STREAM")
      ->required();
  replay_command
      ->add_option("--to", replay.to,
                   "udp://HOST:PORT, http://HOST:PORT, ws://HOST:PORT or redis://HOST:PORT/STREAM")
      ->required();
  replay_command->add_option("--from", replay.from, "Of a Redis stream: the first entry's id")
      ->capture_default_str();
  replay_command
      ->add_option("--partitions", replay.partitions,
                   "Of a Redis stream: how many, STREAM:{0}, STREAM:{1} ...")
      ->check(CLI::Range(1, 1'024))
      ->capture_default_str();
  replay_command->add_option(
      "--check", replay.check,
      "By UDP: http://HOST:PORT of the server, which is asked how many came; "
      "with --speed max no more are sent than it keeps up with");
  replay_command
      ->add_option("--port", replay.port, "Of a pcap or pcapng: only what was sent to this port")
      ->check(CLI::Range(1, 65'535));
  replay_command->add_option("--speed", replay.speed, "1, 10 ... times as fast, or max")
      ->capture_default_str();
  replay_command->add_option(
      "--track", replay.track,
      "The track, for an export that names none; of MCAP and .ibt instead of "
      "what the file calls it");
  replay_command
      ->add_option("--token", replay.token,
                   "A token that the server asks for, by HTTP or WebSocket")
      ->envname("SLIPSTREAM_TOKEN");
  replay_command->add_option("--config", replay.config_file,
                             "Names of a session's or stream's members, and certificates of Redis "
                             "(default: slipstream.toml)");

  ExportOptions exported;
  auto* export_command = app.add_subcommand("export", "Write recorded points, or stored rollups");
  add_export_options(*export_command, exported);

  ForwardOptions forward;
  auto* forward_command = app.add_subcommand(
      "forward", "Send what is in the log, and what comes, to another server, each point once");
  add_forward_options(*forward_command, forward);

  std::string log_directory;
  auto* log_command = app.add_subcommand("log", "Look into the durable log");
  log_command->require_subcommand(1);
  auto* info_command = log_command->add_subcommand("info", "Say what is in it");
  auto* verify_command =
      log_command->add_subcommand("verify", "Check every byte, name every fault");
  for (auto* command : {info_command, verify_command}) {
    command->add_option("directory", log_directory, "A data directory or its log folder")
        ->required();
  }

  std::string store_directory;
  std::string store_config;
  auto* store_command = app.add_subcommand("store", "Look into the store of rollups, or mend it");
  store_command->require_subcommand(1);
  auto* store_check_command = store_command->add_subcommand(
      "check", "Check every page, the schema, and what it says of the log; name every fault");
  auto* rebuild_command = store_command->add_subcommand(
      "rebuild",
      "Make it anew from what can be read of it and from the log; the server must not run");
  for (auto* command : {store_check_command, rebuild_command}) {
    command->add_option("directory", store_directory, "A data directory")->required();
  }
  rebuild_command->add_option("--config", store_config,
                              "TOML file: windows and names of members (default: slipstream.toml, "
                              "where there is one)");

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kExitSuccess : kExitUsage;
  }
  if (*serve_command) return run_serve(serve);
  if (*demo_command) return run_demo(demo);
  if (*check_command) return run_check(check_file);
  if (*export_command) return run_export(exported);
  if (*forward_command) return run_forward(forward);
  if (*info_command) return run_log_info(log_directory);
  if (*verify_command) return run_log_verify(log_directory);
  if (*store_check_command) return run_store_check(store_directory);
  if (*rebuild_command) return run_store_rebuild(store_directory, store_config);
  return run_replay(replay);
}

}  // namespace slipstream
