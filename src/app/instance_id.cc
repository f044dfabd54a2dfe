#include "app/instance_id.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <random>

namespace slipstream {
namespace {

constexpr const char* kInstanceFile = "instance-id";
constexpr std::size_t kInstanceDigits = 32;

}  // namespace

std::string known_instance_id(FileSystem& files, const std::filesystem::path& data_dir) {
  const auto file = files.open_read(data_dir / kInstanceFile);
  if (!file) return {};
  std::array<char, kInstanceDigits> digits{};
  const auto read = (*file)->read_at(0, digits);
  const bool is_one = read && *read == digits.size() &&
                      std::ranges::all_of(digits, [](unsigned char c) { return std::isxdigit(c); });
  return is_one ? std::string(digits.data(), digits.size()) : std::string();
}

Result<std::string> instance_id(FileSystem& files, const std::filesystem::path& data_dir) {
  if (auto known = known_instance_id(files, data_dir); !known.empty()) return known;
  std::random_device random;
  const auto id = fmt::format("{:08x}{:08x}{:08x}{:08x}", random(), random(), random(), random());
  const auto path = data_dir / kInstanceFile;
  auto unnamed = path;
  unnamed += ".new";
  static_cast<void>(files.remove(unnamed));  // of a start that did not get farther
  auto file = files.open_append(unnamed, OpenMode::kCreateNew);
  if (!file) return std::unexpected(file.error());
  auto done = write_all(**file, id + "\n");
  if (done) done = (*file)->sync();
  if (done) done = files.rename(unnamed, path);
  if (done) done = files.sync_directory(data_dir);
  if (!done) return std::unexpected(done.error());
  return id;
}

}  // namespace slipstream
