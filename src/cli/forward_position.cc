#include "cli/forward_position.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>
#include <xxhash.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <fstream>
#include <iterator>
#include <random>

namespace slipstream {
namespace {

constexpr std::string_view kTitle = "slipstream forward 1";

std::string checksum(std::string_view text) {
  return fmt::format("{:016x}", XXH3_64bits(text.data(), text.size()));
}

std::string new_id() {
  std::random_device random;
  return fmt::format("{:08x}{:08x}", random(), random());
}

/// Reads words of a line, one after the other.
class Words {
 public:
  explicit Words(std::string_view line) : rest_(line) {}
  std::string_view next() {
    const auto end = std::min(rest_.find(' '), rest_.size());
    const auto word = rest_.substr(0, end);
    rest_.remove_prefix(std::min(end + 1, rest_.size()));
    return word;
  }
  std::optional<std::uint64_t> number() {
    const auto word = next();
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
    if (error != std::errc{} || end != word.data() + word.size()) return std::nullopt;
    return value;
  }
  std::optional<OffsetRange> range() {
    const auto from = number();
    const auto to = number();
    if (!from || !to || *from >= *to) return std::nullopt;
    return OffsetRange{*from, *to};
  }
  bool is_over() const { return rest_.empty(); }

 private:
  std::string_view rest_;
};

/// Closes what it has.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int fd() const { return fd_; }

 private:
  const int fd_;
};

Result<void> sync_path(const std::filesystem::path& path) {
  const Descriptor opened(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (opened.fd() < 0 || ::fsync(opened.fd()) != 0) {
    return std::unexpected(errno_error(path.string(), errno));
  }
  return {};
}

Result<void> write_synced(const std::filesystem::path& path, std::string_view text) {
  const Descriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  if (file.fd() < 0) return std::unexpected(errno_error(path.string(), errno));
  while (!text.empty()) {
    const auto written = ::write(file.fd(), text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return std::unexpected(errno_error(path.string(), errno));
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  if (::fsync(file.fd()) != 0) return std::unexpected(errno_error(path.string(), errno));
  return {};
}

}  // namespace

void OffsetSet::add(OffsetRange range) {
  if (range.from >= range.to) return;
  auto at = std::ranges::lower_bound(ranges_, range.from, {}, &OffsetRange::to);
  auto end = at;
  for (; end != ranges_.end() && end->from <= range.to; ++end) {
    range.from = std::min(range.from, end->from);
    range.to = std::max(range.to, end->to);
  }
  at = ranges_.erase(at, end);
  ranges_.insert(at, range);
}

void OffsetSet::cut(std::uint64_t end) {
  while (!ranges_.empty() && ranges_.back().from >= end) ranges_.pop_back();
  if (!ranges_.empty()) ranges_.back().to = std::min(ranges_.back().to, end);
}

std::vector<OffsetRange> OffsetSet::gaps(OffsetRange within) const {
  std::vector<OffsetRange> gaps;
  std::uint64_t at = within.from;
  for (const auto& [from, to] : ranges_) {
    if (at >= within.to) break;
    if (from > at) gaps.push_back({at, std::min(from, within.to)});
    at = std::max(at, to);
  }
  if (at < within.to) gaps.push_back({at, within.to});
  return gaps;
}

std::string to_text(const ForwardPosition::State& state, std::string_view server) {
  std::string text = fmt::format("{}\nto {}\nid {}\n", kTitle, server, state.id);
  for (const auto& [from, to] : state.delivered.ranges()) {
    fmt::format_to(std::back_inserter(text), "delivered {} {}\n", from, to);
  }
  if (state.log) {
    fmt::format_to(std::back_inserter(text), "log {} {}\n", state.log->base,
                   static_cast<std::uint64_t>(state.log->created_ns));
  }
  if (state.pending) {
    fmt::format_to(std::back_inserter(text), "pending {} {} {}\n", state.pending->range.from,
                   state.pending->range.to, state.pending->since_ns);
  }
  return text + "checksum " + checksum(text) + "\n";
}

Result<ForwardPosition::State> parse_position(std::string_view text) {
  const auto damaged = [] { return fail("it is damaged", ErrorCode::kCorrupt); };
  if (!text.starts_with(kTitle)) {
    return text.starts_with("slipstream forward ")
               ? fail("it is of another version", ErrorCode::kVersion)
               : damaged();
  }
  const auto last = text.rfind("checksum ");
  if (last == std::string_view::npos ||
      text.substr(last) != "checksum " + checksum(text.substr(0, last)) + "\n") {
    return damaged();
  }
  ForwardPosition::State state;
  text = text.substr(0, last);
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size() - 1);
    Words words(text.substr(0, end));
    text.remove_prefix(end + 1);
    const auto name = words.next();
    if (name == "id") {
      state.id = words.next();
    } else if (name == "delivered") {
      const auto range = words.range();
      if (!range || !words.is_over()) return damaged();
      state.delivered.add(*range);
    } else if (name == "log") {
      const auto base = words.number();
      const auto created = words.number();
      if (!base || !created || !words.is_over()) return damaged();
      state.log = ForwardPosition::LogMark{*base, static_cast<std::int64_t>(*created)};
    } else if (name == "pending") {
      const auto range = words.range();
      const auto since = words.number();
      if (!range || !since) return damaged();
      state.pending = {*range, static_cast<std::int64_t>(*since)};
    }
  }
  if (state.id.empty()) return damaged();
  return state;
}

std::filesystem::path ForwardPosition::file_for(const std::filesystem::path& data_dir,
                                                std::string_view server) {
  return data_dir / "forward" / (checksum(server) + ".position");
}

Result<ForwardPosition> ForwardPosition::open(std::filesystem::path file, std::string_view server) {
  ForwardPosition position(std::move(file), server);
  std::error_code error;
  if (!std::filesystem::exists(position.file_, error)) {
    if (error) return fail(fmt::format("{}: {}", position.file_.string(), error.message()));
    position.state_.id = new_id();
    position.is_new_ = true;
    return position;
  }
  std::ifstream in(position.file_, std::ios::binary);
  if (!in) return std::unexpected(errno_error(position.file_.string(), errno));
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  auto state = parse_position(text);
  if (!state) {
    return fail(fmt::format("{}: {}", position.file_.string(), state.error().message),
                state.error().code);
  }
  position.state_ = std::move(*state);
  return position;
}

void ForwardPosition::cut(std::uint64_t end) {
  state_.delivered.cut(end);
  if (state_.pending && state_.pending->range.to > end) state_.pending.reset();
  state_.id = new_id();
}

Result<void> ForwardPosition::save() {
  const auto folder = file_.parent_path();
  std::error_code error;
  const bool is_new_folder = std::filesystem::create_directory(folder, error);
  if (error) return fail(fmt::format("{}: {}", folder.string(), error.message()), ErrorCode::kIo);
  if (is_new_folder) {
    if (auto synced = sync_path(folder.parent_path()); !synced) return synced;
  }
  auto beside = file_;
  beside += ".new";
  if (auto written = write_synced(beside, to_text(state_, server_)); !written) return written;
  std::filesystem::rename(beside, file_, error);
  if (error) return fail(fmt::format("{}: {}", file_.string(), error.message()), ErrorCode::kIo);
  return sync_path(folder);
}

}  // namespace slipstream
