#include "sweep_rows.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>
#include <widecert/number/error.h>

#include <cerrno>
#include <cstring>
#include <fstream>

namespace widecert::tool {

SweepRows::SweepRows(const SweepSpec& spec, const Shard& shard, std::string path, Json header, bool write)
    : spec_(spec), shard_(shard), path_(std::move(path)), header_(std::move(header)), writes_(write) {
  file_ = open(path_.c_str(), (write ? O_RDWR | O_CREAT | O_APPEND : O_RDONLY) | O_CLOEXEC, 0666);
  if (file_ < 0) throw InputError(path_ + ": cannot be opened: " + std::strerror(errno));
  if (flock(file_, (write ? LOCK_EX : LOCK_SH) | LOCK_NB) != 0) {
    close(file_);
    throw InputError(path_ + ": another run works on it; wait for it, or choose another --output");
  }
}

SweepRows::~SweepRows() {
  if (writes_ && lseek(file_, 0, SEEK_END) == 0) unlink(path_.c_str());
  close(file_);
}

void SweepRows::forget() {
  if (ftruncate(file_, 0) != 0) throw InputError(path_ + ": cannot be written");
}

void SweepRows::resume() {
  std::ifstream in(path_, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  std::size_t begin = 0, kept = 0, line = 0;
  for (std::size_t end = 0; (end = text.find('\n', begin)) != std::string::npos; begin = end + 1) {
    const Json json = Json::parse(text.substr(begin, end - begin), nullptr, false);
    if (line++ == 0) {
      if (json.is_discarded() || json != header_) {
        throw InputError(path_ +
                         " belongs to another sweep, to other data or another division; choose another --output, "
                         "or --restart to begin anew");
      }
      kept = end + 1;
      continue;
    }
    const std::uint64_t place = done();
    if (place >= total() || !fits(spec_, instance(place), json)) {
      throw InputError(fmt::format("{}: line {} is not a row of {}; --restart begins anew", path_, line,
                                   place < total()
                                       ? fmt::format("instance {}, which is expected there", instance(place))
                                       : std::string("this sweep")));
    }
    rows_.push_back(json);
    if (rows_.size() % spec_.entries() == 0) kept = end + 1;
  }
  rows_.resize(rows_.size() / spec_.entries() * spec_.entries());
  if (writes_ && kept < text.size() && ftruncate(file_, static_cast<off_t>(kept)) != 0) {
    throw InputError(path_ + ": cannot be written");
  }
}

void SweepRows::append(std::vector<std::vector<Json>> instances) {
  std::string lines;
  if (lseek(file_, 0, SEEK_END) == 0) lines = header_.dump() + "\n";
  for (const auto& instance : instances)
    for (const Json& row : instance) lines += row.dump() + "\n";
  write(lines);
  for (auto& instance : instances)
    for (Json& row : instance) rows_.push_back(std::move(row));
}

void SweepRows::write(const std::string& text) {
  for (std::size_t at = 0; at < text.size();) {
    const ssize_t count = ::write(file_, text.data() + at, text.size() - at);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) throw InputError(path_ + ": cannot be written: " + std::strerror(errno));
    at += static_cast<std::size_t>(count);
  }
}

}  // namespace widecert::tool
