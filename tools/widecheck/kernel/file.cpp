#include "kernel/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "kernel/verdict.h"

namespace widecheck {
namespace {

std::string confined_to;  // with a '/' at its end; empty: nowhere

}  // namespace

void confine(const std::string& folder) {
  std::error_code error;
  const auto path = std::filesystem::canonical(folder, error);
  if (error) throw Malformed("no-file", folder + ": the folder cannot be entered");
  confined_to = (path / "").string();
}

File::File(const std::string& path, const char* reason)
    : descriptor_(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)) {
  struct stat found {};
  const bool regular = descriptor_ >= 0 && ::fstat(descriptor_, &found) == 0 && S_ISREG(found.st_mode);
  bool inside = true;
  if (descriptor_ >= 0 && !confined_to.empty()) {  // the place of what is open, by the system
    std::error_code error;
    const std::string place =
        std::filesystem::read_symlink("/proc/self/fd/" + std::to_string(descriptor_), error).string();
    inside = !error && place.starts_with(confined_to);
  }
  if (!regular || !inside) {
    if (descriptor_ >= 0) ::close(descriptor_);
    if (!inside) throw Malformed("outside", path + ": leads out of the folder of the claim; refused (--confine)");
    throw Malformed(reason, path + ": expected a regular file that can be read");
  }
  size_ = static_cast<std::size_t>(found.st_size);
}

File::~File() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

std::size_t File::read(void* out, std::size_t count, std::size_t begin) const {
  std::size_t done = 0;
  while (done < count) {
    const ssize_t got =
        ::pread(descriptor_, static_cast<char*>(out) + done, count - done, static_cast<off_t>(begin + done));
    if (got <= 0) break;
    done += static_cast<std::size_t>(got);
  }
  return done;
}

int File::release() {
  const int descriptor = descriptor_;
  descriptor_ = -1;
  return descriptor;
}

}  // namespace widecheck
