#include <widecert/data/zip_file.h>
#include <widecert/number/error.h>
#include <zip.h>

#include <filesystem>
#include <memory>

namespace widecert {

void write_zip(const std::string& path, const std::map<std::string, std::string>& members,
               const std::function<void(double)>& done) {
  namespace fs = std::filesystem;
  const auto fail = [&](const std::string& why) { throw InputError(path + ": cannot be written (" + why + ")"); };
  const fs::path parent = fs::path(path).parent_path();
  std::error_code error;
  if (!parent.empty()) fs::create_directories(parent, error);
  if (error) fail(error.message());
  int code = 0;
  // zip_close writes beside the file and renames; until then nothing is there.
  std::unique_ptr<zip_t, decltype(&zip_discard)> archive(zip_open(path.c_str(), ZIP_CREATE | ZIP_TRUNCATE, &code),
                                                         &zip_discard);
  if (!archive) fail("libzip error " + std::to_string(code));
  for (const auto& [name, bytes] : members) {
    zip_source_t* source = zip_source_buffer(archive.get(), bytes.data(), bytes.size(), 0);
    const zip_int64_t index =
        source == nullptr ? -1 : zip_file_add(archive.get(), name.c_str(), source, ZIP_FL_ENC_UTF_8);
    if (index < 0) fail(zip_strerror(archive.get()));
    // A fixed date: the same members give the same bytes.
    zip_file_set_dostime(archive.get(), static_cast<zip_uint64_t>(index), 0, 0x21, 0);
  }
  if (done) {
    zip_register_progress_callback_with_state(
        archive.get(), 0.01,
        [](zip_t*, double part, void* told) { (*static_cast<const std::function<void(double)>*>(told))(part); },
        nullptr, const_cast<std::function<void(double)>*>(&done));
  }
  if (zip_close(archive.get()) != 0) fail(zip_strerror(archive.get()));
  archive.release();
}

}  // namespace widecert
