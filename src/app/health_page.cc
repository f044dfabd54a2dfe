#include "app/health_page.h"

#include <algorithm>
#include <array>
#include <optional>
#include <tuple>
#include <utility>

#include "base/check.h"
#include "base/json_text.h"

namespace slipstream {
namespace {

/// The order that clients have always seen, behind `ok`.
constexpr std::array<std::string_view, 24> kMemberOrder = {
    "now",           "problems",          "notices",       "metrics",
    "version",       "uptimeSeconds",     "clock",         "wsPath",
    "sources",       "connections",       "log",           "redis.enabled",
    "redis.cluster", "redis.connections", "redis.streams", "redis.aggregates",
    "redis.log",     "backpressure",      "partitions",    "windows",
    "store",         "workers",           "series",        "instance"};

std::string_view object_of(std::string_view path) {
  return path.substr(0, path.find('.'));
}

void write_sentences(std::string& out, const std::vector<std::string>& sentences) {
  for (std::size_t i = 0; i < sentences.size(); ++i) {
    out += i == 0 ? '[' : ',';
    append_json_string(out, sentences[i]);
  }
  out += ']';
}

}  // namespace

std::string& HealthPage::member(std::string_view path) {
  CHECK(std::ranges::find(members_, path, &Member::path) == members_.end(),
        "of an object's members no two have one name");
  return members_.emplace_back(std::string(path), std::string()).value;
}

void HealthPage::problem(ProblemArea area, std::string sentence) {
  problems_.push_back({area, std::move(sentence)});
}

void HealthPage::notice(std::string sentence) {
  notices_.push_back(std::move(sentence));
}

void HealthPage::write_problems() {
  std::ranges::stable_sort(problems_, {}, &Problem::area);
  std::vector<std::string> sentences;
  for (const Problem& problem : problems_) sentences.push_back(problem.sentence);
  if (!sentences.empty()) write_sentences(member("problems"), sentences);
  if (!notices_.empty()) write_sentences(member("notices"), notices_);
}

/// Members of one object stand together.
std::vector<const HealthPage::Member*> HealthPage::in_order() const {
  const auto place = [this](const Member* member) {
    const std::string_view name = object_of(member->path);
    const auto listed = std::ranges::find(kMemberOrder, name, object_of);
    const auto told = std::ranges::find_if(
        members_, [name](const Member& other) { return object_of(other.path) == name; });
    return std::tuple(listed - kMemberOrder.begin(), told - members_.begin(),
                      std::ranges::find(kMemberOrder, member->path) - kMemberOrder.begin());
  };
  std::vector<const Member*> members;
  for (const Member& member : members_) members.push_back(&member);
  std::ranges::stable_sort(members, {}, place);
  return members;
}

std::string HealthPage::text() && {
  write_problems();
  std::string out;
  ObjectWriter page(out);
  page.flag("ok", is_ok());
  std::optional<ObjectWriter> object;  // within the page
  std::string_view open_name;
  for (const Member* const member : in_order()) {
    const std::string_view path = member->path;
    const std::string_view name = object_of(path);
    if (name != open_name) object.reset();
    if (name == path) {
      page.key(path) += member->value;
      continue;
    }
    if (!object) object.emplace(page.key(name));
    open_name = name;
    object->key(path.substr(name.size() + 1)) += member->value;
  }
  return out;
}

}  // namespace slipstream
