#include "checker.h"

#include <widecert/number/error.h>

#include <filesystem>

namespace widecert::tool {
namespace fs = std::filesystem;
namespace {

std::string checker_path() {
  std::error_code unknown;
  const fs::path self = fs::read_symlink("/proc/self/exe", unknown);
  const fs::path beside = self.parent_path() / "widecheck";
  return !unknown && fs::exists(beside) ? beside.string() : "widecheck";
}

int run(bool json, const std::vector<std::string>& files, std::string* output) {
  std::vector<std::string> arguments{checker_path()};
  if (json) arguments.emplace_back("--json");
  arguments.insert(arguments.end(), files.begin(), files.end());
  const int exit = run_child(arguments, output);
  if (exit == 127) {
    throw InputError("widecheck was not found beside widecert nor on the PATH; build or install it");
  }
  return exit;
}

}  // namespace

std::string error_bound(const Json& line) {
  if (!line.contains("error_bits")) return "";
  return "  [error <= 2^-" + std::to_string(line["error_bits"].get<unsigned>()) + "]";
}

CheckerResult run_checker(const std::vector<std::string>& files) {
  std::string text;
  CheckerResult result;
  result.exit = run(true, files, &text);
  if (text.empty()) {
    throw std::runtime_error("widecheck ended with " + std::to_string(result.exit) + " and without a verdict");
  }
  result.report = parse_json(text, "widecheck's output");
  return result;
}

int run_check(const Common& common, const std::vector<std::string>& files) { return run(common.json, files, nullptr); }

}  // namespace widecert::tool
