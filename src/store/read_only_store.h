#pragma once
#include <filesystem>

#include "base/error.h"
#include "store/sqlite.h"

namespace slipstream {

/// The store of a data directory, for who has no part in the running server: creates nothing and
/// changes nothing. kVersion: its schema is none that this version knows.
struct ReadOnlyStore {
  std::string path;
  Database database;
  int version = 0;  ///< of its schema

  static Result<ReadOnlyStore> open(const std::filesystem::path& data_dir);
  /// What an error of its database means, for people.
  static std::unexpected<Error> failed(const std::string& path, const Error& reason);
};

}  // namespace slipstream
