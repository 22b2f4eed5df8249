#include "checker.h"

#include <sys/wait.h>
#include <unistd.h>
#include <widecert/number/error.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <memory>

namespace widecert::tool {
namespace fs = std::filesystem;
namespace {

std::string checker_path() {
  std::error_code unknown;
  const fs::path self = fs::read_symlink("/proc/self/exe", unknown);
  const fs::path beside = self.parent_path() / "widecheck";
  return !unknown && fs::exists(beside) ? beside.string() : "widecheck";
}

std::string shell_quote(const std::string& text) {
  std::string quoted = "'";
  for (char c : text) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quoted + "'";
}

}  // namespace

CheckerResult run_checker(const std::vector<std::string>& files) {
  std::string command = shell_quote(checker_path()) + " --json";
  for (const std::string& file : files) command += " " + shell_quote(file);
  std::unique_ptr<FILE, int (*)(FILE*)> pipe(popen(command.c_str(), "r"), &pclose);
  if (!pipe) throw InputError("widecheck cannot be started");
  std::string text;
  std::array<char, 4096> buffer;
  for (std::size_t got; (got = fread(buffer.data(), 1, buffer.size(), pipe.get())) > 0;) {
    text.append(buffer.data(), got);
  }
  const int status = pclose(pipe.release());
  CheckerResult result;
  result.exit = WIFEXITED(status) ? WEXITSTATUS(status) : kInternal;
  if (result.exit == 127 || text.empty()) {
    throw InputError(
        "widecheck was not found beside widecert nor on the PATH; build or install it");
  }
  result.report = parse_json(text, "widecheck's output");
  return result;
}

int run_check(const Common& common, const std::vector<std::string>& files) {
  std::vector<std::string> arguments{checker_path()};
  if (common.json) arguments.emplace_back("--json");
  arguments.insert(arguments.end(), files.begin(), files.end());
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  std::fflush(stdout);
  execvp(argv[0], argv.data());
  throw InputError("widecheck was not found beside widecert nor on the PATH; build or install it");
}

}  // namespace widecert::tool
