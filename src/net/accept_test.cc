#include "net/accept.h"

#include <gtest/gtest.h>

namespace slipstream {
namespace {

TEST(Accept, TheCodingThatIsWantedMost) {
  struct Case {
    const char* list;
    Coding coding;
  };
  for (const auto& [list, coding] : {
           Case{"", Coding::kNone},
           Case{"gzip", Coding::kGzip},
           Case{"GZIP", Coding::kGzip},
           Case{"x-gzip", Coding::kGzip},
           Case{"zstd", Coding::kZstd},
           Case{"gzip, deflate, br, zstd", Coding::kZstd},
           Case{"gzip, deflate, br", Coding::kGzip},
           Case{"gzip;q=1.0, zstd;q=0.5", Coding::kGzip},
           Case{"gzip ; Q=0.2 , zstd;q=0.1", Coding::kGzip},
           Case{"gzip;q=0", Coding::kNone},
           Case{"zstd;q=0, gzip;q=0.001", Coding::kGzip},
           Case{"*", Coding::kZstd},
           Case{"*;q=0", Coding::kNone},
           Case{"zstd;q=0, *", Coding::kGzip},
           Case{"identity, gzip;q=0.5", Coding::kNone},
           Case{"identity;q=0.5, gzip", Coding::kGzip},
           Case{"identity;q=0, *;q=0", Coding::kNone},
           Case{"br", Coding::kNone},
           Case{"gzip;q=much", Coding::kGzip},
           Case{"gzip;level=9;q=0", Coding::kNone},
       }) {
    EXPECT_EQ(accepted_coding({{"accept-encoding", list}}), coding) << list;
  }
  EXPECT_EQ(accepted_coding({}), Coding::kNone);
  EXPECT_EQ(accepted_coding({{"Accept-Encoding", "br"}, {"Accept-Encoding", "gzip"}}),
            Coding::kGzip);
}

TEST(Accept, TheTypeThatIsWantedMost) {
  constexpr std::string_view kOffered[] = {"application/json", "text/csv"};
  constexpr std::size_t kJson = 0;
  constexpr std::size_t kCsv = 1;
  struct Case {
    const char* list;
    std::size_t type;
  };
  for (const auto& [list, type] : {
           Case{"", kJson},
           Case{"*/*", kJson},
           Case{"text/csv", kCsv},
           Case{"Text/CSV; charset=utf-8", kCsv},
           Case{"text/*", kCsv},
           Case{"text/csv;q=0.1, application/json", kJson},
           Case{"text/csv;q=0.9, application/json;q=0.8", kCsv},
           Case{"text/csv, */*", kCsv},
           Case{"text/csv, */*;q=0.8", kCsv},
           Case{"text/csv;q=0.5, */*", kJson},
           Case{"text/csv;q=0", kJson},
           Case{"text/csv;q=0, text/*", kJson},
           Case{"application/json, text/csv", kJson},
           Case{"application/json;q=0, */*;q=0.1", kCsv},
           Case{"text/html, application/xhtml+xml, */*;q=0.8", kJson},
           Case{"application/xml", kJson},
       }) {
    EXPECT_EQ(accepted_type({{"Accept", list}}, kOffered), type) << list;
  }
  EXPECT_EQ(accepted_type({}, kOffered), kJson);
}

}  // namespace
}  // namespace slipstream
