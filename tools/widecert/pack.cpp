// widecert pack: a claim, its certificate and every file that they name, in one archive that widecheck checks.
//
// The bytes of claim and certificate stay as they are. The files stand by their digests, decompressed, so that the
// paths in the claim do not matter (tools/widecheck/FORMAT.md, "Packs").
#include <fmt/format.h>
#include <widecert/certificate/claim_file.h>
#include <widecert/data/byte_source.h>
#include <widecert/data/zip_file.h>
#include <widecert/number/error.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "commands.h"

namespace widecert::tool {
namespace fs = std::filesystem;
namespace {

constexpr std::size_t kMostText = std::size_t{1} << 28, kMostData = std::size_t{1} << 34;

// Adds every file that an object names by "path" and "sha256".
void add_files(const Json& json, const std::string& folder, std::map<std::string, std::string>& members,
               ProgressBar& bar) {
  if (json.is_array() && !json.empty() && !json.front().is_structured()) return;  // numbers
  if (json.is_object() && json.contains("path") && json.contains("sha256")) {
    const std::string digest = json["sha256"].get<std::string>(), name = "files/" + digest;
    const std::string path = located(folder, json["path"].get<std::string>());
    if (!members.contains(name)) {
      bar.update("reading " + fs::path(path).filename().string(), 0, 1);
      const std::string member = json.value("member", "");
      std::string bytes = read_bytes(path, kMostData, member.empty() ? "" : member + ".npy");
      compare_digest(path, digest, sha256(bytes));
      members[name] = std::move(bytes);
    }
  }
  for (const auto& item : json.items()) {
    if (item.value().is_structured()) add_files(item.value(), folder, members, bar);
  }
}

}  // namespace

int run_pack(const Common& common, const PackOptions& options) {
  const std::string ending = ".claim.json";
  if (!options.claim_path.ends_with(ending)) {
    throw InputError(options.claim_path + ": expected NAME.claim.json, as widecert prove writes it");
  }
  const std::string base = options.claim_path.substr(0, options.claim_path.size() - ending.size());
  const std::string output = options.output.empty() ? base + ".zip" : options.output;
  if (!output.ends_with(".zip")) throw InputError(output + ": a pack is a file NAME.zip");
  if (fs::exists(output)) throw InputError(output + " exists already; choose another --output or remove it");
  std::map<std::string, std::string> members;
  ProgressBar bar(common.console);
  const std::string claim = read_bytes(options.claim_path, kMostText);
  const fs::path parent = fs::path(options.claim_path).parent_path();
  parse_claim(claim, options.claim_path);  // says what is wrong with it, if anything
  const std::string certificate = read_bytes(base + ".cert.json", kMostText);
  for (const auto& [text, path] : {std::pair(&claim, options.claim_path), {&certificate, base + ".cert.json"}})
    add_files(parse_json(*text, path), parent.empty() ? "." : parent.string(), members, bar);
  const std::size_t files = members.size();
  members["claim.json"] = claim;
  members["certificate.json"] = certificate;
  members["README"] =
      "A claim about a neural network, with a certificate that proves it (widecert). Check this archive with\n\n"
      "    widecheck ARCHIVE.zip\n\n"
      "claim.json says what is claimed; files/ holds the data and weights that it names, uncompressed,\n"
      "by their SHA-256. Nothing outside the archive is read.\n";
  write_zip(output, members, [&](double part) { bar.show("compressing", static_cast<std::size_t>(100 * part), 100); });
  bar.finish();
  if (common.json) {
    fmt::print("{}", to_text(Json{{"pack", output}, {"files", files}}));
  } else if (!common.console.quiet) {
    fmt::print("{} written: claim, certificate and {} file(s)\nnext: widecheck {}\n", output, files,
               shell_quoted(output));
  }
  return kProved;
}

}  // namespace widecert::tool
