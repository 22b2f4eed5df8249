#include "kernel/stream.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <cstdint>

#include "kernel/file.h"
#include "kernel/verdict.h"

namespace widecheck {

struct Stream::Source {
  virtual ~Source() = default;
  // Some bytes, none at the end; throws Malformed on damage.
  virtual std::size_t some(void* out, std::size_t size) = 0;
};

namespace {

struct Gzip : Stream::Source {
  explicit Gzip(File&& opened) : file(gzdopen(opened.release(), "rb"), &gzclose) {
    if (!file) throw Malformed("data", "zlib cannot start");
  }
  std::size_t some(void* out, std::size_t size) override {
    const int got = gzread(file.get(), out, static_cast<unsigned>(size));
    if (got < 0) throw Malformed("data", "damaged gzip data");
    return static_cast<std::size_t>(got);
  }
  std::unique_ptr<gzFile_s, decltype(&gzclose)> file;
};

// One member of a zip archive, stored or deflated, found by the central directory at the end. Archives
// of 4 GiB and more (zip64) are not read.
struct Zip : Stream::Source {
  Zip(const std::string& path, const std::string& member) : file(path, "no-data") {
    const std::uint64_t size = file.size();
    // The end record has 22 bytes and a comment of at most 65,535, which ends the file.
    const std::uint64_t tail_size = std::min<std::uint64_t>(size, 22 + 65'535);
    const std::string tail = bytes(size - tail_size, tail_size);
    std::size_t end = tail.size() < 22 ? std::string::npos : tail.rfind("PK\5\6", tail.size() - 22);
    while (end != std::string::npos && end + 22 + little(tail, end + 20, 2) != tail.size())
      end = end == 0 ? std::string::npos : tail.rfind("PK\5\6", end - 1);
    if (end == std::string::npos) throw Malformed("data", "not a zip archive");
    const std::uint64_t entries = little(tail, end + 10, 2), directory_size = little(tail, end + 12, 4),
                        directory_begin = little(tail, end + 16, 4);
    if (directory_begin + directory_size != size - tail_size + end || directory_size > (1u << 22))
      throw Malformed("data", "a zip archive without a readable directory");
    const std::string directory = bytes(directory_begin, directory_size);
    std::size_t at = 0, found = std::string::npos;
    for (std::uint64_t k = 0; k < entries; ++k) {
      if (at + 46 > directory.size() || directory.compare(at, 4, "PK\1\2") != 0) break;
      const std::size_t name = little(directory, at + 28, 2);
      if (at + 46 + name <= directory.size() && directory.substr(at + 46, name) == member) {
        if (found != std::string::npos) throw Malformed("data", "two members have this name");
        found = at;
      }
      at += 46 + name + little(directory, at + 30, 2) + little(directory, at + 32, 2);
    }
    if (found == std::string::npos) throw Malformed("data", "the archive has no such member");
    open(little(directory, found + 10, 2), little(directory, found + 20, 4), little(directory, found + 42, 4), size);
  }
  ~Zip() override {
    if (deflated) inflateEnd(&state);
  }
  Zip(const Zip&) = delete;
  Zip& operator=(const Zip&) = delete;

  void open(std::uint64_t method, std::uint64_t compressed, std::uint64_t begin, std::uint64_t size) {
    if (begin + 30 > size) throw Malformed("data", "a zip archive with a damaged directory");
    const std::string header = bytes(begin, 30);
    const std::uint64_t data = begin + 30 + little(header, 26, 2) + little(header, 28, 2);
    if (header.compare(0, 4, "PK\3\4") != 0 || data > size || compressed > size - data || (method != 0 && method != 8))
      throw Malformed("data", "a zip member that is not stored or deflated");
    next = data;
    left = compressed;
    if (method == 8) {
      deflated = inflateInit2(&state, -15) == Z_OK;
      if (!deflated) throw Malformed("data", "zlib cannot start");
    }
  }

  std::size_t some(void* out, std::size_t size) override {
    if (!deflated) return raw(out, size);
    state.next_out = static_cast<unsigned char*>(out);
    state.avail_out = static_cast<unsigned>(size);
    while (state.avail_out == size && !ended) {
      if (state.avail_in == 0) {
        state.avail_in = static_cast<unsigned>(raw(buffer.data(), buffer.size()));
        state.next_in = buffer.data();
      }
      const int code = inflate(&state, Z_NO_FLUSH);
      ended = code == Z_STREAM_END;
      if (code != Z_OK && !ended) throw Malformed("data", "damaged deflate data");
    }
    return size - state.avail_out;
  }

  std::size_t raw(void* out, std::size_t size) {
    const std::uint64_t count = std::min<std::uint64_t>(size, left);
    if (file.read(out, count, next) != count) throw Malformed("data", "the file cannot be read");
    next += count;
    left -= count;
    return count;
  }
  std::string bytes(std::uint64_t begin, std::uint64_t count) {
    std::string out(count, '\0');
    if (file.read(out.data(), count, begin) != count) throw Malformed("data", "the file cannot be read");
    return out;
  }
  static std::uint64_t little(const std::string& text, std::size_t at, int count) {
    std::uint64_t v = 0;
    for (int b = count; b-- > 0;) v = v << 8 | static_cast<unsigned char>(text.at(at + static_cast<std::size_t>(b)));
    return v;
  }

  File file;
  std::uint64_t next = 0, left = 0;  // place and number of compressed bytes
  bool deflated = false, ended = false;
  z_stream state{};
  std::array<unsigned char, 1 << 16> buffer;
};

}  // namespace

Stream::Stream(const std::string& path, const std::string& member)
    : name_(member.empty() ? path : path + "[" + member + "]") {
  if (member.empty()) {
    File file(path, "no-data");
    stored_ = file.size();
    source_ = std::make_unique<Gzip>(std::move(file));
    return;
  }
  try {
    auto zip = std::make_unique<Zip>(path, member);
    stored_ = zip->file.size();
    source_ = std::move(zip);
  } catch (const Malformed& bad) {
    if (bad.reason != "data") throw;
    throw Malformed(bad.reason, name_ + ": " + bad.what());
  }
}

Stream::~Stream() = default;

std::size_t Stream::read(void* out, std::size_t size) {
  std::size_t done = 0;
  while (done < size) {
    std::size_t got = 0;
    try {
      got = source_->some(static_cast<char*>(out) + done, std::min<std::size_t>(size - done, std::size_t{1} << 20));
    } catch (const Malformed& bad) {
      throw Malformed(bad.reason, name_ + ": " + bad.what());
    }
    if (got == 0) break;
    done += got;
  }
  total_ += done;
  if (total_ > std::max(std::size_t{1} << 34, stored_))
    throw Malformed("data", name_ + ": more than 16 GiB of decompressed data");
  hash_.update(out, done);
  return done;
}

void Stream::need(void* out, std::size_t size) {
  if (read(out, size) != size) throw Malformed("data", name_ + ": the data file is truncated");
}

std::vector<unsigned char> Stream::all(std::size_t size) {
  std::vector<unsigned char> bytes;
  while (bytes.size() < size) {
    const std::size_t start = bytes.size(), chunk = std::min<std::size_t>(size - start, 1u << 22);
    bytes.resize(start + chunk);
    need(&bytes[start], chunk);
  }
  return bytes;
}

std::string Stream::rest(std::size_t most) {
  std::string bytes;
  std::vector<char> chunk(1u << 16);
  for (std::size_t got = chunk.size(); got == chunk.size();) {
    got = read(chunk.data(), chunk.size());
    bytes.append(chunk.data(), got);
    if (bytes.size() > most) throw Malformed("too-long", name_ + ": more than " + std::to_string(most) + " bytes");
  }
  return bytes;
}

void Stream::skip(std::size_t size) {
  std::vector<unsigned char> chunk(std::min<std::size_t>(size, 1u << 20));
  for (std::size_t done = 0; done < size; done += chunk.size()) need(chunk.data(), std::min(chunk.size(), size - done));
}

void Stream::finish(const std::string& expected) {
  char extra = 0;
  if (read(&extra, 1) != 0) throw Malformed("data", name_ + ": the data file is too long");
  // (The digest of a short secret would tell it.)
  require(to_hex(hash_.finish()) == expected, "data-digest", name_ + " has another SHA-256 than " + expected);
}

}  // namespace widecheck
