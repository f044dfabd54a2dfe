#include "app/rollups_page.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
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
    : read_(std::move(read)), query_(std::move(query)), max_bytes_(max_bytes), csv_(texts) {}

Result<void> RollupsTable::learn() {
  PageReader page(read_, query_, std::numeric_limits<std::size_t>::max());
  std::size_t cells = 0;
  std::size_t rows = 0;
  std::string text;
  while (true) {
    const auto piece = page.next();
    if (!piece) return std::unexpected(piece.error());
    if (piece->rollups.empty()) break;
    if (query_.first.empty()) query_.first = piece->places.front();
    for (std::size_t i = 0; i < piece->rollups.size(); ++i) {
      const std::size_t columns_before = csv_.columns();
      csv_.learn(piece->rollups[i]);
      text.clear();
      csv_.append_row(text, piece->rollups[i]);
      // A separator a column in each row, those that lack it too, and a line's end of two bytes.
      const std::size_t own = text.size() - csv_.columns() - 1;
      const std::size_t whole =
          csv_.header_bytes() + 1 + cells + own + (rows + 1) * (csv_.columns() + 1);
      if (rows > 0 && whole > max_bytes_) {
        csv_.keep(columns_before);
        next_cursor_ = query_.last;
        return {};
      }
      cells += own;
      ++rows;
      query_.last = piece->places[i];
    }
  }
  next_cursor_ = page.next_cursor();
  if (rows == 0) {
    csv_.learn_any();
    is_whole_ = true;
  }
  return {};
}

Result<std::string> RollupsTable::next_piece() {
  if (is_whole_) return std::string();
  std::string piece;
  if (!rows_) {
    if (auto learnt = learn(); !learnt) return std::unexpected(learnt.error());
    csv_.append_header(piece);
    if (is_whole_) return piece;
    query_.limit = kAnyNumber;  // the places bound it
    rows_.emplace(read_, query_, std::numeric_limits<std::size_t>::max());
  }
  const auto page = rows_->next();
  if (!page) return std::unexpected(page.error());
  for (const std::string& rollup : page->rollups) csv_.append_row(piece, rollup);
  is_whole_ = rows_->has_ended();
  return piece;
}

}  // namespace slipstream
