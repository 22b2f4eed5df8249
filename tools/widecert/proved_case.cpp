#include "proved_case.h"

#include <fmt/format.h>
#include <widecert/certificate/atomic_file.h>
#include <widecert/certificate/model_json.h>
#include <widecert/data/byte_source.h>
#include <widecert/number/error.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>

namespace widecert::tool {
namespace fs = std::filesystem;
namespace {

// The tensors of a claim that files hold: "conv1.weights" and how it was read, each once.
void list_tensors(const Json& json, const std::string& name, const std::string& folder,
                  std::vector<std::pair<std::string, std::string>>& tensors) {
  if (!json.is_object()) return;
  for (const auto& [key, value] : json.items()) {
    if (key != "npy") {
      list_tensors(value, name.empty() || name == "parameters" ? key : name + "." + key, folder, tensors);
      continue;
    }
    std::string text = located_member(folder, value["path"].get<std::string>(), value.value("member", ""));
    if (value.contains("axes")) text += ", axes " + value["axes"].dump();
    if ((name.ends_with("weights") || name.ends_with("weight")) && !value.contains("axes")) {
      text += ", one row for each filter";
    }
    if (value.contains("flatten")) text += ", rows flattened " + value["flatten"].get<std::string>();
    const std::pair line{name, text};
    if (std::find(tensors.begin(), tensors.end(), line) == tensors.end()) tensors.push_back(line);
  }
}

// The path of the claim without its ending. Two cases of one name in one folder would overwrite each other's files: a
// file beside says whose they are. Throws InputError if they are another's, which is still there.
std::string claim_base(const CaseFile& file, const std::string& output) {
  const std::string base = (fs::path(output) / file.name).string();
  const fs::path owner = fs::path(output) / ("." + file.name + ".case");
  if (!fs::exists(owner) || !fs::exists(base + ".claim.json")) return base;
  const std::string other = read_bytes(owner.string(), 1 << 16);
  if (other == fs::weakly_canonical(file.path).string() || !fs::exists(other)) return base;
  throw InputError(
      fmt::format("{}.claim.json is that of another case, {}: to keep both, give {} another folder "
                  "(--output)",
                  base, located("", other), file.path));
}

}  // namespace

Proved prove_case(const Common& common, const std::string& path, const std::string& output) {
  Proved result{.file = read_case(path, output)};
  const std::string base = claim_base(result.file, output);
  const Instance instance = load_instance(result.file);
  result.samples = instance.data.size();
  const Json network = to_json(result.file.network);
  for (const Json& node : network["nodes"])
    list_tensors(node, node["name"].get<std::string>(), result.file.folder, result.tensors);
  if (instance.data_spec) result.data = describe(*instance.data_spec, result.file.folder);
  ProgressBar bar(common.console);
  Options options = prover_options(common);
  options.seed = common.seed_given || !result.file.seed ? common.seed : *result.file.seed;
  options.progress = [&](const std::string& stage, std::size_t done, std::size_t total) {
    bar.update(stage, done, total);
  };
  ClaimFile claim{instance.network, instance.data_spec, {}};
  std::vector<Proof> proofs;
  std::map<std::string, std::size_t> place_of;
  std::vector<Attachment> files;
  // What was found so far, for the checker.
  const auto write = [&] {
    if (proofs.empty()) return;
    fs::create_directories(output);
    write_atomically((fs::path(output) / ("." + result.file.name + ".case")).string(),
                     fs::weakly_canonical(result.file.path).string());
    for (const Attachment& one : files) write_atomically((fs::path(output) / one.path).string(), one.bytes);
    const std::string text = claim_text(claim);
    write_atomically(base + ".claim.json", text);
    write_atomically(base + ".cert.json", certificate_text(text, proofs));
    result.claim_path = base + ".claim.json";
  };
  // If the work is stopped, what is done is kept, and said.
  const auto unless_stopped = [&](const std::string& kept, const auto& work) {
    try {
      work();
    } catch (const std::runtime_error&) {
      bar.finish();
      for (std::size_t k = 0; k < result.outcomes.size(); ++k) {
        const Outcome& done = result.outcomes[k];
        fmt::print(stderr, "{}{}  {} at layer {}{}: {}\n", done.findings.empty() ? "" : "(unchecked) ",
                   verdict_word(done.verdict), result.file.entries[k].task.theorem->title,
                   result.file.network.node(result.file.entries[k].task.node).name,
                   done.reason.empty() ? "" : " [" + done.reason + "]", done.explanation);
      }
      if (result.claim_path.empty()) write();
      if (!result.claim_path.empty()) {
        fmt::print(stderr, "claim and certificate {}are written, and unchecked: widecheck {}\n", kept,
                   shell_quoted(result.claim_path));
      }
      throw;
    }
  };
  for (const CaseEntry& entry : result.file.entries) {
    const std::size_t k = result.outcomes.size();
    options.file_prefix = fmt::format("{}.{}.", result.file.name, k + 1);
    unless_stopped(fmt::format("of the first {} of {} entries ", k, result.file.entries.size()),
                   [&] { result.outcomes.push_back(entry.task.prove(instance, options)); });
    std::ranges::move(result.outcomes.back().files, std::back_inserter(files));
    auto& places = result.places.emplace_back();
    for (const Finding& finding : result.outcomes.back().findings) {
      // Two requests may rest on the same hypothesis: it is claimed once.
      const auto [known, added] = place_of.try_emplace(finding.claim.text(), proofs.size());
      places.push_back(known->second);
      if (!added) continue;
      list_tensors(finding.claim.json(), "", result.file.folder, result.tensors);
      claim.claims.push_back(finding.claim);
      proofs.push_back(finding.proof);
    }
  }
  write();
  if (result.claim_path.empty() && fs::exists(base + ".claim.json")) {
    fmt::print(stderr, "note: {}.claim.json is of an earlier run; this one claims nothing\n", base);
  }
  if (!result.claim_path.empty()) {
    bar.update("widecheck", 0, 1);
    unless_stopped("", [&] { result.check = run_checker({result.claim_path}); });
  }
  bar.finish();
  return result;
}

}  // namespace widecert::tool
