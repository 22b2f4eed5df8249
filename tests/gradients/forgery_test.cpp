// Claims about singular values and gradients: certificates and claims forged to look right, each
// rejected for its reason.
#include "../genuine.h"

using namespace widecert::test;

namespace {

std::size_t place(const Genuine& g, const std::string& kind, std::size_t skip = 0) {
  for (std::size_t k = 0; k < g.claim()["claims"].size(); ++k) {
    if (g.claim()["claims"][k]["kind"] == kind && skip-- == 0) return k;
  }
  FAIL("no claim of kind " + kind);
  return 0;
}

std::string says(const Genuine& g, const std::string& options = "") {
  return run(programs() + "/widecheck " + options + g.claim_path()).output;
}

}  // namespace

TEST_CASE("forged singular values: bounds, vectors, data, weights, another layer, too few bits") {
  const Genuine g("gradients/digits");
  const std::size_t f = place(g, "singular-value-bounds"), ones = place(g, "singular-value-bounds", 1),
                    rank = place(g, "independent-at"), u = place(g, "weights-singular-value-bounds");
  CHECK_THAT(says(g),
             Contains("the singular values of F(sigmoid1) at seeded random parameters (seed 1): smallest in [") &&
                 Contains("(full rank)  [rule integer-cholesky]"));
  const auto claims = [](json& c, std::size_t k) -> json& { return c["claims"][k]; };
  // A lower bound of sigma_min that is above the true one, by a tenth; the upper end with it.
  for (std::size_t k : {f, ones, u}) {
    rejects(g.forge([&](json& c, json&) { claims(c, k)["smallest"] = json::array({"9/8", "9/8"}); }), "smallest");
    rejects(g.forge([&](json& c, json&) { claims(c, k)["smallest"] = json::array({0, "1/100000"}); }), "smallest");
    rejects(g.forge([&](json& c, json&) { claims(c, k)["largest"] = json::array({1, "3/2"}); }), "largest");
    rejects(g.forge([&](json& c, json&) { claims(c, k)["largest"] = json::array({1000, 2000}); }), "largest");
    rejects(g.forge([&](json&, json& p) { p["proofs"][k]["bits"] = 4; }), "smallest");
    rejects(g.forge([&](json&, json& p) { p["proofs"][k]["smallest"] = p["proofs"][k]["largest"]; }), "smallest");
    rejects(g.forge([&](json&, json& p) { p["proofs"][k]["largest"] = p["proofs"][k]["smallest"]; }), "largest");
    rejects(g.forge([&](json&, json& p) {
      for (json& v : p["proofs"][k]["smallest"]) v = 0;
    }),
            "zero-vector");
    rejects(g.forge([&](json&, json& p) { p["proofs"][k]["smallest"].push_back(1); }), "unexpected", 4);
    rejects(g.forge([&](json&, json& p) { p["proofs"][k]["rule"] = "exact-rank"; }), "wrong-rule");
    rejects(g.forge([&](json& c, json&) { claims(c, k)["smallest"] = json::array({2, 1}); }), "unexpected", 4);
    rejects(g.forge([&](json& c, json&) { claims(c, k)["smallest"] = json::array({-1, 1}); }), "unexpected", 4);
  }
  rejects(g.forge([&](json&, json& p) { p["proofs"][f]["precision"] = 3; }), "smallest");
  rejects(g.forge([&](json&, json& p) { p["proofs"][f]["precision"] = 1 << 13; }), "unexpected", 4);
  rejects(g.forge([&](json& c, json&) { claims(c, f)["matrix"] = "F F^T"; }), "unexpected", 4);
  // Another weight; another network; another layer; a sample twice.
  rejects(g.forge([&](json& c, json&) { claims(c, u)["weights"] = {{"fill", 1}}; }), "smallest");
  rejects(g.forge([&](json& c, json&) {
    claims(c, f)["parameters"]["conv1"]["weights"] = {{"fill", 0}};
    claims(c, f)["parameters"]["conv1"]["bias"] = {{"fill", 0}};
  }),
          "smallest");
  rejects(g.forge([&](json& c, json&) { c["network"]["nodes"][1]["function"] = "tanh"; }), "largest");
  rejects(g.forge([&](json& c, json&) { claims(c, f)["node"] = "softplus2"; }), "missing-key", 4);
  rejects(g.forge([&](json& c, json&) { c["data"]["divide"] = 1000000; }), "smallest");
  rejects(g.forge([&](json& c, json&) { c["data"]["sha256"] = std::string(64, '0'); }), "data-digest");
  // Full rank.
  rejects(g.forge([&](json&, json& p) { p["proofs"][rank]["lower"] = 0; }), "smallest");
  rejects(g.forge([&](json&, json& p) { p["proofs"][rank]["lower"] = -1; }), "smallest");
  rejects(g.forge([&](json&, json& p) { p["proofs"][rank]["lower"] = 1; }), "smallest");
  rejects(g.forge([&](json& c, json&) { claims(c, rank)["rank"] = 99; }), "rank");
}

TEST_CASE("what is only recomputed is never proved") {
  const Genuine g("gradients/digits");
  for (const char* kind : {"singular-value-bounds", "independent-at"}) {
    const std::size_t k = place(g, kind);
    const Verdict verdict = g.forge([&](json&, json& p) {
      p["proofs"][k] = {{"rule", "recomputed"}, {"bits", 40}, {"precision", 60}};
      if (std::string(kind) == "independent-at") p["proofs"][k]["lower"] = "1/100";
    });
    CHECK(verdict.exit == 3);
    CHECK_THAT(says(g), Contains("RECOMPUTED  ") && Contains("grade: recomputed: some line is not proved"));
    CHECK(run(programs() + "/widecheck --unconditional " + g.claim_path()).exit == 3);
    // A claim that is wrong on the samples that are looked at is rejected.
    if (std::string(kind) == "independent-at") {
      rejects(g.forge([&](json&, json& p) {
        p["proofs"][k] = {{"rule", "recomputed"}, {"bits", 40}, {"precision", 60}, {"lower", 5}};
      }),
              "smallest");
      rejects(g.forge([&](json& c, json& p) {
        p["proofs"][k] = {{"rule", "recomputed"}, {"bits", 40}, {"precision", 60}, {"lower", "1/100"}};
        c["claims"][k]["rank"] = 1000000;
      }),
              "rank");
      continue;
    }
    rejects(g.forge([&](json& c, json& p) {
      p["proofs"][k] = {{"rule", "recomputed"}, {"bits", 40}, {"precision", 60}};
      c["claims"][k]["smallest"] = json::array({5, 6});
    }),
            "smallest");
  }
  const std::size_t u = place(g, "weights-singular-value-bounds");
  rejects(g.forge([&](json&, json& p) { p["proofs"][u] = {{"rule", "recomputed"}, {"bits", 40}}; }), "wrong-rule");
  // The command line of a case that ends so.
  const std::string folder = scratch("recomputed");
  CHECK(run(programs() + "/widecert --quiet regress " + cases() + "/digits/recomputed.case.json").exit == 0);
}

TEST_CASE(
    "forged gradients: constants, targets, output, activations with kinks, layers that lose "
    "directions") {
  const Genuine g("gradients/digits");
  const std::size_t bounds = place(g, "gradient-bounds"), dominance = place(g, "gradient-dominance"),
                    enclosure = place(g, "gradient-enclosure");
  CHECK_THAT(
      says(g),
      Contains(
          "||F(dense3) - Y|| <= the norm of the gradient of Phi = ||F(dense3) - Y||^2 / 2 for U of layer dense2 <= ") &&
          Contains("and its biases, one a neuron,"));
  const auto claim = [](json& c, std::size_t k) -> json& { return c["claims"][k]; };
  rejects(g.forge([&](json& c, json&) { claim(c, bounds)["lower"] = "1/10"; }), "lower");
  rejects(g.forge([&](json& c, json&) { claim(c, bounds)["upper"] = 10; }), "upper");
  rejects(g.forge([&](json&, json& p) { p["proofs"][bounds]["features"][0] = 1; }), "smallest");
  rejects(g.forge([&](json&, json& p) { p["proofs"][bounds]["features"][1] = 2; }), "largest");
  rejects(g.forge([&](json&, json& p) { p["proofs"][bounds]["weights"][0][0] = "3/2"; }), "smallest");
  rejects(g.forge([&](json&, json& p) { p["proofs"][bounds]["weights"][0][1] = "6/5"; }), "largest");
  rejects(g.forge([&](json&, json& p) { p["proofs"][bounds]["weights"] = json::array(); }), "unexpected", 4);
  rejects(g.forge([&](json&, json& p) { p["proofs"][bounds]["bits"] = 6; }), "smallest");
  rejects(g.forge([&](json& c, json&) { claim(c, dominance)["mu"] = 1; }), "mu");
  rejects(g.forge([&](json& c, json& p) {
    claim(c, dominance)["mu"] = 1;
    p["proofs"][dominance]["smallest"] = 2;
  }),
          "smallest");
  rejects(g.forge([&](json& c, json& p) {
    claim(c, dominance)["mu"] = "1/1000";
    p["proofs"][dominance]["jacobians"] = 2;
  }),
          "smallest");
  rejects(g.forge([&](json& c, json&) { claim(c, dominance)["mu"] = 0; }), "unexpected", 4);
  for (const char* norm : {"residual", "gradient"}) {
    rejects(g.forge([&](json& c, json&) {
      json& range = claim(c, enclosure)[norm];
      range = json::array({0, "1/2"});
    }),
            norm);
    rejects(g.forge([&](json& c, json&) { claim(c, enclosure)[norm] = json::array({100000, 200000}); }), norm);
  }
  rejects(g.forge([&](json& c, json&) { claim(c, enclosure)["targets"] = {{"fill", 3}}; }), "residual");
  rejects(g.forge([&](json& c, json&) {
    claim(c, enclosure)["targets"] = {{"rows", {{1, 2, 3, 4, 5}}}};
  }),
          "unexpected", 4);
  rejects(g.forge([&](json& c, json&) { claim(c, bounds)["output"] = "softplus2"; }), "not-a-chain");
  rejects(g.forge([&](json& c, json&) { claim(c, bounds)["output"] = "conv1"; }), "not-a-chain");
  rejects(g.forge([&](json& c, json&) { c["network"]["nodes"][3]["function"] = "step"; }), "not-differentiable");
  // Of softplus the slopes are other ones than of tanh.
  rejects(g.forge([&](json& c, json&) { c["network"]["nodes"][3]["function"] = "tanh"; }), "lower");
}

TEST_CASE("forged membership of S_k: margins, a layer left out, a singular layer, another output") {
  const Genuine g("gradients/digits");
  const std::size_t k = place(g, "in-s-k");
  CHECK_THAT(
      says(g),
      Contains("seeded random parameters (seed 1) lie in S_k for layer sigmoid1, up to layer dense3: rank F = 100 "
               "with sigma_min >= ") &&
          Contains(", U of dense3 of full rank with sigma_min >= "));
  const auto alone = [&](const std::function<void(json & c, json & claim, json & proof)>& edit) {
    return g.forge([&](json& c, json& p) {
      c["claims"] = json::array({json(c["claims"][k])});
      p["proofs"] = json::array({json(p["proofs"][k])});
      edit(c, c["claims"][0], p["proofs"][0]);
    });
  };
  CHECK(alone([](json&, json&, json&) {}).exit == 0);
  rejects(alone([](json&, json& claim, json&) { claim["features"] = "9/8"; }), "smallest");
  rejects(alone([](json&, json& claim, json&) { claim["features"] = 0; }), "smallest");
  rejects(alone([](json&, json& claim, json&) { claim["weights"][0] = 2; }), "smallest");
  rejects(alone([](json&, json& claim, json&) { claim["weights"][0] = 0; }), "smallest");
  rejects(alone([](json&, json& claim, json&) { claim["weights"] = json::array(); }), "unexpected", 4);
  rejects(alone([](json&, json& claim, json&) { claim["weights"].push_back("1/1000"); }), "unexpected", 4);
  rejects(alone([](json&, json& claim, json&) {
            claim["parameters"]["dense3"]["weights"] = {{"fill", 1}};
          }),
          "smallest");
  rejects(alone([](json&, json& claim, json&) {
            claim["parameters"]["conv1"]["weights"] = {{"fill", 0}};
          }),
          "smallest");
  rejects(alone([](json&, json& claim, json&) { claim["output"] = "softplus2"; }), "not-a-chain");
  rejects(alone([](json&, json& claim, json&) { claim["output"] = "conv1"; }), "not-a-chain");
  // Up to dense2 there is no U_{k+2}: the margins of the whole network are not those of a part.
  rejects(alone([](json&, json& claim, json&) { claim["output"] = "dense2"; }), "unexpected", 4);
  rejects(alone([](json& c, json&, json&) {
            c["network"]["nodes"][3] = {{"name", "softplus2"}, {"op", "dense"}, {"filters", 30}, {"bias", "none"}};
          }),
          "not-a-chain");
  rejects(alone([](json& c, json&, json&) { c["network"]["nodes"][0]["filters"] = 2; }), "width");
  rejects(alone([](json&, json&, json& proof) { proof["bits"] = 4; }), "smallest");
  rejects(alone([](json&, json&, json& proof) { proof["rule"] = "backpropagation"; }), "wrong-rule");
  rejects(alone([](json&, json&, json& proof) { proof["smallest"] = json::array({1}); }), "unknown-key", 4);
}

TEST_CASE("gradients: words about biases and filters are not printed where there are none") {
  const Genuine g("gradients/digits");
  const std::size_t k = place(g, "gradient-dominance");
  const auto alone = [&](const std::function<void(json & node, json & point)>& edit) {
    return g.forge([&](json& c, json& p) {
      const json claim = c["claims"][k], proof = p["proofs"][k];
      c["claims"] = json::array({claim});
      p["proofs"] = json::array({proof});
      for (json& node : c["network"]["nodes"])
        if (node["name"] == "dense2") edit(node, c["claims"][0]["parameters"]["dense2"]);
    });
  };
  CHECK(alone([](json&, json&) {}).exit == 0);
  rejects(alone([](json& node, json& point) {
            node["bias"] = "none";
            point.erase("bias");
          }),
          "free-biases");
  rejects(alone([](json& node, json& point) {
            node["frozen-bias"] = point["bias"];
            point.erase("bias");
          }),
          "free-biases");
  // Frozen filters have no gradient; the claim about U stands and says what it is about.
  CHECK(alone([](json& node, json& point) {
          node["frozen-weights"] = point["weights"];
          point.erase("weights");
        }).exit == 0);
  CHECK_THAT(says(g), Contains("as a free matrix (layer dense2 shares filters, sees patches or is frozen"));
}

TEST_CASE("claims that ask for weeks of work are refused at once") {
  const Genuine g("gradients/shared-filter");
  const std::size_t k = place(g, "gradient-enclosure");
  // gelu far out and near the end of its series at the highest precision, on many neurons; huge
  // numbers.
  for (const char* weight : {"89", "1000000000000000000000000000000"}) {
    rejects(g.forge([&](json& c, json& p) {
      const json claim = c["claims"][k], proof = p["proofs"][k];
      c["claims"] = json::array({claim});
      p["proofs"] = json::array({proof});
      c["network"]["nodes"] = json::array({{{"name", "conv2"}, {"op", "dense"}, {"filters", 300000}, {"bias", "none"}},
                                           {{"name", "sigmoid2"}, {"op", "activation"}, {"function", "gelu"}},
                                           {{"name", "dense3"}, {"op", "dense"}, {"filters", 1}, {"bias", "none"}}});
      c["claims"][0]["parameters"] = {{"conv2", {{"weights", {{"fill", weight}}}}},
                                      {"dense3", {{"weights", {{"fill", 0}}}}}};
      p["proofs"][0]["bits"] = 4096;
      p["proofs"][0]["precision"] = 4096;
    }),
            "too-large", 4);
  }
}

TEST_CASE("gradients: a layer with shared filters is said to be one, and a kink is refused") {
  const Genuine g("gradients/shared-filter");
  CHECK_THAT(says(g), Contains("layer conv2 shares filters, sees patches or is frozen: not the "
                               "gradient of its filters, of which nothing is claimed"));
  CHECK_THAT(
      says(g),
      Contains("the norm of the gradient of Phi = ||F(dense3) - Y||^2 / 2 for U of layer conv2 as a free matrix"));
  // ||grad_U|| = 1/24 = 0.041666...: just above and just below.
  const std::size_t k = place(g, "gradient-enclosure");
  const auto with = [&](const json& range) {
    return g.forge([&](json& c, json&) { c["claims"][k]["gradient"] = range; });
  };
  CHECK(with(json::array({"208333/5000000", "416667/10000000"})).exit == 0);
  rejects(with(json::array({"416667/10000000", 1})), "gradient");
  rejects(with(json::array({0, "208333/5000000"})), "gradient");
  rejects(g.forge([&](json& c, json&) { c["network"]["nodes"][1]["function"] = "relu"; }), "not-differentiable");
  // The lower bound of Lemma 4.3 needs a pyramid: two outputs above one neuron lose a direction.
  const Genuine wide("gradients/relu-kinks");
  const std::size_t bounds = place(wide, "gradient-bounds");
  rejects(wide.forge([&](json& c, json& p) {
    for (json& node : c["network"]["nodes"])
      if (node["name"] == "dense3") node["filters"] = 7;
    const json claim = c["claims"][bounds], proof = p["proofs"][bounds];
    c["claims"] = json::array({claim});
    p["proofs"] = json::array({proof});
    c["claims"][0]["parameters"]["dense3"]["weights"] = {{"fill", 1}};
  }),
          "width");
}

TEST_CASE("a number too long for its sentence is rounded to the safe side, not cut") {
  const Genuine g("gradients/digits");
  const std::size_t at = place(g, "gradient-dominance");
  std::string mu = "1" + std::string(44, '0') + "1/1" + std::string(90, '0');  // (10^45 + 1) / 10^90
  const Verdict verdict = g.forge([&](json& claim, json&) { claim["claims"][at]["mu"] = mu; });
  CHECK(verdict.exit == 0);  // less than what is shown
  CHECK(says(g).find("mu = 1.0000000000000e-45") != std::string::npos);
  mu[0] = '9';
  g.forge([&](json& claim, json&) { claim["claims"][at]["mu"] = mu; });
  INFO(says(g));
  CHECK(says(g).find("mu = 9.000000000000e-45") != std::string::npos);
}
