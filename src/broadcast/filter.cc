#include "broadcast/filter.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/json_text.h"
#include "codec/json_scan.h"
#include "codec/rollup_json.h"
#include "model/statistic.h"

namespace slipstream {
namespace {

bool contains(const std::vector<std::string>& sorted, std::string_view text) {
  return std::ranges::binary_search(sorted, text, {},
                                    [](const auto& s) -> std::string_view { return s; });
}

std::vector<std::string> spelled(const std::vector<std::string>& names) {
  std::vector<std::string> out;
  for (const auto& name : names) out.push_back(json_spelled(name));
  std::ranges::sort(out);
  return out;
}

template <typename Keep>
std::size_t append_kept(std::string& out, std::string_view text, char open, char close, Keep keep) {
  std::size_t kept = 0;
  out += open;
  JsonScan scan(text);
  while (const auto item = scan.next()) {
    if (!keep(*item)) continue;
    if (kept++ > 0) out += ',';
    out += item->whole;
  }
  out += close;
  return kept;
}

}  // namespace

bool Filter::wants_track(std::string_view track) const {
  return tracks.empty() || contains(tracks, track);
}

bool Filter::matches(std::string_view track, std::string_view machine,
                     std::string_view its_tags) const {
  return wants_track(track) && (chassis.empty() || contains(chassis, machine)) &&
         tags.matches(its_tags);
}

bool Filter::wants_window(std::string_view name) const {
  return contains(windows, name);
}

Projection::Projection(const Filter& filter, const std::vector<std::string>& identity)
    : keeps_all_(filter.fields.empty()), fields_(spelled(filter.fields)) {
  auto members = filter.fields;
  members.insert(members.end(), identity.begin(), identity.end());
  point_members_ = spelled(members);
}

bool Filter::matches_event(std::string_view track, std::string_view about) const {
  return (tracks.empty() || contains(tracks, track)) &&
         (chassis.empty() || about.empty() || contains(chassis, about));
}

void Projection::append_point(std::string& out, std::string_view json) const {
  if (keeps_all_) {
    out += json;
    return;
  }
  append_kept(out, json, '{', '}',
              [&](const JsonScan::Item& item) { return contains(point_members_, item.name); });
}

void Projection::append_rollup(std::string& out, std::string_view json) const {
  if (keeps_all_) {
    out += json;
    return;
  }
  const auto tags = json_member(json, tags::kMember);
  append_kept(out, json, '{', '}', [&](const JsonScan::Item& item) {
    if (is_rollup_member(item.name)) return true;
    if (const Statistic* const statistic = statistic_of(item.name)) {
      return contains(fields_, item.name.substr(statistic->prefix.size()));
    }
    return !json_member(tags, item.name).empty();
  });
}

std::string filter_insights(const InsightUpdate& update, const Filter& filter) {
  const std::string_view message = update.json;
  const auto tracks = spelled(filter.tracks);
  const auto machines = spelled(filter.chassis);
  const auto is_wanted = [&](std::string_view track, std::string_view chassis) {
    return (tracks.empty() || contains(tracks, track)) &&
           (machines.empty() || contains(machines, chassis));
  };
  std::string data;
  const std::size_t vehicles =
      append_kept(data, json_member(message, "data"), '[', ']', [&](const JsonScan::Item& item) {
        const auto chassis = json_string_body(json_member(item.value, "chassis"));
        const auto track = json_string_body(json_member(item.value, "track"));
        return is_wanted(track, chassis);
      });
  std::size_t parts = vehicles;
  const auto of_kept = [&](std::string& out, std::string_view member,
                           const std::vector<std::string>& item_tracks) {
    std::size_t number = 0;
    parts +=
        append_kept(out, json_member(message, member), '[', ']', [&](const JsonScan::Item& item) {
          const std::string track = json_spelled(item_tracks[number++]);
          return is_wanted(track, json_string_body(json_member(item.value, "chassis")));
        });
  };
  std::string out = R"({"type":"insight_update","data":)" + data + R"(,"gaps":)";
  of_kept(out, "gaps", update.gap_tracks);
  out += R"(,"insights":)";
  of_kept(out, "insights", update.notice_tracks);
  if (parts == 0) return {};
  const auto meta = json_member(message, "meta");
  fmt::format_to(std::back_inserter(out),
                 R"(,"meta":{{"generated_at":{},"vehicle_count":{},"analysis_version":{}}}}})",
                 json_member(meta, "generated_at"), vehicles,
                 json_member(meta, "analysis_version"));
  return out;
}

}  // namespace slipstream
