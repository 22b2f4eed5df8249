// Every primitive pays before its loop: none begins with an empty budget. And what is shared is not copied.
#include <widecheck/evaluate/backward.h>
#include <widecheck/evaluate/block_forward.h>
#include <widecheck/evaluate/box.h>
#include <widecheck/evaluate/features.h>
#include <widecheck/evidence/definite.h>
#include <widecheck/evidence/distinct.h>
#include <widecheck/evidence/lattice.h>
#include <widecheck/evidence/projections.h>
#include <widecheck/evidence/rank.h>
#include <widecheck/evidence/relations.h>
#include <widecheck/evidence/singular.h>
#include <widecheck/evidence/threshold.h>
#include <widecheck/evidence/weight_matrix.h>
#include <widecheck/kernel/verdict.h>

#include <nlohmann/json.hpp>

#include "../catch.h"

using namespace widecheck;
using nlohmann::json;

namespace {

Value document(const json& j) { return Value(j, "claim", std::make_shared<const Source>()); }

const json kNetwork = json::parse(R"({"input": {"name": "x", "shape": [3]}, "nodes": [
    {"name": "d", "op": "dense", "filters": 4, "bias": "neuron"},
    {"name": "s", "op": "activation", "function": "sigmoid"},
    {"name": "b", "op": "batchnorm", "scale": {"fill": 2}, "shift": {"fill": 1}},
    {"name": "e", "op": "dense", "filters": 2, "bias": "none", "frozen-weights": {"fill": 3}}]})");
const json kData = json::parse(R"({"format": "inline", "count": 2, "samples": [[1, 2, 3], [4, 5, "1/6"]]})");
const json kPoint = json::parse(R"({"d": {"weights": {"fill": 1}, "bias": {"fill": 1}}})");

}  // namespace

TEST_CASE("with nothing left to spend no primitive begins") {
  Budget budget;
  const Network network(document(kNetwork), budget);
  Data data(document(kData), {3}, budget);
  data.verify();
  const Context c{network, data, budget};
  const auto theta = read_point(network, 4, document(kPoint), budget);
  const Forward forward = make_forward(c, network, 2, theta, 64);
  const std::vector<mpz_class> row{1, 2, 3};
  const BoxForward box(c, 1, document(kPoint), 1);
  const json kRelations = json::parse(R"({"side": "rows", "kernel": [[1, 1]]})");
  Relations relations(document(kRelations), 2, 3, Relations::Of::values, budget);
  IntegerRows rows(3);
  rows.add(row);
  const json prime = 101, kAlong = json::parse(R"([{"factor": 2, "direction": [1, 1, 1]}])");
  const json filters = json::parse(R"({"sparse": [[], [], [], []]})");
  // 10^12 are granted; what is left is taken.
  for (long step = 1'000'000'000'000; step > 0; step /= 10) try {
      for (;;) budget.spend(step);
    } catch (const Malformed&) {
      budget = Budget(budget);
    }
  std::vector<std::pair<const char*, std::function<void()>>> all{
      {"network", [&] { Network(document(kNetwork), budget); }},
      {"data", [&] { Data(document(kData), {3}, budget).verify(); }},
      {"pass", [&] { data.for_each([](auto&&...) { FAIL("a pass"); }); }},
      {"small pass", [&] { data.for_each_small([](auto&&...) { FAIL("a pass"); }); }},
      {"point", [&] { read_point(network, 4, document(kPoint), budget); }},
      {"features", [&] { Features(c, 2, 64); }},
      {"forward", [&] { make_forward(c, network, 2, theta, 64); }},
      {"products", [&] { PatchProducts(c, network.node(1), 1, 1, forward, true); }},
      {"box", [&] { BoxForward(c, 1, document(kPoint), 1); }},
      {"boxes", [&] { box(row); }},
      {"prime", [&] { read_prime(document(prime), budget); }},
      {"lattice",
       [&] {
         Lattice(c, network, 2, theta, {7, 127});
       }},
      {"relations", [&] { relations.row(0, row); }},

      {"scaled", [&] { scaled(row, 7, 64, budget); }},
      {"combine", [&] { rows.combine({5}, budget); }},
      {"gram", [&] { rows.gram_at_least(1, budget); }},
      {"directions",
       [&] {
         read_directions(document(kAlong), network.node(1), {{1, 2, 3}, {1, 2, 3}, {1, 2, 3}, {1, 2, 3}}, budget);
       }},
      {"projections",
       [&] {
         Projections(c, network.node(1), {0}, {{1, {1, 1, 1}, 3, 0}}, 2);
       }},
      {"one patch", [&] { OnePatchEach(c, network.node(1), 1); }},
      {"distances", [&] { distances(1, row, 1, 1, false, budget); }},
      {"distinct", [&] { require_distinct_patches(c, 1, false); }},
      {"contents", [&] { count_contents(c, 1, 5); }},
      {"classes", [&] { count_classes(c, 1); }},
      {"rank", [&] { rank_modulo(c, network.node(1), document(filters), 101); }},
      {"outer", [&] { OuterProducts(budget, 3, 3).add(row, row); }}};
  for (const auto& [name, begin] : all) {
    INFO(name);
    try {
      begin();
      FAIL("it was done for nothing");
    } catch (const Malformed& refused) {
      CHECK(refused.reason == "too-large");
    }
  }
}

TEST_CASE("seeded tensors and huge numbers cost more than small ones") {
  const auto accepts = [](const json& tensor, std::size_t entries, std::size_t left) {
    Budget budget;
    budget.spend(Products(1'000'000'000'000) + Products(-1) * left);
    try {
      read_tensor(document(tensor), {{entries}}, budget);
      return true;
    } catch (const Malformed& refused) {
      return refused.reason != "too-large";
    }
  };
  const json seeded = json::parse(R"({"seeded": {"name": "w", "seed": 1, "low": 0, "high": 9}})");
  CHECK(accepts({{"fill", 1}}, 1000, 100'000));
  CHECK(!accepts(seeded, 1000, 100'000));
  CHECK(accepts(seeded, 1000, 400'000));
  CHECK(!accepts({{"fill", std::string(19'000, '7')}}, 1000, 100'000));
}

TEST_CASE("blocks pay for all neurons that they hold, also where one of them is taken") {
  Budget budget;
  const auto work = [&](int width) {
    const json nodes{{{"name", "d"}, {"op", "dense"}, {"filters", width}, {"bias", "none"}},
                     {{"name", "one"}, {"op", "select"}, {"inputs", {"d"}}, {"take", {{0, 0}}}}};
    const Network network(document({{"input", {{"name", "x"}, {"shape", {3}}}}, {"nodes", nodes}}), budget);
    const auto theta = read_point(network, 2, document({{"d", {{"weights", {{"fill", 1}}}}}}), budget);
    const Forward exact(network, 2, theta, 1, 5, 1);
    return BlockForward(network, exact).work();
  };
  CHECK(!(work(100'000) < work(1) + Products(2 * BlockForward::kSamples) * 99'999));
}

TEST_CASE("a layer that looks at one of many values pays for them all") {
  Budget budget;
  const auto work = [&](int width) {
    const json nodes{{{"name", "d"}, {"op", "linear"}, {"patches", {{0}}}, {"filters", 1}, {"bias", "none"}}};
    const Network network(document({{"input", {{"name", "x"}, {"shape", {width}}}}, {"nodes", nodes}}), budget);
    const auto theta = read_point(network, 1, document({{"d", {{"weights", {{"fill", 1}}}}}}), budget);
    return Forward(network, 1, theta, 1, 5, 1).work();
  };
  CHECK(!(work(1'000'000) < work(1) + Products(10) * 999'999));
}

TEST_CASE("copies of a network share their nodes, a changed one is copied alone") {
  Budget budget;
  const Network network(document(kNetwork), budget);
  Network copy = network;
  copy.change(2).activation.function = Function::tanh;
  for (std::size_t i : {0, 1, 3, 4}) CHECK(&copy.node(i) == &network.node(i));
  CHECK(network.node(2).activation.function == Function::sigmoid);
  CHECK(copy.node(2).activation.function == Function::tanh);
  CHECK(copy.change(4).frozen_weights == network.node(4).frozen_weights);  // the same tensor, not one like it
  CHECK(copy.find("e") == 4);
}
