#pragma once
#include <sqlite3.h>

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "base/error.h"

namespace slipstream {

/// What kind of failure SQLite's result code tells.
inline ErrorCode sqlite_error_code(int result) {
  switch (result & 0xff) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return ErrorCode::kCorrupt;
    case SQLITE_FULL:
      return ErrorCode::kNoSpace;
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
    case SQLITE_READONLY:
      return ErrorCode::kIo;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return ErrorCode::kTimeout;
    default:
      return ErrorCode::kOther;
  }
}

/// The connection's newest failure.
inline std::unexpected<Error> sqlite_failure(sqlite3* handle) {
  return fail(sqlite3_errmsg(handle), sqlite_error_code(sqlite3_errcode(handle)));
}

/// A count as SQLite keeps it.
inline std::int64_t signed_of(std::uint64_t value) {
  return static_cast<std::int64_t>(value);
}

/// A thin layer over SQLite's C interface: handles that close themselves, failures as values.
class Statement {
 public:
  Statement() = default;
  explicit Statement(sqlite3_stmt* statement) : statement_(statement, sqlite3_finalize) {}

  Statement& bind(int index, std::int64_t value) {
    sqlite3_bind_int64(statement_.get(), index, value);
    return *this;
  }
  /// The text must live until the statement is reset.
  Statement& bind(int index, std::string_view text) {
    sqlite3_bind_text(statement_.get(), index, text.data(), static_cast<int>(text.size()),
                      SQLITE_STATIC);
    return *this;
  }
  Statement& bind_real(int index, double value) {
    sqlite3_bind_double(statement_.get(), index, value);
    return *this;
  }
  Statement& bind_null(int index) {
    sqlite3_bind_null(statement_.get(), index);
    return *this;
  }
  Statement& bind_blob(int index, const void* data, std::size_t size) {
    sqlite3_bind_blob(statement_.get(), index, data, static_cast<int>(size), SQLITE_STATIC);
    return *this;
  }

  /// A value as another statement's row has it.
  Statement& bind_value(int index, const sqlite3_value* value) {
    sqlite3_bind_value(statement_.get(), index, value);
    return *this;
  }

  /// True: a row is there; false: done.
  Result<bool> step() {
    const int code = sqlite3_step(statement_.get());
    if (code == SQLITE_ROW) return true;
    if (code == SQLITE_DONE) return false;
    return sqlite_failure(sqlite3_db_handle(statement_.get()));
  }
  void reset() {
    sqlite3_reset(statement_.get());
    sqlite3_clear_bindings(statement_.get());
  }

  /// The number in the first column of the only row that is asked for; nothing: there is none.
  /// Ready for the next time.
  Result<std::optional<std::int64_t>> number() {
    const auto row = step();
    std::optional<std::int64_t> found;
    if (row && *row) found = integer(0);
    reset();
    if (!row) return std::unexpected(row.error());
    return found;
  }

  /// Takes the only step of a statement that gives no rows, and makes it ready for the next time.
  Result<void> run() {
    const auto done = step();
    reset();
    if (!done) return std::unexpected(done.error());
    return {};
  }

  std::int64_t integer(int column) const { return sqlite3_column_int64(statement_.get(), column); }
  double real(int column) const { return sqlite3_column_double(statement_.get(), column); }
  bool is_null(int column) const {
    return sqlite3_column_type(statement_.get(), column) == SQLITE_NULL;
  }
  std::string_view text(int column) const {
    const auto* data = reinterpret_cast<const char*>(sqlite3_column_text(statement_.get(), column));
    return {data == nullptr ? "" : data,
            static_cast<std::size_t>(sqlite3_column_bytes(statement_.get(), column))};
  }
  /// Good until the next step.
  const sqlite3_value* value(int column) const {
    return sqlite3_column_value(statement_.get(), column);
  }
  std::string_view blob(int column) const {
    const auto* data = static_cast<const char*>(sqlite3_column_blob(statement_.get(), column));
    return {data == nullptr ? "" : data,
            static_cast<std::size_t>(sqlite3_column_bytes(statement_.get(), column))};
  }

 private:
  std::unique_ptr<sqlite3_stmt, decltype(&sqlite3_finalize)> statement_{nullptr, sqlite3_finalize};
};

/// One connection. One thread at a time.
class Database {
 public:
  /// How long a statement waits for another connection's transaction: those are short where a
  /// server is at work; whoever looks on from outside has time.
  static constexpr int kServerBusyTimeoutMs = 200;
  static constexpr int kReaderBusyTimeoutMs = 5'000;

  static Result<Database> open(const std::string& path, int flags) {
    sqlite3* handle = nullptr;
    const int code = sqlite3_open_v2(path.c_str(), &handle, flags | SQLITE_OPEN_NOMUTEX, nullptr);
    Database database(handle);
    if (code != SQLITE_OK) {
      return fail(path + ": " + sqlite3_errstr(code), sqlite_error_code(code));
    }
    return database;
  }

  void set_busy_timeout(int ms) { sqlite3_busy_timeout(handle_.get(), ms); }
  Result<void> execute(const char* sql) {
    if (sqlite3_exec(handle_.get(), sql, nullptr, nullptr, nullptr) == SQLITE_OK) return {};
    return sqlite_failure(handle_.get());
  }
  Result<Statement> prepare(std::string_view sql) {
    sqlite3_stmt* statement = nullptr;
    if (sqlite3_prepare_v2(handle_.get(), sql.data(), static_cast<int>(sql.size()), &statement,
                           nullptr) != SQLITE_OK) {
      return sqlite_failure(handle_.get());
    }
    return Statement(statement);
  }
  /// The first column of the first row; 0 where there is none.
  Result<std::int64_t> integer(std::string_view sql) {
    auto statement = prepare(sql);
    if (!statement) return std::unexpected(statement.error());
    const auto row = statement->step();
    if (!row) return std::unexpected(row.error());
    return *row ? statement->integer(0) : 0;
  }
  /// How far the write-ahead log is copied into the database.
  struct WalProgress {
    int frames = 0;
    int copied = 0;
  };
  /// Copies as much as `mode` (SQLITE_CHECKPOINT_...) and readers allow; that readers do not is no
  /// failure.
  Result<WalProgress> checkpoint(int mode) {
    WalProgress progress;
    const int code =
        sqlite3_wal_checkpoint_v2(handle_.get(), nullptr, mode, &progress.frames, &progress.copied);
    if (code != SQLITE_OK && code != SQLITE_BUSY) return sqlite_failure(handle_.get());
    return progress;
  }
  std::int64_t changes() const { return sqlite3_changes64(handle_.get()); }
  /// Of the newest insertion.
  std::int64_t last_row() const { return sqlite3_last_insert_rowid(handle_.get()); }

 private:
  explicit Database(sqlite3* handle) : handle_(handle, sqlite3_close_v2) {}
  std::unique_ptr<sqlite3, decltype(&sqlite3_close_v2)> handle_;
};

/// Prepares each of them.
inline Result<void> prepare_all(
    Database& database, std::initializer_list<std::pair<Statement*, std::string_view>> statements) {
  for (const auto& [statement, sql] : statements) {
    auto prepared = database.prepare(sql);
    if (!prepared) return std::unexpected(prepared.error());
    *statement = std::move(*prepared);
  }
  return {};
}

/// Calls `take` for each row, and leaves the statement reset. Errors: of the database.
template <typename Take>
Result<void> each_row(Statement& statement, Take take) {
  while (true) {
    const auto row = statement.step();
    if (!row || !*row) statement.reset();
    if (!row) return std::unexpected(row.error());
    if (!*row) return {};
    take(statement);
  }
}

/// Statements that are asked for again and again, prepared once: that takes longer than a short
/// query itself. Bounded. One thread, the connection's; whoever got one leaves it reset.
class StatementCache {
 public:
  explicit StatementCache(Database& database) : database_(&database) {}

  /// Good until make_room().
  Result<Statement*> get(const std::string& sql) {
    if (const auto known = statements_.find(sql); known != statements_.end()) return &known->second;
    auto prepared = database_->prepare(sql);
    if (!prepared) return std::unexpected(prepared.error());
    return &statements_.emplace(sql, std::move(*prepared)).first->second;
  }
  /// Lets go of all where there are many. While none is in use.
  void make_room() {
    if (statements_.size() >= kMost) statements_.clear();
  }

 private:
  static constexpr std::size_t kMost = 64;
  Database* database_;
  std::unordered_map<std::string, Statement> statements_;
};

}  // namespace slipstream
