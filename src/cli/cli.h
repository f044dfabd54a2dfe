#pragma once
#include <string_view>

#include "base/error.h"

namespace slipstream {

/// The program: one subcommand a file. Returns the exit code.
int run_cli(int argc, char** argv);

inline constexpr int kExitSuccess = 0;
inline constexpr int kExitFailure = 1;
inline constexpr int kExitUsage = 2;
inline constexpr int kExitConfig = 78;  ///< EX_CONFIG of sysexits.h

/// Tells on stderr why a subcommand ("log verify") ends; returns its exit code: kExitFailure, or
/// kExitUsage where the command line was wrong.
int tell_failure(std::string_view command, const Error& error);
int tell_usage_error(std::string_view command, const Error& error);

}  // namespace slipstream
