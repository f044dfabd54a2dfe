#pragma once
#include <gtest/gtest.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "store/sqlite.h"

namespace slipstream::harness {

/// The pages of a database's file, to be spoilt. Nobody has it open, and it has no write-ahead log.
class DatabasePages {
 public:
  static constexpr std::size_t kPageBytes = 4'096;

  explicit DatabasePages(std::filesystem::path file) : file_(std::move(file)) {}
  /// The pages that hold a table's rows, in their order.
  std::vector<std::size_t> leaves_of(const std::string& table) const {
    auto database = Database::open(file_.string(), SQLITE_OPEN_READONLY).value();
    auto rows = database
                    .prepare("SELECT pageno FROM dbstat WHERE name = '" + table +
                             "' AND pagetype = 'leaf' ORDER BY path")
                    .value();
    std::vector<std::size_t> pages;
    while (rows.step().value()) pages.push_back(static_cast<std::size_t>(rows.integer(0)) - 1);
    return pages;
  }
  /// The first page of a table or index.
  std::size_t root_of(const std::string& name) const {
    auto database = Database::open(file_.string(), SQLITE_OPEN_READONLY).value();
    return static_cast<std::size_t>(
               database.integer("SELECT rootpage FROM sqlite_master WHERE name = '" + name + "'")
                   .value()) -
           1;
  }
  void spoil(std::size_t page) const {
    std::fstream out(file_, std::ios::in | std::ios::out | std::ios::binary);
    out.seekp(static_cast<std::streamoff>(page * kPageBytes));
    out << std::string(64, '\xA5');
  }

 private:
  const std::filesystem::path file_;
};

}  // namespace slipstream::harness
