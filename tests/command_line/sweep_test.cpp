// widecert sweep as a user runs it: the same bytes however the work is divided, stopped or threaded.
#include <algorithm>
#include <filesystem>
#include <map>

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
        "instance,activation,width,seed,theorem,outcome,reason,alpha_0,delta,sigma_min_low,sigma_min_high,sigma_max_low,"
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
  const Ran proved = run(programs() + "/widecert --seed 6 prove " + folder + "/out/instance-5.case.json -o " + folder + "/out");
  INFO(proved.output);
  CHECK(proved.exit == 0);
  CHECK_THAT(slurp(folder + "/one/results.csv"), Contains("\n5,sigmoid,64,6,singular-values,proved,"));
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
    count += line.find(",rank-at,proved,") != std::string::npos;
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
  fails(with("\"$activation\"", "\"$activatoin\""), "there is no variable $activatoin");
  fails(with("\"tanh\"", "\"tahn\""), "activation = tahn");
  fails(with("\"y\": \"sigma_min_low\"", "\"y\": \"sigma\""), "a column of the table");
  fails(with("\"x\": \"width\"", "\"x\": \"depth\""), "the name of a variable");
  fails(with("\"name\": \"seed\"", "\"name\": \"width\""), "a name that is not taken");
  fails(with("\"name\": \"seed\"", "\"name\": \"outcome\""), "a name that is no column of the table");
  fails(with("\"last\": 10", "\"last\": 0"), "variables[2].last");
  fails(with("\"width\": 16", "\"width\": 15"), "samples have 15 features, the network 16 inputs");
  CHECK(run(programs() + "/widecert sweep " + folder + "/none.sweep.json").exit == 4);
  CHECK(run(sweep(cases() + "/sweeps/scaling-width.sweep.json --shard 4/3 -o " + folder)).exit == 4);
  CHECK(run(sweep(cases() + "/sweeps/scaling-width.sweep.json --instance 280 -o " + folder)).exit == 4);
  CHECK(run(sweep(cases() + "/sweeps/scaling-width.sweep.json --merge -o " + folder)).exit == 4);
}
