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

  explicit DatabasePages(std::filesystem::path file) : file_(std::move(file)) {
    std::ifstream in(file_, std::ios::binary);
    bytes_ = {std::istreambuf_iterator<char>(in), {}};
  }
  /// Leaves of tables that hold the text.
  std::vector<std::size_t> leaves_with(const std::string& text) const {
    constexpr char kTableLeaf = 0x0d;
    std::vector<std::size_t> pages;
    for (std::size_t page = 1; page * kPageBytes < bytes_.size(); ++page) {
      const std::string_view content =
          std::string_view(bytes_).substr(page * kPageBytes, kPageBytes);
      if (content[0] == kTableLeaf && content.find(text) != std::string_view::npos) {
        pages.push_back(page);
      }
    }
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
  std::string bytes_;
};

}  // namespace slipstream::harness
