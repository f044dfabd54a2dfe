#pragma once

#ifdef SLIPSTREAM_FAULTS
#include <functional>
#include <optional>
#include <string_view>

#include "base/error.h"

namespace slipstream::fault {

/// Called at every fault point, from any thread; may throw or end the process. Set it before the
/// threads start. Without one of a test's own it is what the environment asks for:
/// SLIPSTREAM_FAULT=POINT:TEXT throws at that point wherever its detail holds the text,
/// POINT:TEXT*K the first K times only, POINT:TEXT*K+S the first K times after S harmless ones.
using Hook = std::function<void(std::string_view point, std::string_view detail)>;
Hook& hook();

/// What the hook throws at this point, as the error of a function that does not throw.
std::optional<Error> error_at(std::string_view point, std::string_view detail);

}  // namespace slipstream::fault

#define SLIPSTREAM_FAULT(point, detail)                                          \
  do {                                                                           \
    if (::slipstream::fault::hook()) ::slipstream::fault::hook()(point, detail); \
  } while (false)
#define SLIPSTREAM_FAULT_ERROR(point, detail)                         \
  do {                                                                \
    if (auto injected = ::slipstream::fault::error_at(point, detail)) \
      return std::unexpected(std::move(*injected));                   \
  } while (false)
#else
/// A place where tests make things go wrong. Nothing in what is shipped.
#define SLIPSTREAM_FAULT(point, detail) static_cast<void>(0)
/// The same in a function that returns a Result.
#define SLIPSTREAM_FAULT_ERROR(point, detail) static_cast<void>(0)
#endif
