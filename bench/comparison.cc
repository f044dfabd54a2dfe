#include "comparison.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <stdexcept>
#include <string_view>

namespace slipstream::bench {
namespace {

namespace dom = simdjson::dom;

/// Numbers that a row was asked for; all others were measured.
constexpr std::string_view kSettings[] = {"rate", "clients", "bytes", "together", "cores"};

bool is_setting(std::string_view name) {
  return std::ranges::find(kSettings, name) != std::end(kSettings);
}

struct Figures {
  std::map<std::string, double> values;
  std::map<std::string, std::string> within;  ///< each place, a figure or what holds some: in which
};

std::string row_name(const dom::element& row) {
  std::string name;
  dom::object object;
  if (row.get(object) != simdjson::SUCCESS) return name;
  for (const auto [key, value] : object) {
    std::string_view text;
    double number = 0;
    if (value.get(text) == simdjson::SUCCESS) {
      name += fmt::format("{}{}", name.empty() ? "" : " ", text);
    } else if (is_setting(key) && value.get(number) == simdjson::SUCCESS) {
      name += fmt::format("{}{}={}", name.empty() ? "" : " ", key, number);
    }
  }
  return name;
}

void collect(const dom::element& element, const std::string& place, Figures& figures) {
  const auto enter = [&](const dom::element& inner, const std::string& name) {
    figures.within.emplace(name, place);
    collect(inner, name, figures);
  };
  switch (element.type()) {
    case dom::element_type::OBJECT: {
      const bool is_row = place.ends_with(']');
      for (const auto [key, value] : dom::object(element)) {
        if (value.is_string() || (is_row && is_setting(key))) continue;
        enter(value, place.empty() ? std::string(key) : fmt::format("{}.{}", place, key));
      }
      break;
    }
    case dom::element_type::ARRAY: {
      std::size_t index = 0;
      for (const dom::element row : dom::array(element)) {
        std::string name = fmt::format("{}[{}]", place, row_name(row));
        if (name.ends_with("[]") || figures.within.contains(name)) {
          name = fmt::format("{}[{}]", place, index);
        }
        enter(row, name);
        ++index;
      }
      break;
    }
    case dom::element_type::BOOL:
      figures.values[place] = bool(element) ? 1 : 0;
      break;
    case dom::element_type::INT64:
    case dom::element_type::UINT64:
    case dom::element_type::DOUBLE:
      figures.values[place] = double(element);
      break;
    case dom::element_type::STRING:
    case dom::element_type::NULL_VALUE:
      break;
  }
}

Figures figures_of(const std::string& json) {
  dom::parser parser;
  dom::element root;
  if (const auto error = parser.parse(json).get(root); error != simdjson::SUCCESS) {
    throw std::runtime_error(fmt::format("no benchmark's JSON: {}", error_message(error)));
  }
  Figures figures;
  collect(root, "", figures);
  return figures;
}

/// What of one is not in the other, without what lies within such a thing.
std::vector<std::string> missing(const Figures& of, const Figures& in) {
  std::vector<std::string> places;
  for (const auto& [place, holder] : of.within) {
    if (in.within.contains(place)) continue;
    if (holder.empty() || in.within.contains(holder)) places.push_back(place);
  }
  return places;
}

double change_of(double before, double after) {
  if (before == after) return 0;
  if (before == 0) return std::copysign(std::numeric_limits<double>::infinity(), after);
  return (after - before) / std::abs(before);
}

}  // namespace

Comparison compare(const std::string& before, const std::string& after, double share) {
  const Figures old = figures_of(before);
  const Figures now = figures_of(after);
  Comparison comparison;
  comparison.only_before = missing(old, now);
  comparison.only_after = missing(now, old);
  for (const auto& [figure, value] : now.values) {
    const auto was = old.values.find(figure);
    if (was == old.values.end()) continue;
    ++comparison.compared;
    const double change = change_of(was->second, value);
    if (std::abs(change) > share) {
      comparison.moved.push_back({figure, was->second, value, change});
    }
  }
  std::ranges::stable_sort(comparison.moved, std::ranges::greater{},
                           [](const auto& m) { return std::abs(m.change); });
  return comparison;
}

std::string to_text(const Comparison& comparison, double share) {
  std::size_t width = 0;
  for (const auto& m : comparison.moved) width = std::max(width, m.figure.size());
  std::string text = fmt::format("{} of {} figures moved by over {:.0f} %\n",
                                 comparison.moved.size(), comparison.compared, share * 100);
  if (!comparison.moved.empty()) {
    text += fmt::format("{:{}} {:>12} {:>12} {:>10}\n", "", width, "before", "now", "change");
  }
  for (const auto& m : comparison.moved) {
    const std::string change =
        std::isinf(m.change) ? "from 0" : fmt::format("{:+.1f} %", m.change * 100);
    text += fmt::format("{:{}} {:>12} {:>12} {:>10}\n", m.figure, width, m.before, m.after, change);
  }
  for (const auto& place : comparison.only_before) text += fmt::format("only before: {}\n", place);
  for (const auto& place : comparison.only_after) text += fmt::format("only now: {}\n", place);
  return text;
}

}  // namespace slipstream::bench
