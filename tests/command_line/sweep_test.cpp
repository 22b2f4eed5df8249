// widecert sweep as a user runs it: the same bytes however the work is divided, stopped or threaded.
#include <algorithm>
#include <filesystem>
#include <functional>
#include <map>
#include <sstream>

#include "../catch.h"
#include "../paths.h"
#include "../shell.h"

using namespace widecert::test;
namespace fs = std::filesystem;

namespace {

std::string sweep(const std::string& rest) { return programs() + "/widecert --quiet sweep " + rest; }

void same(const std::string& a, const std::string& b) {
  for (const char* file : {"results.csv", "results.jsonl", "sweep.html"}) {
    INFO(file);
    CHECK(slurp(a + "/" + file) == slurp(b + "/" + file));
  }
}

}  // namespace

TEST_CASE("a sweep is the same in one run, in shards, on one thread, and stopped half-way") {
  const std::string folder = scratch("sweep"), spec = cases() + "/sweeps/scaling-width.sweep.json";
  REQUIRE(run(sweep(spec + " -o " + folder + "/one")).exit == 0);
  const std::string csv = slurp(folder + "/one/results.csv");
  CHECK(csv.substr(0, csv.find('\n')) ==
        "instance,activation,width,seed,theorem,claim,outcome,reason,alpha_0,delta,sigma_min_low,sigma_min_high,sigma_"
        "max_low,"
        "sigma_max_high,rung");
  CHECK(std::count(csv.begin(), csv.end(), '\n') == 1 + 2 * 4 * 7 * 10);
  REQUIRE(run(programs() + "/widecert --quiet --threads 1 sweep " + spec + " -o " + folder + "/thread").exit == 0);
  same(folder + "/one", folder + "/thread");
  for (const char* shard : {"3/3", "1/3", "2/3"}) {
    REQUIRE(run(sweep(spec + " -o " + folder + "/shards --shard " + shard)).exit == 0);
  }
  CHECK_FALSE(fs::exists(folder + "/shards/results.csv"));
  REQUIRE(run(sweep(spec + " -o " + folder + "/shards --merge")).exit == 0);
  same(folder + "/one", folder + "/shards");

  // Cut in the middle of a line, and of an instance: the rest is computed again.
  const std::string rows = slurp(folder + "/one/rows.jsonl");
  fs::create_directories(folder + "/cut");
  spill(folder + "/cut/rows.jsonl", rows.substr(0, rows.size() / 3));
  REQUIRE(run(sweep(spec + " -o " + folder + "/cut")).exit == 0);
  same(folder + "/one", folder + "/cut");
  CHECK(slurp(folder + "/cut/rows.jsonl") == rows);

  // Half-finished work of another sweep is not continued; a missing or unfinished part is named.
  const Ran other = run(sweep(cases() + "/sweeps/relu-deficient.sweep.json -o " + folder + "/one"));
  CHECK(other.exit == 4);
  CHECK_THAT(other.output, Contains("belongs to another sweep"));
  fs::remove(folder + "/shards/rows-2-of-3.jsonl");
  const Ran missing = run(sweep(spec + " -o " + folder + "/shards --merge"));
  CHECK(missing.exit == 4);
  CHECK_THAT(missing.output, Contains("rows-2-of-3.jsonl is missing: --shard 2/3"));
  spill(folder + "/shards/rows-2-of-3.jsonl", slurp(folder + "/shards/rows-1-of-3.jsonl"));
  CHECK(run(sweep(spec + " -o " + folder + "/shards --merge")).exit == 4);

  // Any instance can be proved and checked.
  const Ran one = run(programs() + "/widecert sweep " + spec + " -o " + folder + "/out --instance 5");
  REQUIRE(one.exit == 0);
  const Ran proved = run(programs() + "/widecert prove " + folder + "/out/instance-5.case.json -o " + folder + "/out");
  INFO(proved.output);
  CHECK(proved.exit == 0);
  CHECK_THAT(slurp(folder + "/one/results.csv"),
             Contains("\n5,sigmoid,64,6,singular-values,singular-value-bounds,proved,"));
}

TEST_CASE("the fraction of deficient relu points falls with the width, and is 1 below N neurons") {
  const std::string folder = scratch("relu");
  REQUIRE(run(sweep(cases() + "/sweeps/relu-deficient.sweep.json -o " + folder)).exit == 0);
  std::istringstream lines(slurp(folder + "/results.csv"));
  std::string line;
  std::map<std::pair<int, int>, std::pair<int, int>> deficient;
  while (std::getline(lines, line)) {
    int samples = 0, width = 0;
    if (std::sscanf(line.c_str(), "%*d,%d,%d,", &samples, &width) != 2) continue;
    auto& [count, all] = deficient[{samples, width}];
    count += line.find(",rank-at,dependent-at,proved,") != std::string::npos;
    ++all;
  }
  CHECK(deficient.size() == 5 * 17);
  for (const auto& [key, counts] : deficient) {
    INFO(key.first << " samples, " << key.second << " neurons");
    if (key.second < key.first) CHECK(counts.first == counts.second);
  }
  const auto at = [&](int samples, int width) { return deficient[{samples, width}].first; };
  CHECK(at(4, 4) > at(4, 6));
  CHECK(at(4, 4) > 40);  // of 200: an open set, seen
  CHECK(at(8, 8) > 0);
  CHECK(at(16, 24) == 0);
}

TEST_CASE("what a run has left is verified before it is continued or merged") {
  const std::string folder = scratch("left"), spec = folder + "/s.sweep.json", out = folder + "/out";
  const auto write_data = [&](const std::string& last) { spill(folder + "/x.csv", "1,2\n3,5\n-4," + last + "\n"); };
  const auto write_spec = [&](const std::string& title, const std::string& widths) {
    spill(spec, R"({"format": "widecert-sweep", "version": 1, "title": ")" + title + R"(",
      "variables": [{"name": "width", "values": [)" +
                    widths + R"(]}, {"name": "seed", "first": 1, "last": 20}],
      "seed": "$seed", "data": {"format": "csv", "path": "x.csv"},
      "network": {"input": {"shape": [2]}, "nodes": [
        {"name": "map", "op": "dense", "filters": "$width", "bias": "neuron"},
        {"name": "f", "op": "activation", "function": "tanh"},
        {"name": "out", "op": "dense", "filters": 1, "bias": "neuron"}]},
      "prove": [{"theorem": "singular-values", "node": "f"}, {"theorem": "gradients", "node": "f"}]})");
  };
  write_data("7");
  write_spec("one", "3, 4");
  const auto go = [&](const std::string& rest) {
    return run(programs() + "/widecert sweep " + spec + " -o " + out + " " + rest);
  };
  const auto refuses = [&](const std::string& rest, const std::string& what) {
    const Ran ran = go(rest);
    INFO(ran.output);
    CHECK(ran.exit == 4);
    CHECK_THAT(ran.output, Contains(what));
  };
  REQUIRE(go("").exit == 0);
  const std::string csv = slurp(out + "/results.csv"), rows = slurp(out + "/rows.jsonl");
  CHECK(csv.substr(0, csv.find('\n')) ==
        "instance,width,seed,theorem,claim,outcome,reason,sigma_min_low,sigma_min_high,sigma_max_low,sigma_max_high,"
        "lower,upper,rung");
  // A title is not what the rows depend on; widths and data are.
  write_spec("two", "3, 4");
  CHECK(go("").exit == 0);
  write_spec("two", "3, 5");
  refuses("", "belongs to another sweep");
  write_spec("two", "3, 4");
  write_data("8");
  refuses("", "to other data");
  write_data("7");
  // A row that is missing, twice, or no row at all. Line 31 is the first row of instance 14 (from 0).
  std::vector<std::string> lines;
  std::istringstream in(rows);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  REQUIRE(lines.size() == 81);
  const auto joined = [&] {
    std::string text;
    for (const std::string& line : lines) text += line + "\n";
    return text;
  };
  const auto damaged = [&](const std::function<void()>& damage, const std::string& what) {
    const auto before = lines;
    damage();
    spill(out + "/rows.jsonl", joined());
    refuses("", what);
    lines = before;
  };
  damaged([&] { lines.erase(lines.begin() + 29, lines.begin() + 31); }, "line 30 is not a row of instance 14");
  damaged([&] { lines.insert(lines.begin() + 29, lines[27]); }, "line 30 is not a row of instance 14");
  damaged([&] { lines[29] = "{}"; }, "line 30 is not a row of instance 14");
  damaged([&] { lines[29] = "garbage"; }, "line 30 is not a row of instance 14");
  damaged([&] { lines.push_back(lines.back()); }, "line 82 is not a row of this sweep");
  damaged([&] { lines[29].replace(lines[29].find("proved"), 6, "banana"); }, "line 30 is not a row of instance 14");
  damaged([&] { lines[29].replace(lines[29].find("\"reason\""), 8, "\"raison\""); },
          "line 30 is not a row of instance 14");
  damaged([&] { lines[0] = "garbage"; }, "belongs to another sweep");
  // Empty, or cut short anywhere: computed again.
  for (std::size_t size : {std::size_t{0}, std::size_t{10}, rows.size() / 2, rows.size() - 1}) {
    spill(out + "/rows.jsonl", rows.substr(0, size));
    CHECK(go("").exit == 0);
    CHECK(slurp(out + "/rows.jsonl") == rows);
    CHECK(slurp(out + "/results.csv") == csv);
  }
  // Begun anew, nothing old looks like a result.
  write_spec("two", "3, 5");
  CHECK(go("--restart --shard 1/2").exit == 0);
  CHECK_FALSE(fs::exists(out + "/results.csv"));
  CHECK_FALSE(fs::exists(out + "/sweep.html"));
  // Two runs in one folder: one works, the other says so.
  write_spec("three", "3, 4, 5, 6, 7, 8, 9, 10");
  const Ran both =
      run("(" + programs() + "/widecert --quiet sweep " + spec + " -o " + folder + "/both; echo \"exit $?\") & (" +
          programs() + "/widecert --quiet sweep " + spec + " -o " + folder + "/both; echo \"exit $?\"); wait");
  INFO(both.output);
  const std::string both_csv = slurp(folder + "/both/results.csv");
  CHECK(std::count(both_csv.begin(), both_csv.end(), '\n') == 1 + 2 * 8 * 20);
  // An instance finds its data and knows its seed, wherever it is written.
  write_spec("two", "3, 4");
  const std::string deep = folder + "/deep/deeper";
  REQUIRE(run(programs() + "/widecert sweep " + spec + " -o " + deep + " --instance 14").exit == 0);
  const Ran proved =
      run(programs() + "/widecert prove " + deep + "/instance-14.case.json -o " + folder + "/deep/proved");
  INFO(proved.output);
  CHECK(proved.exit == 0);
  CHECK_THAT(proved.output, Contains("checked: the singular values of F(f)"));
  // Malformed at the end of the grid: found before anything is made.
  write_spec("bad", "3, 4, -1");
  fs::remove_all(out);
  refuses("", "width = -1");
  CHECK_FALSE(fs::exists(out));
}

TEST_CASE("mistakes in a sweep are named with their place, before any work") {
  const std::string folder = scratch("bad");
  const std::string good = slurp(cases() + "/sweeps/scaling-width.sweep.json");
  const auto with = [&](const std::string& from, const std::string& to) {
    std::string text = good;
    const std::size_t at = text.find(from);
    REQUIRE(at != std::string::npos);
    text.replace(at, from.size(), to);
    spill(folder + "/bad.sweep.json", text);
    return run(programs() + "/widecert sweep " + folder + "/bad.sweep.json --restart -o " + folder + "/out");
  };
  const auto fails = [&](const Ran& ran, const std::string& what) {
    INFO(ran.output);
    CHECK(ran.exit == 4);
    CHECK_THAT(ran.output, Contains(what));
  };
  fails(with("\"widecert-sweep\"", "\"widecert-case\""), "expected \"widecert-sweep\"");
  fails(with("\"$activation\"", "\"sigmoid\""), "nothing uses the variable $activation");
  fails(with("\"$seed\"", "\"$sede\""), "there is no variable $sede");
  fails(with("\"tanh\"", "\"sigmoid\""), "labels that are different");
  fails(with("\"tanh\"", "\"tahn\""), "activation = tahn");
  fails(with("\"y\": \"sigma_min_low\"", "\"y\": \"sigma\""), "a column of the table");
  fails(with("\"x\": \"width\"", "\"x\": \"depth\""), "the name of a variable");
  fails(with("\"name\": \"seed\"", "\"name\": \"width\""), "a name that is not taken");
  fails(with("\"name\": \"seed\"", "\"name\": \"outcome\""), "a name that is no column of the table");
  fails(with("\"last\": 10", "\"last\": 0"), "variables[2].last");
  fails(with("\"width\": 16", "\"width\": 15"), "samples of 15 features; the network reads 16");
  // Nothing was begun, so that the mended spec is not refused.
  CHECK_FALSE(fs::exists(folder + "/out/rows.jsonl"));
  CHECK(run(programs() + "/widecert sweep " + folder + "/none.sweep.json").exit == 4);
  CHECK(run(programs() + "/widecert --seed 3 sweep " + cases() + "/sweeps/scaling-width.sweep.json").exit == 4);
  CHECK(run(sweep(cases() + "/sweeps/scaling-width.sweep.json --shard 4/3 -o " + folder)).exit == 4);
  CHECK(run(sweep(cases() + "/sweeps/scaling-width.sweep.json --instance 280 -o " + folder)).exit == 4);
  CHECK(run(sweep(cases() + "/sweeps/scaling-width.sweep.json --merge -o " + folder)).exit == 4);
}
