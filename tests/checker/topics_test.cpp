// The tables of rules, and what a verdict says is to be audited, against the sources themselves.
#include <widecheck/audit.h>
#include <widecheck/rules/premise.h>
#include <widecheck/rules/topics.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>

#include "../catch.h"
#include "../paths.h"

namespace fs = std::filesystem;

namespace {

const fs::path kChecker = fs::path(widecert::test::source()) / "tools/widecheck";

std::vector<std::string> lines_of(const fs::path& path) {
  std::ifstream in(path);
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

// Lines that are neither blank nor comment only.
std::size_t code_lines(const fs::path& path) {
  std::size_t count = 0;
  for (const std::string& line : lines_of(path)) {
    const auto begin = line.find_first_not_of(" \t");
    count += begin != std::string::npos && line.compare(begin, 2, "//") != 0;
  }
  return count;
}

std::size_t lines_of_stem(const std::string& stem) {
  std::size_t count = 0;
  for (const char* ending : {".h", ".cpp"})
    if (fs::exists(kChecker / (stem + ending))) count += code_lines(kChecker / (stem + ending));
  return count;
}

// The files, without endings, that a file includes, and so on through headers and sources.
void close(const std::string& stem, std::set<std::string>& found) {
  if (!found.insert(stem).second) return;
  static const std::regex include("\\s*#\\s*include \"([a-z0-9_/]+)\\.h\"");
  for (const char* ending : {".h", ".cpp"}) {
    for (const std::string& line : lines_of(kChecker / (stem + ending))) {
      std::smatch match;
      if (std::regex_match(line, match, include)) close(match[1], found);
    }
  }
}

}  // namespace

TEST_CASE("errors of premises add up") {
  using widecheck::topics::combined_bits;
  CHECK(combined_bits({}) == 0);
  CHECK(combined_bits({0, 0}) == 0);
  CHECK(combined_bits({100}) == 100);
  CHECK(combined_bits({0, 100}) == 100);
  CHECK(combined_bits({151, 1174}) == 150);
  CHECK(combined_bits({100, 100, 100}) == 98);
}

TEST_CASE("the lines that a verdict names are those of the files which the includes lead to") {
  std::size_t topics = 0, kernel = 0;
  for (const auto& entry : fs::directory_iterator(kChecker / "kernel")) kernel += code_lines(entry.path());
  for (const widecheck::Topic* topic : widecheck::topics::all) {
    INFO(topic->name);
    ++topics;
    const std::string rules = std::string("rules/") + topic->name;
    std::set<std::string> found;
    close(rules, found);
    CHECK(found.size() > 5);
    std::map<std::string, std::size_t> expected{{rules + ".cpp", code_lines(kChecker / (rules + ".cpp"))},
                                                {"kernel", kernel}};
    for (const char* stem : {"main", "audit", "rules/topics"}) expected["main.cpp"] += lines_of_stem(stem);
    for (const std::string& stem : found)
      for (const std::string folder : {"evaluate", "evidence"})
        if (stem.starts_with(folder + "/") || (stem == "rules/premise" && folder == "evidence"))
          expected[folder] += lines_of_stem(stem);
    std::map<std::string, std::size_t> said;
    for (const widecheck::AuditPart& part : widecheck::to_audit(*topic)) said[part.name] = part.lines;
    CHECK(said == expected);
  }
  std::size_t sources = 0;
  for (const auto& entry : fs::directory_iterator(kChecker / "rules"))
    sources +=
        entry.path().extension() == ".cpp" && entry.path().stem() != "topics" && entry.path().stem() != "premise";
  CHECK(topics == sources);
}

TEST_CASE("a kind and a rule stand in one row of one table, claims about samples need data") {
  std::set<std::pair<std::string, std::string>> rows;
  std::map<std::string, bool> needs_data;
  for (const widecheck::Topic* topic : widecheck::topics::all) {
    for (const widecheck::Rule& rule : topic->rules) {
      INFO(rule.kind << ", " << rule.name);
      CHECK(rows.emplace(rule.kind, rule.name).second);
      CHECK(rule.check != nullptr);
      const auto known = needs_data.emplace(rule.kind, topic->needs_data).first;
      CHECK(known->second == topic->needs_data);  // one answer for a kind, whichever topic has the rule
      // Without samples: what is said of weights, and of regions in the space of inputs.
      const bool of_weights = std::string(rule.kind).starts_with("weights-");
      CHECK(topic->needs_data == !(of_weights || std::string(topic->name) == "regions"));
    }
  }
  CHECK(rows.size() > needs_data.size());
}

TEST_CASE("every topic has a page, every kind of claim and every rule stands in one of them") {
  std::string pages;
  for (const widecheck::Topic* topic : widecheck::topics::all) {
    INFO(topic->name);
    const auto lines = lines_of(kChecker / "rules" / (std::string(topic->name) + ".md"));
    CHECK(lines.size() > 10);
    for (const std::string& line : lines) pages += line + "\n";
  }
  for (const widecheck::Topic* topic : widecheck::topics::all) {
    for (const widecheck::Rule& rule : topic->rules) {
      INFO(rule.kind << ", " << rule.name);
      CHECK(pages.find("\n| `" + std::string(rule.kind) + "` | ") != std::string::npos);
      CHECK(pages.find("\n### " + std::string(rule.name) + "\n") != std::string::npos);
    }
  }
}
