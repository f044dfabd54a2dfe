#include "codec/row_json.h"

#include "base/check.h"
#include "base/iso_time.h"
#include "base/json_text.h"
#include "codec/csv_text.h"

namespace slipstream {

void RowJson::open(std::string_view name) {
  if (text_.size() > 1) text_ += ',';
  append_json_string(text_, name);
  text_ += ':';
}

void RowJson::add_text(std::string_view name, std::string_view text) {
  open(name);
  append_json_string(text_, text);
}

void RowJson::add_number(const Member& member, std::string_view literal, double value) {
  open(member.name());
  const std::size_t begin = text_.size();
  append_json_number(text_, literal, value);
  if (member.role != MemberRole::kLap) return;
  lap_offset_ = begin;
  lap_length_ = text_.size() - begin;
}

void RowJson::add_time(std::string_view name, std::int64_t ns) {
  open(name);
  text_ += '"';
  append_iso_time(text_, ns);
  text_ += '"';
}

void RowJson::add_raw(std::string_view name, std::string_view value) {
  open(name);
  text_ += value;
}

void RowJson::finish(Draft& draft) {
  CHECK(text_.starts_with('{'), "begin() opened the object");
  text_ += '}';
  draft.json = text_;
  draft.lap_literal = draft.json.substr(lap_offset_, lap_length_);
}

}  // namespace slipstream
