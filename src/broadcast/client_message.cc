#include "broadcast/client_message.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "base/json_text.h"
#include "codec/json_scan.h"

namespace slipstream {
namespace {

using simdjson::SUCCESS;
using simdjson::dom::element;
using Names = std::vector<std::string>;

std::unexpected<MessageFault> fault(std::string_view reason, std::string message) {
  return std::unexpected(MessageFault{reason, std::move(message)});
}

std::string list_of(const auto& names) {
  std::string out;
  for (const auto& name : names) {
    if (!out.empty()) out += ", ";
    out += name;
  }
  return out;
}

/// A string or a list of strings, sorted, without repeats.
std::expected<Names, MessageFault> names_of(const element& value, std::string_view what,
                                            std::string_view reason, std::size_t limit) {
  const auto bad = [&] {
    return fault(reason,
                 fmt::format("'{}' is a string or a list of strings, none of them empty or longer "
                             "than {} bytes",
                             what, ClientMessageParser::kMaxNameBytes));
  };
  Names names;
  const auto add = [&](const element& item) {
    std::string_view name;
    if (item.get(name) != SUCCESS || name.empty() ||
        name.size() > ClientMessageParser::kMaxNameBytes) {
      return false;
    }
    names.emplace_back(name);
    return true;
  };
  simdjson::dom::array list;
  if (value.get(list) != SUCCESS) {
    if (!add(value)) return bad();
    return names;
  }
  if (list.size() > limit) {
    return fault("too_many_values", fmt::format("'{}' takes at most {} values", what, limit));
  }
  for (const element item : list) {
    if (!add(item)) return bad();
  }
  std::ranges::sort(names);
  const auto repeats = std::ranges::unique(names);
  names.erase(repeats.begin(), repeats.end());
  return names;
}

std::optional<element> member(const simdjson::dom::object& object, std::string_view name) {
  element value;
  if (object.at_key(name).get(value) != SUCCESS || value.is_null()) return std::nullopt;
  return value;
}

std::expected<void, MessageFault> parse_where(const element& value, Filter& filter) {
  simdjson::dom::object where;
  if (value.get(where) != SUCCESS) {
    return fault("bad_where",
                 "'where' is an object: {\"track\":[...],\"chassis\":[...],\"tag.NAME\":[...]}");
  }
  for (const auto [key, values] : where) {
    Names* into = key == "track" ? &filter.tracks : key == "chassis" ? &filter.chassis : nullptr;
    const auto tag = key.starts_with(tags::kPrefix) ? key.substr(tags::kPrefix.size()) : "";
    if (into == nullptr && tag.empty()) {
      return fault("bad_where", fmt::format("'where' knows track, chassis and tag.NAME, not '{}'",
                                            key.substr(0, ClientMessageParser::kMaxNameBytes)));
    }
    auto names = names_of(values, key, "bad_where", ClientMessageParser::kMaxWhereValues);
    if (!names) return std::unexpected(names.error());
    if (names->empty()) {
      return fault("bad_where", fmt::format("'{}' is empty: leave it out to get all", key));
    }
    if (into != nullptr) {
      *into = std::move(*names);
    } else {
      for (const auto& name : *names) filter.tags.add(tag, name);
    }
  }
  if (filter.tracks.size() + filter.chassis.size() + filter.tags.values() >
      ClientMessageParser::kMaxWhereValues) {
    return fault("too_many_values", fmt::format("'where' takes at most {} values",
                                                ClientMessageParser::kMaxWhereValues));
  }
  return {};
}

std::expected<void, MessageFault> parse_channels(const element& value, Subscription& into) {
  auto names = names_of(value, "channels", "bad_channels", 16);
  if (!names) return std::unexpected(names.error());
  into.channels = {};
  for (const auto& name : *names) {
    const auto known = std::ranges::find(kChannelNames, name);
    if (known == kChannelNames.end()) {
      return fault("unknown_channel", fmt::format("there is no channel '{}'; there are: {}", name,
                                                  list_of(kChannelNames)));
    }
    into.channels[static_cast<std::size_t>(known - kChannelNames.begin())] = true;
  }
  return {};
}

void append_names(std::string& out, std::string_view key, const Names& names) {
  append_json_string(out, key);
  out += ":[";
  for (const auto& name : names) {
    if (&name != names.data()) out += ',';
    append_json_string(out, name);
  }
  out += ']';
}

/// The id as it is spelled, where it is a string or a number of some sensible length.
std::expected<std::string_view, MessageFault> id_of(std::string_view text,
                                                    const simdjson::dom::object& object) {
  const auto value = member(object, "id");
  if (!value) return std::string_view{};
  const auto id = json_member(text, "id");
  const bool is_good = value->is_string() || value->is_number();
  const std::size_t limit =
      value->is_string() ? ClientMessageParser::kMaxIdBytes + 2 : ClientMessageParser::kMaxIdDigits;
  if (!is_good || id.empty() || id.size() > limit) {
    return fault("bad_id", fmt::format("'id' is a string of at most {} bytes, or a number",
                                       ClientMessageParser::kMaxIdBytes));
  }
  return id;
}

}  // namespace

void Subscription::append_json(std::string& out, const Names& stored_windows) const {
  Names names;
  for (std::size_t i = 0; i < kChannelCount; ++i) {
    if (channels[i]) names.emplace_back(kChannelNames[i]);
  }
  append_names(out, "channels", names);
  out += R"(,"where":{)";
  const auto append_where = [&out](std::string_view key, const Names& wanted) {
    if (wanted.empty()) return;
    if (!out.ends_with('{')) out += ',';
    append_names(out, key, wanted);
  };
  append_where("track", filter.tracks);
  append_where("chassis", filter.chassis);
  for (const auto& tag : filter.tags.wanted()) {
    append_where(std::string(tags::kPrefix) + tag.name, tag.values);
  }
  out += "},";
  if (filter.fields.empty()) {
    out += R"("fields":null)";
  } else {
    append_names(out, "fields", filter.fields);
  }
  out += R"(,"max_hz":)";
  if (filter.max_hz == 0) {
    out += "null";
  } else {
    append_json_number(out, filter.max_hz);
  }
  fmt::format_to(std::back_inserter(out), R"(,"policy":"{}",)", kPolicyNames[index(policy)]);
  Names windows = stored_windows;
  windows.insert(windows.end(), filter.windows.begin(), filter.windows.end());
  append_names(out, "windows", windows);
  if (from_session) out += R"(,"from":"session")";
}

std::string error_text(const MessageFault& fault) {
  std::string out = fmt::format(R"({{"type":"error","reason":"{}","message":)", fault.reason);
  append_json_string(out, fault.message);
  if (!fault.id.empty()) out += R"(,"id":)" + fault.id;
  return out += '}';
}

std::expected<ClientMessage, MessageFault> ClientMessageParser::parse(std::string_view text) {
  element root;
  const auto failed = parser_.parse(text.data(), text.size()).get(root);
  if (failed && parse_around_points(text).get(root) != SUCCESS) {
    return fault("malformed_json",
                 fmt::format("a message is a JSON object: {}", simdjson::error_message(failed)));
  }
  Object object;
  if (root.get(object) != SUCCESS) return fault("not_an_object", "a message is a JSON object");
  const auto id = id_of(text, object);
  if (!id) return std::unexpected(id.error());
  auto message = parse_object(text, object);
  if (!message) {
    message.error().id = *id;
  } else {
    message->id = *id;
  }
  return message;
}

simdjson::simdjson_result<element> ClientMessageParser::parse_around_points(std::string_view text) {
  const auto points = json_member(text, "points");
  if (!points.starts_with('[')) return simdjson::NO_SUCH_FIELD;
  around_points_.assign(text.data(), points.data());
  around_points_ += "[]";
  around_points_.append(points.data() + points.size(), text.data() + text.size());
  element root;
  if (const auto failed = parser_.parse(around_points_).get(root)) return failed;
  std::string_view type;
  if (root["type"].get(type) != SUCCESS || type != "publish") return simdjson::INCORRECT_TYPE;
  return root;
}

std::expected<ClientMessage, MessageFault> ClientMessageParser::parse_object(std::string_view text,
                                                                             const Object& object) {
  std::string_view type;
  if (object.at_key("type").get(type) != SUCCESS) {
    return fault("unknown_type", "a message has a member 'type' with a string");
  }
  if (type == "ping") return ClientMessage{PingCommand{}};
  if (type == "subscribe") {
    auto subscription = parse_subscription(object);
    if (!subscription) return std::unexpected(subscription.error());
    return ClientMessage{SubscribeCommand{std::move(*subscription)}};
  }
  if (type == "resume") {
    std::string_view name = "rollups";
    if (const auto given = member(object, "channel"); given && given->get(name) != SUCCESS) {
      name = {};
    }
    const auto* const channel = std::ranges::find(kResumableChannels, name, name_of);
    if (channel == std::end(kResumableChannels)) {
      return fault("unknown_channel", "only 'rollups', 'marks' and 'laps' can be resumed");
    }
    std::string_view after;
    const auto given = member(object, "after");
    const auto cursor = given && given->get(after) == SUCCESS ? RollupCursor::parse(after)
                                                              : std::optional<RollupCursor>{};
    if (!cursor) {
      return fault("bad_cursor",
                   "'after' is a cursor that a message of the channel or subscribed gave");
    }
    return ClientMessage{ResumeCommand{*channel, *cursor}};
  }
  if (type == "publish") {
    const auto points = json_member(text, "points");
    const auto given = member(object, "points");
    if (!given || !given->is_array() || points.empty()) {
      return fault("bad_points", "'points' is a list of points");
    }
    std::string_view traceparent;
    const auto parent = member(object, "traceparent");
    if (parent && parent->get(traceparent) != SUCCESS) traceparent = "no string";
    return ClientMessage{PublishCommand{points, traceparent}};
  }
  return fault("unknown_type", "the types of messages are: ping, subscribe, resume, publish");
}

std::expected<Subscription, MessageFault> ClientMessageParser::parse_subscription(
    const Object& object) const {
  Subscription s;
  if (const auto channels = member(object, "channels")) {
    if (auto done = parse_channels(*channels, s); !done) return std::unexpected(done.error());
  }
  if (const auto where = member(object, "where")) {
    if (auto done = parse_where(*where, s.filter); !done) return std::unexpected(done.error());
  }
  if (const auto fields = member(object, "fields")) {
    auto names = names_of(*fields, "fields", "bad_fields", kMaxFields);
    if (!names) return std::unexpected(names.error());
    if (names->empty()) return fault("bad_fields", "'fields' is empty: leave it out to get all");
    s.filter.fields = std::move(*names);
  }
  if (const auto max_hz = member(object, "max_hz")) {
    double value = 0;
    if (max_hz->get(value) != SUCCESS || !(value >= kMinHz && value <= kMaxHz)) {
      return fault("bad_max_hz", fmt::format("'max_hz' is a number from {} to {}", kMinHz, kMaxHz));
    }
    s.filter.max_hz = value;
  }
  if (const auto policy = member(object, "policy")) {
    std::string_view name;
    const bool is_text = policy->get(name) == SUCCESS;
    const auto known = std::ranges::find(kPolicyNames, name);
    if (!is_text || known == kPolicyNames.end()) {
      return fault("bad_policy", fmt::format("'policy' is one of: {}", list_of(kPolicyNames)));
    }
    s.policy = static_cast<Policy>(known - kPolicyNames.begin());
  }
  if (const auto from = member(object, "from")) {
    std::string_view name;
    if (from->get(name) != SUCCESS || name != "session") {
      return fault("bad_from", "'from' is \"session\": what was recorded of it first; or left out");
    }
    if (!s.has(Channel::kTelemetry)) {
      return fault("bad_from", "'from' is about the channel telemetry, which is not asked for");
    }
    s.from_session = true;
  }
  if (const auto windows = member(object, "windows")) {
    auto names = names_of(*windows, "windows", "bad_windows", 64);
    if (!names) return std::unexpected(names.error());
    for (auto& name : *names) {
      if (std::ranges::find(windows_.stored, name) != windows_.stored.end()) continue;
      if (std::ranges::find(windows_.unstored, name) == windows_.unstored.end()) {
        return fault("bad_windows",
                     fmt::format("there is no window '{}'; there are: {}{}{}", name,
                                 list_of(windows_.stored),
                                 windows_.stored.empty() || windows_.unstored.empty() ? "" : ", ",
                                 list_of(windows_.unstored)));
      }
      s.filter.windows.push_back(std::move(name));
    }
  }
  return s;
}

}  // namespace slipstream
