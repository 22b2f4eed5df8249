#include <widecert/data/byte_source.h>
#include <widecert/number/error.h>
#include <zip.h>
#include <zlib.h>

#include <algorithm>
#include <filesystem>

namespace widecert {
namespace {

std::string require_regular(const std::string& path) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error)) {
    throw InputError(path + ": cannot be opened; expected a regular file that is readable");
  }
  return path;
}

}  // namespace

struct ByteSource::Reader {
  virtual ~Reader() = default;
  // Some bytes, none at the end. Throws InputError with the reason alone.
  virtual std::size_t some(void* out, std::size_t size) = 0;
};

namespace {

struct GzipReader : ByteSource::Reader {
  explicit GzipReader(const std::string& path) : file(gzopen(require_regular(path).c_str(), "rb"), &gzclose) {
    if (!file) throw InputError(path + ": cannot be opened; expected a regular file that is readable");
    gzbuffer(file.get(), 1 << 18);
  }
  std::size_t some(void* out, std::size_t size) override {
    const int got = gzread(file.get(), out, static_cast<unsigned>(size));
    int code = 0;
    if (got < 0) throw InputError(std::string("gzip data (") + gzerror(file.get(), &code) + ")");
    return static_cast<std::size_t>(got);
  }
  std::unique_ptr<gzFile_s, decltype(&gzclose)> file;
};

struct ZipReader : ByteSource::Reader {
  ZipReader(const std::string& path, const std::string& member)
      : archive(nullptr, &zip_discard), file(nullptr, &zip_fclose) {
    int code = 0;
    archive.reset(zip_open(require_regular(path).c_str(), ZIP_RDONLY | ZIP_CHECKCONS, &code));
    if (!archive) throw InputError(path + ": not a zip archive, or a damaged one; expected an .npz file");
    const zip_int64_t index = zip_name_locate(archive.get(), member.c_str(), 0);
    if (index < 0) {
      std::string known;
      const zip_int64_t entries = zip_get_num_entries(archive.get(), 0);
      for (zip_int64_t k = 0; k < std::min<zip_int64_t>(entries, 20); ++k) {
        const char* name = zip_get_name(archive.get(), static_cast<zip_uint64_t>(k), 0);
        if (name != nullptr) known += (known.empty() ? "" : ", ") + std::string(name);
      }
      throw InputError(path + ": there is no member \"" + member + "\"; it has " + known);
    }
    for (zip_int64_t k = index + 1; k < zip_get_num_entries(archive.get(), 0); ++k) {
      const char* name = zip_get_name(archive.get(), static_cast<zip_uint64_t>(k), 0);
      if (name != nullptr && member == name) throw InputError(path + ": two members \"" + member + "\"");
    }
    // The checker reads no other compression either.
    zip_stat_t stat;
    zip_stat_init(&stat);
    if (zip_stat_index(archive.get(), static_cast<zip_uint64_t>(index), 0, &stat) != 0 ||
        (stat.comp_method != ZIP_CM_STORE && stat.comp_method != ZIP_CM_DEFLATE) ||
        stat.encryption_method != ZIP_EM_NONE) {
      throw InputError(path + "[" + member +
                       "]: expected a member that is stored or deflated, as numpy.savez and "
                       "numpy.savez_compressed write it");
    }
    file.reset(zip_fopen_index(archive.get(), static_cast<zip_uint64_t>(index), 0));
    if (!file) throw InputError(path + "[" + member + "]: " + zip_strerror(archive.get()));
  }
  std::size_t some(void* out, std::size_t size) override {
    const zip_int64_t got = zip_fread(file.get(), out, size);
    if (got < 0) throw InputError(std::string("zip data (") + zip_file_strerror(file.get()) + ")");
    return static_cast<std::size_t>(got);
  }
  std::unique_ptr<zip_t, decltype(&zip_discard)> archive;
  std::unique_ptr<zip_file_t, decltype(&zip_fclose)> file;
};

}  // namespace

std::vector<std::string> zip_members(const std::string& path) {
  int code = 0;
  const std::unique_ptr<zip_t, decltype(&zip_discard)> archive(
      zip_open(require_regular(path).c_str(), ZIP_RDONLY | ZIP_CHECKCONS, &code), &zip_discard);
  if (!archive) throw InputError(path + ": not a zip archive, or a damaged one; expected an .npz file");
  std::vector<std::string> names;
  for (zip_int64_t k = 0; k < zip_get_num_entries(archive.get(), 0); ++k) {
    const char* name = zip_get_name(archive.get(), static_cast<zip_uint64_t>(k), 0);
    if (name != nullptr) names.emplace_back(name);
  }
  return names;
}

ByteSource::ByteSource(const std::string& path) : name_(path), reader_(std::make_unique<GzipReader>(path)) {}

ByteSource::ByteSource(const std::string& path, const std::string& member)
    : name_(path + "[" + member + "]"), reader_(std::make_unique<ZipReader>(path, member)) {}

ByteSource::~ByteSource() = default;

std::size_t ByteSource::read(void* out, std::size_t size) {
  std::size_t done = 0;
  while (done < size) {
    std::size_t got = 0;
    try {
      got = reader_->some(static_cast<char*>(out) + done, std::min<std::size_t>(size - done, std::size_t{1} << 30));
    } catch (const InputError& error) {
      throw InputError(name_ + ": damaged after " + std::to_string(offset_ + done) +
                       " decompressed bytes: " + error.what());
    }
    if (got == 0) break;
    done += got;
  }
  offset_ += done;
  hash_.update(std::span(static_cast<const std::uint8_t*>(out), done));
  return done;
}

void ByteSource::need(void* out, std::size_t size, const std::string& what) {
  const std::size_t start = offset_, got = read(out, size);
  if (got != size) {
    throw InputError(name_ + ": truncated: expected " + std::to_string(size) + " bytes of " + what + " at offset " +
                     std::to_string(start) + ", found " + std::to_string(got));
  }
}

std::vector<unsigned char> ByteSource::last(std::size_t count) {
  const std::size_t header = offset_;
  const std::string promised =
      "the header promises " + std::to_string(count) + " bytes from offset " + std::to_string(header);
  std::vector<unsigned char> bytes;
  while (bytes.size() < count) {
    const std::size_t chunk = std::min<std::size_t>(count - bytes.size(), std::size_t{1} << 24);
    const std::size_t start = bytes.size();
    bytes.resize(start + chunk);
    const std::size_t got = read(&bytes[start], chunk);
    if (got != chunk) {
      throw InputError(name_ + ": truncated: " + promised + ", found " + std::to_string(start + got));
    }
  }
  char extra = 0;
  if (read(&extra, 1) != 0) {
    throw InputError(name_ + ": oversized: " + promised + ", but more follow at offset " +
                     std::to_string(header + count));
  }
  return bytes;
}

std::string located(const std::string& folder, const std::string& path) {
  namespace fs = std::filesystem;
  const fs::path full = (fs::path(folder) / path).lexically_normal();
  if (full.is_relative()) return full.string();
  const fs::path near = full.lexically_proximate(fs::current_path());
  return near.string().size() < full.string().size() ? near.string() : full.string();
}

std::string located_member(const std::string& folder, const std::string& path, const std::string& member) {
  return located(folder, path) + (member.empty() ? "" : "[" + member + "]");
}

void compare_digest(const std::string& file, const std::string& expected, const Digest& found) {
  if (!expected.empty() && expected != to_hex(found)) {
    throw InputError(file + ": the decompressed data have SHA-256 " + to_hex(found) + ", expected " + expected +
                     "; is this the right file?");
  }
}

std::string read_bytes(const std::string& path, std::size_t limit, const std::string& member) {
  auto in = member.empty() ? ByteSource(path) : ByteSource(path, member);
  std::string bytes;
  for (;;) {
    const std::size_t start = bytes.size();
    bytes.resize(start + (1 << 20));
    const std::size_t got = in.read(&bytes[start], 1 << 20);
    bytes.resize(start + got);
    if (bytes.size() > limit) {
      throw InputError(path + ": more than " + std::to_string(limit) + " bytes; refused");
    }
    if (got == 0) return bytes;
  }
}

}  // namespace widecert
