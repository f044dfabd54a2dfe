#include "app/rollups_page.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace slipstream {
namespace {

constexpr std::size_t kTailBytes = 64;  // of the JSON answer, its cursor among them
constexpr std::size_t kAnyNumber = 1'000'000'000;

}  // namespace

PageReader::PageReader(ReadRollups read, RollupQuery query, std::size_t max_bytes)
    : read_(std::move(read)), query_(std::move(query)), bytes_left_(max_bytes) {}

Result<RollupPage> PageReader::next() {
  if (has_ended_) return RollupPage{};
  RollupQuery query = query_;
  query.max_bytes = std::min(kPieceBytes, bytes_left_);
  auto page = read_(query);
  if (!page) return page;
  std::size_t bytes = 0;
  for (const std::string& rollup : page->rollups) bytes += rollup.size() + 1;
  // One always comes, too large or not: but only as the first of all it is taken.
  if (has_any_ && bytes > bytes_left_) {
    has_ended_ = true;
    next_cursor_ = query_.cursor;
    return RollupPage{};
  }
  has_any_ = has_any_ || !page->rollups.empty();
  bytes_left_ -= std::min(bytes, bytes_left_);
  query_.limit -= page->rollups.size();
  if (!page->next || query_.limit == 0 || bytes_left_ == 0) {
    has_ended_ = true;
    next_cursor_ = page->next;
  } else {
    query_.cursor = *page->next;
  }
  return page;
}

RollupsJson::RollupsJson(ReadRollups read, RollupQuery query, std::size_t max_bytes)
    : page_(std::move(read), std::move(query), max_bytes - kTailBytes) {}

Result<std::string> RollupsJson::next_piece() {
  if (is_whole_) return std::string();
  const auto page = page_.next();
  if (!page) return std::unexpected(page.error());
  std::string piece;
  if (!std::exchange(has_begun_, true)) piece = R"({"rollups":[)";
  for (const std::string& rollup : page->rollups) {
    if (std::exchange(has_rollups_, true)) piece += ',';
    piece += rollup;
  }
  if (page_.has_ended()) {
    const auto& next = page_.next_cursor();
    piece += next ? fmt::format(R"(],"next":"{}"}})", *next) : R"(],"next":null})";
    is_whole_ = true;
  }
  return piece;
}

RollupsTable::RollupsTable(ReadRollups read, RollupQuery query, CsvTexts texts,
                           std::size_t max_bytes)
    : read_(std::move(read)),
      query_(std::move(query)),
      max_bytes_(max_bytes),
      csv_(texts),
      learning_(read_, query_, kAnyNumber) {}

Result<bool> RollupsTable::prepare() {
  if (rows_) return true;
  const auto piece = learning_.next();
  if (!piece) return std::unexpected(piece.error());
  if (learn(*piece) && !learning_.has_ended()) return false;
  if (!next_cursor_) next_cursor_ = learning_.next_cursor();
  begin_rows();
  return true;
}

/// False: no more fit.
bool RollupsTable::learn(const RollupPage& piece) {
  for (std::size_t i = 0; i < piece.rollups.size(); ++i) {
    if (query_.first.empty()) query_.first = piece.places[i];
    const std::size_t columns_before = csv_.columns();
    csv_.learn(piece.rollups[i]);
    // A row has the values of its JSON at most, and a separator for each column that it lacks.
    const std::size_t bytes = learnt_bytes_ + piece.rollups[i].size();
    const std::size_t whole =
        csv_.header_bytes() + 1 + bytes + (learnt_rows_ + 1) * (csv_.columns() + 1);
    if (learnt_rows_ > 0 && whole > max_bytes_) {
      csv_.keep(columns_before);
      next_cursor_ = query_.last;
      return false;
    }
    learnt_bytes_ = bytes;
    ++learnt_rows_;
    query_.last = piece.places[i];
  }
  return true;
}

void RollupsTable::begin_rows() {
  if (learnt_rows_ == 0) csv_.learn_any();
  query_.limit = kAnyNumber;  // the places bound it
  rows_.emplace(read_, query_, kAnyNumber);
}

Result<std::string> RollupsTable::next_piece() {
  if (is_whole_) return std::string();
  std::string piece;
  if (!std::exchange(has_header_, true)) csv_.append_header(piece);
  is_whole_ = learnt_rows_ == 0;
  if (is_whole_) return piece;
  const auto page = rows_->next();
  if (!page) return std::unexpected(page.error());
  for (const std::string& rollup : page->rollups) csv_.append_row(piece, rollup);
  is_whole_ = rows_->has_ended();
  return piece;
}

}  // namespace slipstream
