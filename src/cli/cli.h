#pragma once

namespace slipstream {

/// The program: one subcommand a file. Returns the exit code.
int run_cli(int argc, char** argv);

inline constexpr int kExitSuccess = 0;
inline constexpr int kExitFailure = 1;
inline constexpr int kExitUsage = 2;
inline constexpr int kExitConfig = 78;  ///< EX_CONFIG of sysexits.h

}  // namespace slipstream
