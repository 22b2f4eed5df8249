// Claims about sublevel sets, forged to look right: each is rejected for its reason.
#include "../forgeries.h"

using namespace widecert::test;

namespace {

json& node(json& c, const std::string& name) {
  for (json& one : c["network"]["nodes"])
    if (one["name"] == name) return one;
  FAIL("no node " + name);
  return c;
}

}  // namespace

TEST_CASE("forged sublevel sets: widths, biases, activations, frozen tensors, another node") {
  const Genuine g("valleys/two-layers");
  const std::size_t connected = of_kind(g, "connected-sublevel-sets"), down = of_kind(g, "descends-everywhere"),
                    valley = of_kind(g, "no-bad-valley"), line = of_kind(g, "unbounded-level-sets");
  CHECK(g.check().exit == 0);
  const auto with = [&](std::size_t k, const std::function<void(json&)>& edit) {
    return forge(g, k, [&](json& c, json&) { edit(c); });
  };
  const auto filters = [](int n) { return [n](json& c) { node(c, "hidden")["filters"] = n; }; };
  // N columns are enough to lead down, not to connect; N - 1 for nothing.
  rejects(with(connected, filters(3)), "width");
  rejects(with(down, filters(3)), "", 0);
  rejects(with(down, filters(2)), "width");
  rejects(with(valley, filters(2)), "width");
  rejects(with(line, filters(3)), "width");
  const auto no_bias_above = [](json& c) { node(c, "out")["bias"] = "none"; };
  rejects(with(connected, no_bias_above), "width");
  rejects(with(down, no_bias_above), "", 0);
  rejects(with(line, no_bias_above), "width");
  rejects(with(connected, [](json& c) { node(c, "hidden")["bias"] = "none"; }), "free-biases");
  rejects(with(connected, [](json& c) { node(c, "hidden")["frozen-bias"] = {{"fill", 0}}; }), "frozen");
  rejects(with(connected, [](json& c) { node(c, "hidden")["frozen-weights"] = {{"fill", 1}}; }), "frozen");
  rejects(with(valley, [](json& c) { node(c, "out")["frozen-bias"] = {{"fill", 0}}; }), "frozen");
  rejects(with(line, [](json& c) { node(c, "out")["frozen-weights"] = {{"fill", 1}}; }), "frozen");
  // Functions that are linear, jump, or were not examined.
  for (const char* f : {"identity", "step", "half-step", "sign", "cubic-sigmoid"}) {
    INFO(f);
    for (std::size_t k : {connected, down, valley})
      rejects(with(k, [&](json& c) { node(c, "tanh1")["function"] = f; }), "activation");
  }
  rejects(with(connected,
               [](json& c) {
                 node(c, "tanh1") = {{"name", "tanh1"}, {"op", "activation"}, {"function", "leaky-relu"}, {"slope", 1}};
               }),
          "activation");
  for (const char* f : {"relu", "elu", "gelu", "softsign", "hard-swish", "gaussian"})
    rejects(with(connected, [&](json& c) { node(c, "tanh1")["function"] = f; }), "", 0);
  // More samples; a convolution; an activation, pool or sum on the way.
  rejects(with(connected,
               [](json& c) {
                 c["data"]["samples"].push_back({7, 7});
                 c["data"]["count"] = 5;
               }),
          "width");
  rejects(with(connected,
               [](json& c) {
                 node(c, "hidden") = {{"name", "hidden"},
                                      {"op", "linear"},
                                      {"patches", {{0, 1}, {1, 0}}},
                                      {"filters", 2},
                                      {"bias", "neuron"}};
               }),
          "layer-kind");
  rejects(with(connected, [](json& c) { c["claims"][0]["output"] = "tanh1"; }), "not-a-chain");
  rejects(with(connected, [](json& c) { c["claims"][0]["output"] = "hidden"; }), "unexpected", 4);
  rejects(with(connected, [](json& c) { c["claims"][0]["node"] = "out"; }), "not-a-chain");
  rejects(with(connected, [](json& c) { c["claims"][0]["node"] = "tanh1"; }), "unexpected", 4);
  rejects(with(connected,
               [](json& c) {
                 auto& nodes = c["network"]["nodes"];
                 nodes.insert(nodes.begin() + 2,
                              json{{"name", "pool"}, {"op", "maxpool"}, {"patches", {{0}, {1}, {2}, {3}}}});
               }),
          "not-a-chain");
  rejects(with(connected,
               [](json& c) {
                 auto& nodes = c["network"]["nodes"];
                 nodes.push_back({{"name", "past"}, {"op", "sum"}, {"inputs", {"out", "x"}}});
                 c["claims"][0]["output"] = "past";
               }),
          "not-a-chain");
  // Another rule; a wide layer that does not exist; a rank that is not there.
  rejects(forge(g, connected, [](json&, json& p) { p["proofs"][0]["rule"] = "generic-valleys"; }), "wrong-rule");
  rejects(forge(g, connected, [](json&, json& p) { p["proofs"][0]["wide"] = 2; }), "unexpected", 4);
  rejects(forge(g, connected, [](json&, json& p) { p["proofs"][0]["wide"] = 0; }), "not-onto");
  rejects(forge(g, line, [&](json&, json& p) { proof(p, line)["rule"] = "scaling"; }), "activation");
  rejects(with(line, [&](json& c) { claim(c, line)["layer"] = "hidden"; }), "width");
  rejects(with(line, [&](json& c) { claim(c, line)["output"] = "hidden"; }), "other-layers");
}

TEST_CASE("forged valleys: a wide layer above a narrow one connects nothing") {
  const Genuine g("valleys/deep");
  const std::size_t valley = of_kind(g, "no-bad-valley"), scaled = of_rule(g, "kernel-line");
  for (const char* kind : {"connected-sublevel-sets", "descends-everywhere"})
    rejects(forge(g, valley, [&](json& c, json&) { c["claims"][valley]["kind"] = kind; }), "width");
  // A function below that is not strictly monotone loses samples.
  for (const char* f : {"relu", "silu", "gaussian"})
    rejects(forge(g, valley, [&](json& c, json&) { node(c, "sigmoid1")["function"] = f; }), "width");
  rejects(forge(g, valley, [&](json& c, json&) { node(c, "sigmoid1")["function"] = "step"; }), "activation");
  rejects(forge(g, valley, [&](json& c, json&) { node(c, "sigmoid1")["function"] = "cubic-sigmoid"; }), "", 0);
  // The layer below the wide ones is one neuron wide, and may not be taken for one of them.
  rejects(forge(g, valley, [&](json&, json& p) { p["proofs"][valley]["wide"] = 1; }), "not-onto");
  rejects(forge(g, scaled, [&](json& c, json&) { c["claims"][scaled]["layer"] = "wide"; }), "width");
}

TEST_CASE("forged pyramids: equal widths, functions that are not onto, inputs of lower rank") {
  const Genuine g("valleys/pyramid");
  const std::size_t connected = of_kind(g, "connected-sublevel-sets"), inputs = of_kind(g, "descends-everywhere");
  const auto by_one = [&](const std::function<void(json&)>& edit) {
    return forge(g, connected, [&](json& c, json& p) {
      edit(c);
      proof(p, connected)["wide"] = 1;
    });
  };
  rejects(by_one([](json&) {}), "", 0);
  CHECK(g.certificate()["proofs"][inputs]["wide"] == 0);
  rejects(by_one([](json& c) { node(c, "three")["filters"] = 4; }), "not-decreasing");
  rejects(by_one([](json& c) { node(c, "out")["filters"] = 3; }), "not-decreasing");
  for (const char* f : {"relu", "elu", "softplus", "sigmoid"})
    rejects(by_one([&](json& c) { node(c, "identity3")["function"] = f; }), "not-onto");
  rejects(by_one([&](json& c) { node(c, "leaky2")["slope"] = "-1/4"; }), "not-onto");
  rejects(by_one([&](json& c) { node(c, "leaky1")["slope"] = "-1/10"; }), "", 0);
  rejects(forge(g, inputs, [&](json& c, json&) { node(c, "leaky1")["slope"] = "-1/10"; }), "not-onto");
  // A sample in the plane of three others; rank [X, 1] without biases above.
  rejects(forge(g, inputs, [](json& c, json&) { c["data"]["samples"][3] = {1, 1, 0}; }), "smallest");
  rejects(forge(g, inputs, [](json& c, json&) { node(c, "one")["bias"] = "none"; }), "width");
  rejects(forge(g, inputs, [&](json&, json& p) { p["proofs"][inputs]["rank"]["claim"]["matrix"] = "F"; }), "rank");
  rejects(forge(g, inputs, [&](json&, json& p) { p["proofs"][inputs]["rank"]["claim"]["node"] = "one"; }),
          "other-layers");
  rejects(
      forge(g, inputs, [&](json&, json& p) { p["proofs"][inputs]["rank"]["claim"]["kind"] = "independent-somewhere"; }),
      "wrong-rule");
  rejects(forge(g, inputs,
                [&](json& c, json&) {
                  c["claims"][inputs]["parameters"] = {{"one", json::object()}};
                }),
          "other-layers");
}

TEST_CASE("forged joins: ranks at a third point, of another layer, too few of them") {
  const Genuine g("valleys/two-networks");
  const std::size_t join = of_kind(g, "joined"), down = of_kind(g, "descends");
  const auto seed = [](json& point, const char* layer) -> json& { return point[layer]["weights"]["seeded"]["seed"]; };
  CHECK(g.check().exit == 0);
  rejects(forge(g, join, [&](json& c, json&) { seed(claim(c, join)["from"], "one") = 7; }), "other-point");
  rejects(forge(g, join, [&](json& c, json&) { seed(claim(c, join)["to"], "two") = 7; }), "other-point");
  // The layer above the wide ones may be any.
  rejects(forge(g, join, [&](json& c, json&) { seed(claim(c, join)["to"], "out") = 7; }), "", 0);
  rejects(forge(g, join, [&](json&, json& p) { std::swap(proof(p, join)["from"], proof(p, join)["to"]); }),
          "other-point");
  rejects(forge(g, join, [&](json&, json& p) { proof(p, join)["from"].erase(0); }), "unexpected", 4);
  rejects(forge(g, join, [&](json&, json& p) { proof(p, join)["from"][0] = proof(p, join)["from"][1]; }),
          "other-layers");
  rejects(forge(g, join, [&](json&, json& p) { proof(p, join)["wide"] = 1; }), "not-onto");
  rejects(forge(g, join, [&](json&, json& p) { proof(p, join)["wide"] = 0; }), "not-onto");
  rejects(forge(g, join, [&](json& c, json&) { node(c, "one")["filters"] = 3; }), "width");
  rejects(forge(g, join, [&](json& c, json&) { node(c, "cubic1")["function"] = "step"; }), "activation");
  rejects(forge(g, join, [&](json& c, json&) { claim(c, join)["from"].erase("out"); }), "missing-key", 4);
  rejects(forge(g, join, [&](json&, json& p) { proof(p, join)["rule"] = "wide-layers"; }), "activation");
  rejects(forge(g, down, [&](json& c, json&) { seed(claim(c, down)["from"], "two") = 2; }), "other-point");
  rejects(forge(g, down, [&](json& c, json&) { claim(c, down)["kind"] = "descends-everywhere"; }), "wrong-rule");
  // [F, 1] has rank N only with biases above.
  rejects(forge(g, down,
                [&](json& c, json&) {
                  node(c, "out")["bias"] = "none";
                  claim(c, down)["from"]["out"].erase("bias");
                }),
          "free-biases");
}
