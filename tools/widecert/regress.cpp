// widecert regress: every case again, compared with what it expects.
#include <fmt/format.h>
#include <widecert/certificate/atomic_file.h>
#include <widecert/number/error.h>

#include "markup.h"
#include "proved_case.h"
#include "temporary_folder.h"

namespace widecert::tool {
int run_regress(const Common& common, const RegressOptions& options) {
  std::vector<std::string> cases;
  for (const std::string& path : options.paths) {
    const auto found = find_cases(path);
    cases.insert(cases.end(), found.begin(), found.end());
  }
  const TemporaryFolder folder;
  std::size_t passed = 0, failed = 0, skipped = 0;
  std::string xml;
  Json out = Json::array();
  for (const std::string& path : cases) {
    std::vector<std::string> problems;
    std::string skip;
    try {
      const CaseFile file = read_case(path);
      skip = missing_data(file);
      if (skip.empty()) {
        const Proved p = prove_case(common, path, folder.path() + "/" + std::to_string(&path - cases.data()));
        for (std::size_t k = 0; k < p.outcomes.size(); ++k) {
          const CaseEntry& entry = p.file.entries[k];
          const Expectation expected = entry.expected.value_or(Expectation{});
          const Outcome& outcome = p.outcomes[k];
          const std::string where = entry.task.theorem->id + " at " + p.file.network.node(entry.task.node).name + ": ";
          if (outcome.verdict != expected.verdict || outcome.reason != expected.reason) {
            problems.push_back(fmt::format("{}expected {} [{}], found {} [{}]", where, to_string(expected.verdict),
                                           expected.reason, to_string(outcome.verdict), outcome.reason));
          }
          if (p.exit_of(k) == kRejected) problems.push_back(where + "widecheck rejects a claim");
          if (outcome.verdict == Verdict::proved && outcome.findings.empty()) {
            problems.push_back(where + "proved without a claim");
          }
        }
      }
    } catch (const std::exception& error) {
      if (!is_bad_input(error)) throw;
      problems.emplace_back(error.what());
    }
    const char* word = !skip.empty() ? "SKIPPED" : problems.empty() ? "ok" : "FAILED";
    (!skip.empty() ? skipped : problems.empty() ? passed : failed) += 1;
    const std::string detail =
        skip.empty() ? fmt::format("{}", fmt::join(problems, "; "))
                     : "the data file " + skip + " is absent; the README beside the case says how to get it";
    out.push_back({{"case", path}, {"result", word}, {"detail", detail}});
    if (!common.json && !common.console.quiet) {
      fmt::print("{:<8} {}{}\n", word, path, detail.empty() ? "" : "\n         " + detail);
      std::fflush(stdout);
    }
    xml += fmt::format("  <testcase classname=\"widecert\" name=\"{}\">{}</testcase>\n", escape_markup(path),
                       !skip.empty()      ? "<skipped message=\"" + escape_markup(detail) + "\"/>"
                       : problems.empty() ? std::string()
                                          : "<failure message=\"" + escape_markup(detail) + "\"/>");
  }
  if (!options.junit.empty()) {
    write_atomically(options.junit,
                     fmt::format("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuite name=\"widecert\" "
                                 "tests=\"{}\" failures=\"{}\" skipped=\"{}\">\n{}</testsuite>\n",
                                 cases.size(), failed, skipped, xml));
  }
  if (common.json) {
    fmt::print("{}", to_text(out));
  } else {
    fmt::print("{} as expected, {} not, {} skipped\n", passed, failed, skipped);
  }
  if (failed != 0) return kRefuted;
  return passed == 0 ? kUndecided : kProved;
}

}  // namespace widecert::tool
