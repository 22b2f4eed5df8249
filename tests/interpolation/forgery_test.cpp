// Claims about F_L = Y: claims and certificates forged to look right, each rejected for its reason.
#include "../forgeries.h"

using namespace widecert::test;

namespace {

// 2^k in decimal.
std::string two_to(int k) {
  std::string digits = "1";  // the last one first
  for (; k > 0; --k) {
    int carry = 0;
    for (char& d : digits) {
      const int v = 2 * (d - '0') + carry;
      d = static_cast<char>('0' + v % 10);
      carry = v / 10;
    }
    if (carry != 0) digits += '1';
  }
  return {digits.rbegin(), digits.rend()};
}

}  // namespace

TEST_CASE("forged interpolation: another layer, shared filters, frozen weights, a rank that is not N") {
  const Genuine g("interpolation/every-target");
  const std::size_t every = of_rule(g, "full-row-rank"), ray = of_rule(g, "full-row-rank", 1),
                    bounds = of_rule(g, "full-row-rank", 2), affine = of_rule(g, "full-row-rank", 3);
  // A layer that is too narrow has full column rank only.
  rejects(forge(g, every,
                [&](json& c, json&) {
                  c["data"]["samples"].push_back({5, 9});
                  c["data"]["count"] = 5;
                  claim(c, every)["rank"]["rank"] = 4;
                }),
          "rank");
  rejects(g.forge([&](json& c, json&) { claim(c, every)["rank"]["node"] = "hidden"; }), "other-layers");
  rejects(g.forge([&](json& c, json&) { claim(c, every)["output"] = "hidden"; }), "layer-kind");
  rejects(g.forge([&](json& c, json&) { claim(c, every)["output"] = "sigmoid"; }), "layer-kind");
  rejects(g.forge([&](json& c, json&) {
    c["network"]["nodes"][2] = {
        {"name", "out"}, {"op", "linear"}, {"patches", {{0, 1}, {2, 3}}}, {"filters", 1}, {"bias", "neuron"}};
  }),
          "layer-kind");
  rejects(g.forge([&](json& c, json&) { c["network"]["nodes"][2]["frozen-weights"] = {{"fill", 1}}; }), "frozen");
  rejects(forge(g, every,
                [&](json& c, json&) {
                  c["network"]["nodes"][0]["frozen-bias"] = {{"fill", 0}};
                }),
          "free-biases");
  // A premise of another kind; one that is only recomputed; one that proves less; the proof of another claim.
  rejects(g.forge([&](json& c, json&) { claim(c, every)["rank"]["kind"] = "dependent-at"; }), "wrong-rule");
  rejects(g.forge([&](json& c, json&) { claim(c, every)["rank"]["kind"] = "features-distinct-at"; }), "wrong-rule");
  rejects(g.forge([&](json&, json& p) { proof(p, every)["rank"]["rule"] = "width"; }), "wrong-rule");
  rejects(g.forge([&](json&, json& p) {
    proof(p, bounds)["rank"] = {{"rule", "recomputed"}, {"bits", 60}, {"precision", 80}};
  }),
          "wrong-rule");
  rejects(g.forge([&](json& c, json&) { claim(c, bounds)["rank"]["smallest"] = json::array({0, 1}); }), "rank");
  rejects(g.forge([&](json& c, json&) { claim(c, bounds)["rank"]["smallest"] = json::array({1, 2}); }), "smallest");
  rejects(g.forge([&](json& c, json&) { claim(c, bounds)["rank"]["smallest"] = json::array(); }), "unexpected", 4);
  rejects(g.forge([&](json& c, json&) { claim(c, ray)["rank"]["alpha_0"] = 0; }), "threshold");
  // [F, 1] needs free biases above.
  rejects(forge(g, affine,
                [&](json& c, json&) {
                  c["network"]["nodes"][2]["frozen-bias"] = {{"fill", 0}};
                }),
          "free-biases");
  rejects(g.forge([&](json& c, json&) { claim(c, every)["targets"] = {{"fill", 0}}; }), "unknown-key", 4);
  rejects(g.forge([&](json& c, json&) { claim(c, every)["rank"]["parameters"] = json::object(); }), "unknown-key", 4);
}

TEST_CASE("forged solutions: weights that nearly solve, other targets, weights where sigmoid is not rational") {
  const Genuine g("interpolation/every-target");
  const std::size_t exact = of_rule(g, "exact-forward"), never = of_rule(g, "kernel-of-features");
  const auto weights = [&](json& c) -> json& { return claim(c, exact)["parameters"]["out"]["weights"]["rows"]; };
  CHECK(g.check().exit == 0);
  rejects(g.forge([&](json& c, json&) { weights(c)[0][0] = "1/3"; }), "rows-differ");
  // Solved for all samples but one, modulo a prime, and off by 2^-1000.
  rejects(g.forge([&](json& c, json&) { claim(c, exact)["targets"]["labels"][3] = 1; }), "rows-differ");
  rejects(g.forge([&](json& c, json&) {
    json& bias = claim(c, exact)["parameters"]["out"]["bias"];
    bias = {{"rows", json::array({json::array({"1/" + two_to(1000), 0})})}};
  }),
          "rows-differ");
  rejects(g.forge([&](json& c, json&) { claim(c, exact)["targets"]["rows"][0][0] = 2; }), "rows-differ");
  rejects(g.forge([&](json& c, json&) { claim(c, exact)["targets"]["labels"][0] = 2; }), "unexpected", 4);
  rejects(g.forge([&](json& c, json&) { claim(c, exact)["targets"]["labels"].push_back(0); }), "unexpected", 4);
  rejects(forge(g, exact, [&](json& c, json&) { c["data"]["samples"][1][0] = 2; }), "rows-differ");
  rejects(
      g.forge([&](json& c, json&) { claim(c, exact)["parameters"]["hidden"]["weights"]["ln2"]["rows"][0][0] = "1/2"; }),
      "irrational");
  rejects(g.forge([&](json& c, json&) {
    claim(c, exact)["parameters"]["hidden"]["bias"] = {{"fill", 1}};
  }),
          "irrational");
  rejects(g.forge([&](json& c, json&) {
    claim(c, exact)["parameters"]["hidden"]["weights"]["ln2"]["rows"][0][0] = 100000;
  }),
          "irrational");
  rejects(forge(g, exact, [&](json& c, json&) { c["network"]["nodes"][1]["function"] = "softplus"; }), "irrational");
  rejects(g.forge([&](json& c, json&) {
    claim(c, exact)["parameters"]["hidden"]["weights"]["plus"] = {{"fill", 0}};
    claim(c, exact)["parameters"]["hidden"]["weights"]["times"] = 2;
  }),
          "unknown-key", 4);
  rejects(g.forge([&](json& c, json&) {
    claim(c, exact)["parameters"]["hidden"]["weights"]["ln2"] = {{"ln2", {{"fill", 1}}}};
  }),
          "unexpected", 4);
  // Combinations that are 0 in Y too, that are not 0 in F, and with a bias not 0 in 1.
  rejects(g.forge([&](json&, json& p) { proof(p, never)["vector"] = {0, 0, 0, 0}; }), "rows-differ");
  rejects(g.forge([&](json&, json& p) { proof(p, never)["vector"] = {1, 0, 0, 0}; }), "not-a-kernel-vector");
  rejects(g.forge([&](json& c, json&) { claim(c, never)["targets"] = {{"fill", 1}}; }), "rows-differ");
  rejects(g.forge([&](json& c, json& p) {
    // Features that are all 1/2, 2/3, ... : v^T F = 0 with v^T 1 != 0 needs two columns that are not proportional to 1.
    claim(c, never)["parameters"]["hidden"]["weights"]["ln2"] = {{"rows", {{0, 0}, {0, 0}, {0, 0}, {0, 0}}}};
    proof(p, never)["vector"] = {1, 0, 0, 0};
  }),
          "not-a-kernel-vector");
  rejects(g.forge([&](json& c, json&) { c["network"]["nodes"][2]["frozen-weights"] = {{"fill", 1}}; }), "frozen");
}

TEST_CASE("forged zero loss: narrow layers, frozen biases, steps, S_k from [F, 1], another Y") {
  const Genuine g("interpolation/zero-loss");
  const std::size_t exists = of_rule(g, "carried-targets"), in_s_k = of_rule(g, "carried-targets", 1),
                    exact = of_rule(g, "exact-forward");
  const auto node = [](json& c, std::size_t k) -> json& { return c["network"]["nodes"][k]; };
  rejects(forge(g, exists, [&](json& c, json&) { node(c, 2)["filters"] = 1; }), "width");
  rejects(forge(g, exists, [&](json& c, json&) { node(c, 3)["function"] = "sign"; }), "activation");
  rejects(forge(g, exists,
                [&](json& c, json&) {
                  node(c, 5)["function"] = "half-step";
                  node(c, 5).erase("slope");
                }),
          "activation");
  rejects(forge(g, exists,
                [&](json& c, json&) {
                  node(c, 3)["function"] = "sigmoid";
                  node(c, 4)["frozen-bias"] = {{"fill", 0}};
                }),
          "frozen");
  rejects(forge(g, exists,
                [&](json& c, json&) {
                  node(c, 3)["function"] = "relu";
                  node(c, 4)["bias"] = "none";
                }),
          "free-biases");
  // 0 is inside the range of tanh: a frozen bias there hurts nothing.
  CHECK(forge(g, exists, [&](json& c, json&) { node(c, 4)["frozen-bias"] = {{"fill", 3}}; }).exit == 0);
  rejects(forge(g, exists, [&](json& c, json&) { node(c, 4)["frozen-weights"] = {{"fill", 1}}; }), "frozen");
  rejects(forge(g, exists, [&](json& c, json&) { claim(c, exists)["output"] = "leaky3"; }), "not-a-chain");
  rejects(forge(g, exists, [&](json& c, json&) { claim(c, exists)["output"] = "sigmoid1"; }), "not-a-chain");
  rejects(forge(g, exists, [&](json& c, json&) { claim(c, exists)["node"] = "dense1"; }), "other-layers");
  rejects(forge(g, in_s_k, [&](json& c, json&) { node(c, 4)["filters"] = 4; }), "width");
  CHECK(forge(g, exists, [&](json& c, json&) { node(c, 4)["filters"] = 4; }).exit == 0);
  rejects(forge(g, in_s_k, [&](json& c, json&) { claim(c, in_s_k)["targets"] = {{"fill", 0}}; }), "unknown-key", 4);
  rejects(forge(g, exact, [&](json& c, json&) { claim(c, exact)["targets"]["labels"][0] = 1; }), "rows-differ");
  rejects(forge(g, exact, [&](json& c, json&) { claim(c, exact)["output"] = "dense3"; }), "other-layers");
  rejects(forge(g, exact,
                [&](json& c, json&) {
                  node(c, 5)["slope"] = "-1/10";
                  node(c, 3)["function"] = "sigmoid";
                }),
          "irrational");
  // Rank [F, 1] = N with n = N - 1 neurons is no rank F = N.
  const Genuine narrow("interpolation/affine");
  const std::size_t affine = of_rule(narrow, "carried-targets");
  rejects(narrow.forge([&](json& c, json&) { claim(c, affine)["in-s-k"] = true; }), "rank");
  rejects(narrow.forge([&](json& c, json&) {
    c["network"]["nodes"][2]["frozen-bias"] = {{"fill", 0}};
  }),
          "free-biases");
}

TEST_CASE("forged classes: points outside the range, points for other data, merged classes, a way past the gate") {
  const Genuine g("interpolation/through-classes");
  const std::size_t k = of_rule(g, "through-classes");
  const auto inner = [&](json& p) -> json& { return proof(p, k)["classes"]; };
  rejects(g.forge([&](json&, json& p) { proof(p, k)["points"]["samples"][0][0] = 0; }), "range");
  rejects(g.forge([&](json&, json& p) { proof(p, k)["points"]["samples"][0][0] = -1; }), "range");
  rejects(g.forge([&](json& c, json& p) {
    // gelu takes small negative values too, but not on the interval where it is strictly monotone.
    proof(p, k)["points"]["samples"][1][1] = "-1/100";
    static_cast<void>(c);
  }),
          "range");
  rejects(g.forge([&](json& c, json&) {
    claim(c, k)["targets"]["labels"][0] = 1;
    claim(c, k)["targets"]["labels"][3] = 1;
  }),
          "targets");
  rejects(g.forge([&](json& c, json&) { claim(c, k)["targets"]["rows"][1] = {1, 0}; }), "targets");
  rejects(g.forge([&](json& c, json&) {
    claim(c, k)["targets"]["rows"].push_back({7, 7});
    claim(c, k)["targets"]["labels"][0] = 3;
  }),
          "targets");
  rejects(g.forge([&](json&, json& p) {
    json& points = proof(p, k)["points"];
    points["samples"].push_back(points["samples"][0]);
    points["count"] = 4;
  }),
          "targets");
  rejects(g.forge([&](json&, json& p) { proof(p, k)["points"]["samples"][1] = proof(p, k)["points"]["samples"][0]; }),
          "rank");
  rejects(g.forge([&](json&, json& p) { inner(p)["claim"]["node"] = "relu3"; }), "other-layers");
  rejects(g.forge([&](json&, json& p) { inner(p)["claim"]["rank"] = 2; }), "rank");
  rejects(g.forge([&](json&, json& p) { proof(p, k)["gate"] = "relu3"; }), "layer-kind");
  rejects(g.forge([&](json&, json& p) { proof(p, k)["gate"] = "softplus1"; }), "not-a-chain");
  rejects(g.forge([&](json& c, json&) { c["network"]["nodes"][3]["function"] = "step"; }), "activation");
  rejects(g.forge([&](json& c, json&) {
    json& nodes = c["network"]["nodes"];
    nodes.insert(nodes.begin() + 7, json{{"name", "past"}, {"op", "concat"}, {"inputs", {"pool4", "softplus1"}}});
  }),
          "not-a-chain");
  rejects(g.forge([&](json& c, json&) { c["network"]["nodes"][7]["frozen-weights"] = {{"fill", 1}}; }), "frozen");
}

TEST_CASE("forged distances to zero loss: a smaller distance, a larger sigma_min, a step that is not made") {
  const Genuine g("interpolation/nearby");
  const std::size_t k = of_rule(g, "last-layer");
  rejects(g.forge([&](json& c, json&) { claim(c, k)["distance"] = "1/1000"; }), "radius");
  rejects(g.forge([&](json& c, json&) { claim(c, k)["distance"] = 0; }), "radius");
  rejects(g.forge([&](json&, json& p) { proof(p, k)["smallest"] = 3; }), "smallest");
  rejects(g.forge([&](json&, json& p) { proof(p, k)["smallest"] = 0; }), "smallest");
  rejects(g.forge([&](json&, json& p) { proof(p, k)["smallest"] = -1; }), "smallest");
  rejects(g.forge([&](json&, json& p) { proof(p, k).erase("step"); }), "radius");
  rejects(g.forge([&](json&, json& p) { proof(p, k)["step"]["weights"] = {{"fill", 0}}; }), "radius");
  rejects(g.forge([&](json&, json& p) { proof(p, k)["bits"] = 3; }), "smallest");
  rejects(g.forge([&](json& c, json&) { claim(c, k)["targets"]["labels"][0] = 1; }), "radius");
  rejects(g.forge([&](json& c, json&) { claim(c, k)["bias"] = false; }), "radius");
  rejects(g.forge([&](json& c, json& p) {
    claim(c, k)["bias"] = false;
    proof(p, k)["step"].erase("bias");
  }),
          "radius");
  rejects(g.forge([&](json& c, json&) { c["network"]["nodes"][2]["frozen-weights"] = {{"fill", 1}}; }), "frozen");
  rejects(g.forge([&](json& c, json&) {
    c["network"]["nodes"][2]["frozen-bias"] = {{"fill", 0}};
    claim(c, k)["parameters"]["out"].erase("bias");
  }),
          "frozen");
  // Fewer neurons than samples: sigma_min of the shorter side says nothing.
  rejects(g.forge([&](json& c, json&) {
    c["network"]["nodes"][0]["filters"] = 2;
    json& hidden = claim(c, k)["parameters"]["hidden"];
    hidden["weights"] = {{"fill", 1}};
    hidden["bias"] = {{"fill", 1}};
  }),
          "width");
  rejects(g.forge([&](json& c, json&) { claim(c, k)["node"] = "x"; }), "layer-kind");
}

TEST_CASE("forged distances: a sum of products just beyond 2^125 is not 0") {
  const Genuine g("interpolation/digits-trained");
  const std::string two = "4611686018427387901/2305843009213693951";  // nearly
  const json row{two, two, two, two};
  rejects(g.forge([&](json& c, json& p) {
    c["network"] = {{"input", {{"name", "x"}, {"shape", {4}}}},
                    {"nodes", {{{"name", "output"}, {"op", "dense"}, {"filters", 1}, {"bias", "none"}}}}};
    c["data"] = {{"format", "inline"}, {"count", 1}, {"samples", {row}}};
    c["claims"] = {{{"kind", "zero-loss-nearby"},
                    {"node", "x"},
                    {"output", "output"},
                    {"layer", "output"},
                    {"bias", false},
                    {"distance", "1/1000000000"},
                    {"parameters", {{"output", {{"weights", {{"rows", {row}}}}}}}},
                    {"targets", {{"rows", {{0}}}}}}};
    p["proofs"] = {{{"rule", "last-layer"}, {"smallest", "1"}, {"bits", 64}}};
  }),
          "radius");
}

TEST_CASE("forged distances where layer k+1 moves: Jacobians, kinks, narrow layers, targets, another layer") {
  const Genuine g("interpolation/next-layer");
  const std::size_t k = of_rule(g, "next-layer");
  const auto node = [](json& c, std::size_t i) -> json& { return c["network"]["nodes"][i]; };
  rejects(g.forge([&](json& c, json&) { claim(c, k)["distance"] = "1/1000000"; }), "radius");
  rejects(g.forge([&](json&, json& p) { proof(p, k).erase("step"); }), "radius");
  rejects(g.forge([&](json&, json& p) { proof(p, k)["step"]["weights"]["rows"][0][0] = 1; }), "radius");
  rejects(g.forge([&](json&, json& p) { proof(p, k)["jacobians"] = 1; }), "smallest");
  rejects(g.forge([&](json&, json& p) { proof(p, k)["jacobians"] = "1/1000000"; }), "radius");
  rejects(g.forge([&](json&, json& p) { proof(p, k)["jacobians"] = 0; }), "smallest");
  rejects(g.forge([&](json&, json& p) { proof(p, k)["smallest"] = 1; }), "smallest");
  rejects(g.forge([&](json& c, json&) { claim(c, k)["targets"] = {{"fill", 0}}; }), "radius");
  rejects(g.forge([&](json& c, json&) { claim(c, k)["targets"]["rows"][0][0] = 0; }), "radius");
  rejects(g.forge([&](json& c, json&) { claim(c, k)["layer"] = "out"; }), "other-layers");
  rejects(g.forge([&](json& c, json& p) {
    claim(c, k)["layer"] = "out";
    proof(p, k)["rule"] = "last-layer";
    proof(p, k).erase("jacobians");
  }),
          "layer-kind");
  // Other activations: other outputs, Jacobians, or none.
  rejects(g.forge([&](json& c, json&) { node(c, 3)["function"] = "softplus"; }), "radius");
  rejects(g.forge([&](json& c, json&) { node(c, 3)["function"] = "step"; }), "not-differentiable");
  rejects(
      g.forge([&](json& c, json&) { node(c, 2)["frozen-weights"] = claim(c, k)["parameters"]["dense2"]["weights"]; }),
      "frozen");
  rejects(g.forge([&](json& c, json&) {
    node(c, 2)["frozen-bias"] = claim(c, k)["parameters"]["dense2"]["bias"];
    claim(c, k)["parameters"]["dense2"].erase("bias");
  }),
          "frozen");
  rejects(g.forge([&](json& c, json&) {
    node(c, 2)["filters"] = 1;
    json& point = claim(c, k)["parameters"];
    point["dense2"]["weights"] = {{"fill", 1}};
    point["dense2"]["bias"] = {{"fill", 0}};
    point["out"]["weights"] = {{"fill", 1}};
  }),
          "width");
  rejects(g.forge([&](json& c, json&) {
    node(c, 0)["filters"] = 4;
    json& point = claim(c, k)["parameters"];
    for (const char* layer : {"dense1", "dense2"}) point[layer]["weights"] = {{"fill", 1}};
    point["dense1"]["bias"] = {{"fill", 1}};
  }),
          "width");
}

TEST_CASE("forged distances across kinks: a pre-activation of relu near 0, a mixed tower sold as linear") {
  const Genuine g("interpolation/next-layer-relu");
  const std::size_t k = of_rule(g, "next-layer");
  const auto bias = [&](json& c) -> json& { return claim(c, k)["parameters"]["dense2"]["bias"]["rows"][0][0]; };
  CHECK(g.check().exit == 0);
  CHECK(g.forge([&](json& c, json&) { bias(c) = "1/1000"; }).exit == 0);
  CHECK(g.forge([&](json& c, json&) { bias(c) = "-1/1000"; }).exit == 0);
  rejects(g.forge([&](json& c, json&) { bias(c) = "1/1000000000000000"; }), "not-differentiable");
  rejects(g.forge([&](json& c, json&) { bias(c) = "-1/1000000000000000"; }), "not-differentiable");
  rejects(g.forge([&](json& c, json&) { bias(c) = 0; }), "not-differentiable");
  // Without the step the way is longer.
  rejects(g.forge([&](json& c, json& p) {
    proof(p, k).erase("step");
    claim(c, k)["distance"] = 1;
    bias(c) = "1/1000000";
  }),
          "not-differentiable");
  CHECK(g.forge([&](json& c, json& p) {
           proof(p, k).erase("step");
           claim(c, k)["distance"] = 1;
         }).exit == 0);
  // S(relu(g)) is curved although relu is not: K is not 0.
  rejects(g.forge([&](json& c, json& p) {
    proof(p, k).erase("step");
    claim(c, k)["distance"] = 1000;
    claim(c, k)["targets"] = {{"fill", 0}};
  }),
          "not-differentiable");
  rejects(g.forge([&](json& c, json&) { c["network"]["nodes"][3]["function"] = "sign"; }), "not-differentiable");
}

TEST_CASE("forged gradient flow: a ball that is too large or too small, a faster decay, kinks, other layers") {
  const Genuine g("interpolation/gradient-flow");
  const std::size_t k = of_rule(g, "flow-ball");
  const auto node = [](json& c, std::size_t i) -> json& { return c["network"]["nodes"][i]; };
  CHECK(g.check().exit == 0);
  rejects(g.forge([&](json&, json& p) { proof(p, k)["radius"] = 1; }), "radius");
  rejects(g.forge([&](json&, json& p) { proof(p, k)["radius"] = "1/1000000"; }), "radius");
  rejects(g.forge([&](json&, json& p) { proof(p, k)["radius"] = 0; }), "radius");
  rejects(g.forge([&](json&, json& p) { proof(p, k)["radius"] = -1; }), "radius");
  rejects(g.forge([&](json& c, json&) { claim(c, k)["distance"] = "1/100000"; }), "radius");
  rejects(g.forge([&](json& c, json&) { claim(c, k)["distance"] = -1; }), "radius");
  rejects(g.forge([&](json& c, json&) { claim(c, k)["rate"] = "1/1000"; }), "rate");
  rejects(g.forge([&](json& c, json&) { claim(c, k)["rate"] = -1; }), "rate");
  rejects(g.forge([&](json& c, json&) { claim(c, k)["rate"] = 0; }), "rate");
  // A radius of many digits costs no more than a short one.
  rejects(g.forge([&](json&, json& p) {
    proof(p, k)["radius"] = "1" + std::string(9000, '7') + "/" + std::string(9000, '3');
  }),
          "radius");
  rejects(g.forge([&](json&, json& p) { proof(p, k)["jacobians"] = 1; }), "smallest");
  rejects(g.forge([&](json&, json& p) { proof(p, k)["jacobians"] = 0; }), "smallest");
  rejects(g.forge([&](json&, json& p) { proof(p, k)["smallest"] = 1; }), "smallest");
  rejects(g.forge([&](json&, json& p) { proof(p, k)["smallest"] = -1; }), "smallest");
  rejects(g.forge([&](json& c, json&) { claim(c, k)["targets"] = {{"fill", 0}}; }), "radius");
  rejects(g.forge([&](json& c, json&) { claim(c, k)["targets"]["rows"][2][1] = 1; }), "radius");
  rejects(g.forge([&](json& c, json&) { claim(c, k)["bias"] = true; }), "unknown-key", 4);
  rejects(g.forge([&](json&, json& p) { proof(p, k)["step"] = {{"weights", {{"fill", 0}}}}; }), "unknown-key", 4);
  for (const char* kinked : {"relu", "leaky-relu"}) {
    rejects(g.forge([&](json& c, json&) {
      node(c, 3)["function"] = kinked;
      if (kinked == std::string("leaky-relu")) node(c, 3)["slope"] = "1/2";
    }),
            "not-differentiable");
  }
  rejects(g.forge([&](json& c, json&) { node(c, 3)["function"] = "step"; }), "not-differentiable");
  // All layers above move: none may be frozen, or shared.
  rejects(g.forge([&](json& c, json&) { node(c, 4)["frozen-weights"] = claim(c, k)["parameters"]["out"]["weights"]; }),
          "frozen");
  rejects(
      g.forge([&](json& c, json&) { node(c, 2)["frozen-weights"] = claim(c, k)["parameters"]["dense2"]["weights"]; }),
      "frozen");
  // A frozen bias of layer k+1 does not move: F alone has to have rank N.
  CHECK(g.forge([&](json& c, json&) {
           node(c, 2)["frozen-bias"] = claim(c, k)["parameters"]["dense2"]["bias"];
           claim(c, k)["parameters"]["dense2"].erase("bias");
         }).exit == 0);
  rejects(g.forge([&](json& c, json&) {
    node(c, 2)["frozen-bias"] = claim(c, k)["parameters"]["dense2"]["bias"];
    claim(c, k)["parameters"]["dense2"].erase("bias");
    c["data"]["samples"].push_back({4, 4});
    c["data"]["count"] = 7;
    claim(c, k)["targets"]["rows"].push_back({0, 0});
  }),
          "width");
  rejects(g.forge([&](json& c, json&) {
    c["data"]["samples"].push_back({4, 4});
    c["data"]["samples"].push_back({5, 1});
    c["data"]["count"] = 8;
    claim(c, k)["targets"]["rows"].push_back({0, 0});
    claim(c, k)["targets"]["rows"].push_back({0, 0});
  }),
          "width");
  rejects(g.forge([&](json& c, json&) { claim(c, k)["node"] = "tanh2"; }), "width");
  rejects(g.forge([&](json& c, json&) { claim(c, k)["node"] = "dense1"; }), "not-a-chain");
  rejects(g.forge([&](json& c, json&) { claim(c, k)["output"] = "tanh2"; }), "not-a-chain");
  const Genuine last("interpolation/gradient-flow-last-layer");
  rejects(last.forge([&](json&, json& p) { proof(p, 0)["jacobians"] = "3/2"; }), "smallest");
  CHECK(last.forge([&](json&, json& p) { proof(p, 0)["radius"] = 1000000; }).exit == 0);
}
