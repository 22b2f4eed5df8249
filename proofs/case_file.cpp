#include "proofs/case_file.h"

#include <widecert/certificate/model_json.h>
#include <widecert/data/byte_source.h>
#include <widecert/number/error.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

namespace widecert {
namespace fs = std::filesystem;
namespace {

bool is_case_name(const fs::path& path) {
  const std::string name = path.filename().string();
  return name == "case.json" || name.ends_with(".case.json");
}

Expectation read_expectation(JsonReader in) {
  Expectation expected;
  const JsonReader outcome = in.get("outcome");
  const std::string text = outcome.text();
  bool known = false;
  for (Verdict v : kVerdicts) {
    if (text == to_string(v)) {
      expected.verdict = v;
      known = true;
    }
  }
  if (!known) outcome.fail("proved, refuted, undecided, not applicable or recomputed");
  if (const auto reason = in.find("reason")) expected.reason = reason->text();
  in.done();
  return expected;
}

Printed read_printed(JsonReader in) {
  Printed printed{in.get("table").text(), "", {}, {}};
  if (const auto width = in.find("width")) printed.width = width->text();
  if (const auto exceeds = in.find("exceeds")) printed.exceeds = exceeds->boolean();
  if (const auto neurons = in.find("neurons")) printed.neurons = neurons->size();
  in.done();
  return printed;
}

}  // namespace

std::string CaseFile::directory() const {
  const fs::path parent = fs::path(path).parent_path();
  return parent.empty() ? "." : parent.string();
}

CaseFile read_case(const std::string& given, const std::string& folder) {
  fs::path path = given;
  if (fs::is_directory(path)) path /= "case.json";
  if (!fs::exists(path) && fs::exists(given + ".case.json")) path = given + ".case.json";
  if (!fs::exists(path)) {
    throw InputError(path.string() +
                     ": there is no such case; expected a case file or a folder "
                     "with a case.json (widecert init writes a first one)");
  }
  CaseFile file = read_case_json(read_json_file(path.string()), path.string(), folder);
  const std::string stem = path.filename().string();
  file.name = stem == "case.json" ? fs::absolute(path).parent_path().filename().string()
                                  : stem.substr(0, stem.size() - std::string(".case.json").size());
  if (stem != "case.json" && !is_case_name(path)) file.name = path.stem().string();
  return file;
}

CaseFile read_case_json(const Json& json, const std::string& place, const std::string& folder) {
  JsonReader in(json, place, folder);
  if (in.get("format").text() != "widecert-case") in.get("format").fail("\"widecert-case\"");
  if (in.get("version").integer(0, 1'000'000) != 1) in.get("version").fail("version 1");
  CaseFile file{place, "", "", "", read_network(in.get("network")), std::nullopt, {}, {}, {}, in.folder()};
  if (const auto data = in.find("data")) file.data = read_dataset(*data);
  if (const auto seed = in.find("seed"))
    file.seed = static_cast<std::uint64_t>(seed->integer(0, std::int64_t{1} << 53));
  if (const auto title = in.find("title")) file.title = title->text();
  if (const auto about = in.find("about")) file.about = about->text();
  if (const auto printed = in.find("printed")) file.printed = read_printed(*printed);
  for (JsonReader entry : in.get("prove").list()) {
    CaseEntry one{read_entry(entry, file.network), {}};
    if (const auto expect = entry.find("expect")) {
      one.expected = read_expectation(*expect);
      const auto& known = one.task.theorem->reasons;
      const std::string& reason = one.expected->reason;
      if (!reason.empty() && std::find(known.begin(), known.end(), reason) == known.end()) {
        expect->fail("a reason that widecert explain " + one.task.theorem->id + " lists");
      }
    }
    entry.done();
    file.entries.push_back(std::move(one));
  }
  in.done();
  if (file.entries.empty()) throw InputError(place + ": the list \"prove\" is empty");
  return file;
}

std::string missing_data(const CaseFile& file) {
  if (!file.data) return "";
  std::string path;
  if (const auto* idx = std::get_if<IdxSource>(&file.data->source)) path = idx->path;
  if (const auto* npy = std::get_if<NpySource>(&file.data->source)) path = npy->path;
  if (const auto* csv = std::get_if<CsvSource>(&file.data->source)) path = csv->path;
  if (!path.empty()) path = located(file.folder, path);
  return path.empty() || fs::exists(path) ? "" : path;
}

Dataset load_data(const CaseFile& file, DatasetSpec& resolved) {
  try {
    return load(*file.data, file.folder, file.network.node(0).shape, &resolved);
  } catch (const std::exception& error) {
    if (!is_bad_input(error)) throw;
    throw InputError(file.path + ": data: " + error.what());
  }
}

Instance load_instance(const CaseFile& file) {
  if (const std::string missing = missing_data(file); !missing.empty()) {
    const std::string guide = file.directory() + "/README.md";
    throw InputError(file.path + ": the data file " + missing + " is absent" +
                     (fs::exists(guide) ? "; " + guide + " says how to get it" : ""));
  }
  Instance instance{file.network, file.data, {}};
  if (!file.data) return instance;
  instance.data = load_data(file, *instance.data_spec);
  return instance;
}

std::vector<std::string> find_cases(const std::string& path) {
  std::vector<std::string> cases;
  if (fs::is_directory(path)) {
    for (const auto& entry : fs::recursive_directory_iterator(path)) {
      if (entry.is_regular_file() && is_case_name(entry.path())) {
        cases.push_back(entry.path().string());
      }
    }
  } else if (fs::exists(path)) {
    cases.push_back(path);
  }
  if (cases.empty()) throw InputError(path + ": no case.json or *.case.json at or below this path");
  std::sort(cases.begin(), cases.end());
  return cases;
}

}  // namespace widecert
