#include "broadcast/rollup_messages.h"

#include "codec/rollup_json.h"

namespace slipstream {
namespace {

constexpr std::string_view kHead = R"({"type":"rollup_update","data":[)";

void append_tail(std::string& out, RollupCursor cursor) {
  out += R"(],"cursor":")" + cursor.to_text() + "\"}";
}

/// Puts rollup_update messages together, none of them very large.
class MessageWriter {
 public:
  template <typename Append>
  void add(RollupCursor cursor, Append append) {
    text_ += count_++ == 0 ? kHead : ",";
    append(text_);
    cursor_ = cursor;
    if (count_ == RollupMessages::kMaxRollups || text_.size() >= RollupMessages::kMaxBytes) {
      finish();
    }
  }
  std::vector<FramePtr> take() {
    finish();
    return std::move(frames_);
  }

 private:
  void finish() {
    if (count_ == 0) return;
    append_tail(text_, cursor_);
    frames_.push_back(Frame::text(text_));
    text_.clear();
    count_ = 0;
  }

  std::string text_;
  std::size_t count_ = 0;
  RollupCursor cursor_;
  std::vector<FramePtr> frames_;
};

}  // namespace

std::size_t CommittedRollups::bytes() const {
  std::size_t bytes = sizeof *this;
  for (const auto& rollup : rollups) {
    bytes += sizeof(Rollup) + rollup->fields.size() * sizeof(FieldFigures);
  }
  return bytes;
}

RollupMessages::RollupMessages(CommittedRollups committed, const FieldTable& fields)
    : committed_(std::move(committed)), fields_(&fields), texts_(committed_.rollups.size()) {}

const std::vector<FramePtr>& RollupMessages::of(const Group& group) {
  for (const auto& [filter, frames] : made_) {
    if (filter == group.filter) return frames;
  }
  return made_.emplace_back(group.filter, encode(group)).second;
}

void RollupMessages::forget() {
  made_ = {};
  texts_.assign(committed_.rollups.size(), {});
}

std::vector<FramePtr> RollupMessages::encode(const Group& group) {
  MessageWriter writer;
  RollupCursor cursor = committed_.before;
  for (std::size_t i = 0; i < committed_.rollups.size(); ++i) {
    const Rollup& rollup = *committed_.rollups[i];
    const RollupRow row = committed_.rows[i];
    if (row > 0) cursor = {row, RollupCursor::check_of(rollup.window_id)};
    // One that the store had before, under the same id, went out then.
    if (row == 0 && (rollup.stored || !group.filter->wants_window(rollup.window))) continue;
    if (!group.filter->matches(rollup.track, rollup.chassis, rollup.tags)) continue;
    if (texts_[i].empty()) append_rollup_json(texts_[i], rollup, *fields_);
    writer.add(cursor, [&](std::string& out) { group.projection.append_rollup(out, texts_[i]); });
  }
  return writer.take();
}

FramePtr rollup_page_message(const Group& group, const StoredRollups& page) {
  std::string text(kHead);
  for (const auto& rollup : page.rollups) {
    if (text.size() > kHead.size()) text += ',';
    group.projection.append_rollup(text, rollup);
  }
  append_tail(text, page.to);
  return Frame::text(text);
}

}  // namespace slipstream
