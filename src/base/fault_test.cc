// What is shipped holds no fault point: without SLIPSTREAM_FAULTS they are empty statements.
#undef SLIPSTREAM_FAULTS
#include "base/fault.h"

#include <gtest/gtest.h>

#include <string_view>

namespace slipstream {
namespace {

#define SLIPSTREAM_TEXT_OF(...) #__VA_ARGS__
#define SLIPSTREAM_EXPANDED(...) SLIPSTREAM_TEXT_OF(__VA_ARGS__)

TEST(Fault, IsNothingInWhatIsShipped) {
  constexpr std::string_view kNothing = "static_cast<void>(0)";
  static_assert(SLIPSTREAM_EXPANDED(SLIPSTREAM_FAULT("fold", text)) == kNothing);
  static_assert(SLIPSTREAM_EXPANDED(SLIPSTREAM_FAULT_ERROR("fsync", text)) == kNothing);
  SLIPSTREAM_FAULT("fold", "nothing");
  SLIPSTREAM_FAULT_ERROR("fsync", "nothing");
}

}  // namespace
}  // namespace slipstream
