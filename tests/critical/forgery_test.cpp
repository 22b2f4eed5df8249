// Claims about critical points: claims and certificates forged to look right, each rejected for its reason.
#include "../forgeries.h"

using namespace widecert::test;

TEST_CASE("forged critical points: a gradient for each use of a filter, another weight, a better point that is none") {
  const Genuine g("critical/convolutional-layer");
  const std::size_t k = of_kind(g, "critical-not-global");
  // Filters of their own for each patch: then the derivatives are not 0.
  rejects(forge(g, k,
                [&](json& c, json&) {
                  c["network"]["nodes"][2]["banks"] = {0, 1};
                  for (const char* key : {"parameters", "better"}) {
                    json& point = key[0] == 'p' ? claim(c, k)[key] : claim(c, k)[key]["parameters"];
                    point["conv2"]["weights"] = {{"rows", {{0}, {0}}}};
                    point["conv2"]["bias"] = {{"rows", {{0, 0}}}};
                  }
                }),
          "gradient");
  rejects(forge(g, k, [&](json& c, json&) { claim(c, k)["parameters"]["out"]["weights"]["rows"][0][0] = 2; }),
          "gradient");
  rejects(forge(g, k, [&](json& c, json&) { claim(c, k)["targets"]["rows"][0][0] = "1/3"; }), "gradient");
  rejects(forge(g, k, [&](json& c, json&) { c["data"]["samples"][1][0] = 2; }), "irrational");
  rejects(forge(g, k, [&](json& c, json&) { claim(c, k)["better"]["parameters"] = claim(c, k)["parameters"]; }),
          "not-better");
  rejects(forge(g, k, [&](json& c, json&) { claim(c, k)["better"]["parameters"]["out"]["bias"]["fill"] = 100; }),
          "not-better");
  rejects(forge(g, k, [&](json& c, json&) { claim(c, k)["loss"] = {{"cauchy", 1}}; }), "loss");
  rejects(forge(g, k, [&](json& c, json&) { claim(c, k)["loss"] = "absolute"; }), "unexpected", 4);
  rejects(forge(g, k, [&](json& c, json&) { claim(c, k)["loss"] = {{"cauchy", 0}}; }), "unexpected", 4);
  rejects(forge(g, k, [&](json& c, json&) { c["network"]["nodes"][3]["function"] = "relu"; }), "not-differentiable");
  rejects(forge(g, k, [&](json& c, json&) { c["network"]["nodes"][3]["function"] = "gelu"; }), "irrational");
  rejects(forge(g, k, [&](json& c, json&) { claim(c, k)["output"] = "sigmoid2"; }), "shape", 4);
  // Of U as a free matrix, never of the filters.
  const std::size_t global = of_kind(g, "critical-points-global");
  const Ran ran = run(programs() + "/widecheck " + g.claim_path());
  g.check();
  CHECK(forge(g, global, [](json&, json&) {}).exit == 0);
  CHECK_THAT(run(programs() + "/widecheck " + g.claim_path()).output,
             Contains("for the weight matrix U, as a free matrix, and one bias for each neuron of layer conv2"));
  static_cast<void>(ran);
}

TEST_CASE("forged critical points of the one-sided losses: classes, signs, a point of zero loss elsewhere") {
  const Genuine g("critical/theorem-5.3-is-false");
  const std::size_t k = of_kind(g, "critical-not-global"), least = of_kind(g, "global-minimum-at");
  rejects(forge(g, k, [&](json& c, json&) { claim(c, k)["loss"]["one-sided"] = {0, 1, 0, 1}; }), "gradient");
  rejects(forge(g, k, [&](json& c, json&) { claim(c, k)["loss"] = "square"; }), "not-better");  // critical, too
  rejects(forge(g, k, [&](json& c, json&) { claim(c, k)["loss"]["one-sided"] = {0, 0, 1}; }), "unexpected", 4);
  rejects(forge(g, k, [&](json& c, json&) { claim(c, k)["loss"]["one-sided"][0] = 2; }), "unexpected", 4);
  rejects(forge(g, k, [&](json& c, json&) { claim(c, k)["parameters"]["dense1"]["bias"]["ln2"]["rows"][0][0] = 1; }),
          "gradient");
  rejects(forge(g, least, [&](json& c, json&) { claim(c, least)["parameters"] = claim(c, k)["parameters"]; }),
          "rows-differ");
  rejects(forge(g, least, [&](json& c, json&) { claim(c, least)["loss"] = "square"; }), "rows-differ");

  const Genuine zero("critical/strictly-monotone-is-not-enough");
  const std::size_t other = of_kind(zero, "critical-not-global");
  rejects(forge(zero, other, [&](json& c, json&) { claim(c, other)["zero-loss"]["kind"] = "zero-loss-at"; }),
          "wrong-rule");
  rejects(forge(zero, other, [&](json& c, json&) { claim(c, other)["zero-loss"]["output"] = "dense2"; }),
          "other-layers");
  rejects(forge(zero, other, [&](json& c, json&) { claim(c, other)["zero-loss"]["rank"]["rank"] = 1; }), "rank");
  rejects(forge(zero, other,
                [&](json&, json& p) {
                  proof(p, other)["zero-loss"]["rank"] = {{"rule", "width"}};
                }),
          "wrong-rule");
  // A function that is 0 at 0 with its derivative is evaluated nowhere else.
  rejects(forge(zero, other, [&](json& c, json&) { claim(c, other)["parameters"]["dense2"]["bias"]["fill"] = 1; }),
          "irrational");
}

TEST_CASE("forged inclusions: slopes that are 0, widening layers, ranks and weights of other layers, no null set") {
  const Genuine g("critical/no-bad-critical-points");
  const std::size_t plain = of_rule(g, "non-zero-slopes"), null = of_rule(g, "non-zero-slopes", 1);
  const auto node = [](json& c, std::size_t k) -> json& { return c["network"]["nodes"][k]; };
  for (const char* function : {"silu", "gelu", "mish", "gaussian", "relu", "cubic-sigmoid", "step"})
    rejects(forge(g, plain, [&](json& c, json&) { node(c, 3)["function"] = function; }), "activation");
  rejects(forge(g, plain,
                [&](json& c, json&) {
                  node(c, 5)["function"] = "leaky-relu";
                  node(c, 5)["slope"] = "1/2";
                }),
          "activation");
  CHECK(forge(g, plain, [&](json& c, json&) { node(c, 1)["function"] = "relu"; }).exit == 0);
  rejects(forge(g, plain, [&](json& c, json&) { node(c, 4)["filters"] = 4; }), "width");
  rejects(forge(g, plain, [&](json& c, json&) { claim(c, plain)["exceptional-set-null"] = true; }), "missing-key", 4);
  rejects(forge(g, plain, [&](json& c, json&) { claim(c, plain)["node"] = "x"; }), "missing-key", 4);
  rejects(forge(g, null, [&](json& c, json&) { claim(c, null)["exceptional-set-null"] = false; }), "unknown-key", 4);
  rejects(forge(g, null,
                [&](json& c, json&) {
                  claim(c, null)["rank"]["kind"] = "independent-somewhere";
                  claim(c, null)["rank"].erase("rank");
                }),
          "rank");
  rejects(forge(g, null, [&](json& c, json&) { claim(c, null)["weights"].erase(0); }), "unexpected", 4);
  rejects(forge(g, null, [&](json& c, json&) { claim(c, null)["weights"][1]["node"] = "dense3"; }), "other-layers");
  rejects(forge(g, null, [&](json& c, json&) { claim(c, null)["weights"][0]["kind"] = "weights-never-full-rank"; }),
          "wrong-rule");
  rejects(forge(g, null, [&](json&, json& p) { proof(p, null)["weights"][0]["prime"] = 4; }), "not-a-prime");
  rejects(forge(g, null, [&](json&, json& p) { proof(p, null)["weights"][0]["weights"] = {{"fill", 1}}; }), "rank");
  rejects(forge(g, null, [&](json& c, json&) { node(c, 4)["frozen-weights"] = {{"fill", 1}}; }), "frozen");

  const Genuine inputs("critical/independent-inputs");
  const std::size_t at = of_rule(inputs, "non-zero-slopes");
  rejects(forge(inputs, at, [&](json& c, json&) { c["data"]["samples"][2] = {"1/2", "1/2"}; }), "smallest");
  rejects(forge(inputs, at,
                [&](json& c, json&) {
                  c["network"]["nodes"][0]["frozen-bias"] = {{"fill", 0}};
                }),
          "free-biases");
}

TEST_CASE("forged consequences of separability: layers with none, two outputs, no free bias") {
  const Genuine g("critical/independent-inputs");
  const std::size_t last = of_kind(g, "critical-points-zero"), below = of_kind(g, "critical-points-zero", 1);
  const auto node = [](json& c, std::size_t k) -> json& { return c["network"]["nodes"][k]; };
  rejects(forge(g, last, [&](json& c, json&) { claim(c, last)["node"] = "x"; }), "not-a-chain");
  rejects(forge(g, below, [&](json& c, json&) { node(c, 4)["filters"] = 2; }), "width");
  rejects(forge(g, below,
                [&](json& c, json&) {
                  node(c, 3)["function"] = "softplus";
                  node(c, 3)["sharpness"] = 0;
                }),
          "unexpected", 4);
  rejects(forge(g, below, [&](json& c, json&) { node(c, 3)["function"] = "silu"; }), "activation");
  rejects(forge(g, last, [&](json& c, json&) { node(c, 4)["frozen-bias"] = {{"fill", 0}}; }), "free-biases");
  rejects(
      forge(g, below,
            [&](json& c, json&) {
              node(c, 4) = {
                  {"name", "out"}, {"op", "linear"}, {"patches", {{0, nullptr}}}, {"filters", 1}, {"bias", "neuron"}};
            }),
      "layer-kind");
}

TEST_CASE("forged vacuity: blocks that are not too large, layers left out, tensors named twice") {
  const Genuine g("critical/no-bad-critical-points");
  const std::size_t all = of_kind(g, "no-point-as-in-3.8"), one = of_kind(g, "no-point-as-in-3.8", 1),
                    block = of_kind(g, "hessian-block-singular", 1);
  const auto node = [](json& c, std::size_t k) -> json& { return c["network"]["nodes"][k]; };
  rejects(forge(g, one, [&](json& c, json&) { claim(c, one)["layers"] = {"dense3"}; }), "unexpected", 4);
  rejects(forge(g, one, [&](json& c, json&) { claim(c, one)["layers"] = {"dense2", "dense2"}; }), "unexpected", 4);
  rejects(forge(g, one, [&](json& c, json&) { claim(c, one)["layers"] = {"dense1", "dense2"}; }), "unexpected", 4);
  // N m entries exactly: 4 samples, 2 outputs; 8 entries.
  rejects(forge(g, one,
                [&](json& c, json&) {
                  for (std::size_t k : {0, 2, 4}) node(c, k)["filters"] = k == 0 ? 3 : 2;
                }),
          "bound");
  rejects(forge(g, all, [&](json& c, json&) { node(c, 0)["filters"] = 2; }), "width");
  rejects(forge(g, all, [&](json& c, json&) { node(c, 3)["function"] = "elu"; }), "activation");
  rejects(forge(g, all, [&](json& c, json&) { node(c, 2)["bias"] = "none"; }), "free-biases");
  rejects(forge(g, all, [&](json& c, json&) { node(c, 0)["frozen-weights"] = {{"fill", 1}}; }), "frozen");
  rejects(forge(g, all, [&](json& c, json&) { c["data"]["samples"][3] = c["data"]["samples"][0]; }), "patches-collide");
  rejects(forge(g, block,
                [&](json& c, json&) {
                  claim(c, block)["tensors"] = json::array({json::array({"dense3", "bias"})});
                }),
          "bound");
  rejects(
      forge(g, block,
            [&](json& c, json&) {
              claim(c, block)["tensors"] = json::array({json::array({"out", "bias"}), json::array({"out", "bias"})});
            }),
      "unexpected", 4);
  rejects(forge(g, block, [&](json& c, json&) { node(c, 3)["function"] = "elu"; }), "activation");
  rejects(forge(g, block, [&](json& c, json&) { node(c, 2)["frozen-weights"] = {{"fill", 1}}; }), "frozen");
  rejects(forge(g, block, [&](json& c, json&) { claim(c, block)["output"] = "dense1"; }), "other-layers");
}
