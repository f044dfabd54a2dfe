#include "interposer/interposed.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstring>
#include <fstream>
#include <stdexcept>

namespace slipstream::interposer {

bool Interposed::is_built() {
#ifdef SLIPSTREAM_INTERPOSER
  return true;
#else
  return false;
#endif
}

Interposed::Interposed(std::filesystem::path folder) : folder_(std::move(folder)) {
  control_file_ = folder_;
  control_file_ += ".control";
  const int fd = open(control_file_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  void* const shared =
      fd < 0 || ftruncate(fd, sizeof(Control)) != 0
          ? MAP_FAILED
          : mmap(nullptr, sizeof(Control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (fd >= 0) close(fd);
  if (shared == MAP_FAILED) throw std::runtime_error("no control file can be mapped");
  control_ = static_cast<Control*>(shared);
}

Interposed::~Interposed() {
  munmap(control_, sizeof(Control));
}

std::vector<std::string> Interposed::environment(const std::filesystem::path& recording) const {
#ifdef SLIPSTREAM_INTERPOSER
  std::vector<std::string> variables{"LD_PRELOAD=" SLIPSTREAM_INTERPOSER,
                                     std::string(kControlVariable) + "=" + control_file_.string(),
                                     std::string(kFolderVariable) + "=" + folder_.string()};
  if (!recording.empty()) {
    variables.push_back(std::string(kRecordingVariable) + "=" + recording.string());
  }
  return variables;
#else
  static_cast<void>(recording);
  return {};
#endif
}

void Interposed::set_wall_offset(std::chrono::milliseconds offset) {
  control_->wall_offset_ns.store(std::chrono::nanoseconds(offset).count());
}

std::vector<Event> read_events(const std::filesystem::path& recording) {
  std::ifstream in(recording, std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(in), {}};
  std::vector<Event> events;
  EventHeader header{};
  for (std::size_t at = 0; bytes.size() - at >= sizeof header;) {
    std::memcpy(&header, bytes.data() + at, sizeof header);
    at += sizeof header;
    const std::size_t whole = std::size_t{header.text_bytes} + header.other_bytes;
    if (bytes.size() - at < whole) break;
    events.push_back({header.kind, header.handle, header.number,
                      bytes.substr(at, header.text_bytes),
                      bytes.substr(at + header.text_bytes, header.other_bytes)});
    at += whole;
  }
  return events;
}

}  // namespace slipstream::interposer
