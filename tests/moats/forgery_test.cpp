// Claims about sublevel sets that fall apart, forged to look right: each is rejected for its reason.
#include "../forgeries.h"

using namespace widecert::test;

TEST_CASE("forged moats: a weight that keeps its sign, levels, layers with more weights, a way past") {
  const Genuine g("moats/bottleneck");
  const std::size_t k = of_kind(g, "not-joined");
  const auto with = [&](const std::function<void(json&)>& edit) {
    return forge(g, k, [&](json& c, json&) { edit(c); });
  };
  const auto change = [&](const char* end, const char* layer) {
    return [=](json& c) -> json& { return claim(c, k)[end][layer]["weights"]["rows"][0][0]; };
  };
  CHECK(g.check().exit == 0);
  rejects(with([&](json& c) { claim(c, k)["level"] = "1/4"; }), "level");
  rejects(with([&](json& c) { claim(c, k)["level"] = -1; }), "level");
  rejects(with([&](json& c) { claim(c, k)["level"] = 0; }), "", 0);
  rejects(with([&](json& c) { claim(c, k)["targets"]["rows"][1][0] = "1/2"; }), "level");  // other targets
  rejects(with([&](json& c) { claim(c, k)["loss"] = {{"cauchy", 1}}; }), "unexpected", 4);
  rejects(with([&](json& c) { change("to", "narrow")(c) = 1; }), "same-side");
  rejects(with([&](json& c) { change("to", "narrow")(c) = 0; }), "same-side");
  rejects(with([&](json& c) { claim(c, k)["to"] = claim(c, k)["from"]; }), "same-side");
  rejects(with([&](json& c) { change("from", "out")(c) = 2; }), "level");  // Phi = 1/2
  // Another layer; one that a skip connection leads past; a frozen one.
  rejects(forge(g, k, [&](json&, json& p) { proof(p, k)["layer"] = "wide"; }), "width");
  rejects(forge(g, k, [&](json&, json& p) { proof(p, k)["layer"] = "out"; }), "width");
  rejects(forge(g, k, [&](json&, json& p) { proof(p, k)["layer"] = "leaky1"; }), "layer-kind");
  rejects(with([&](json& c) {
            auto& nodes = c["network"]["nodes"];
            nodes.insert(nodes.begin() + 4, json{{"name", "past"}, {"op", "concat"}, {"inputs", {"leaky2", "x"}}});
            for (const char* end : {"from", "to"}) claim(c, k)[end]["out"]["weights"]["rows"][0].push_back(0);
          }),
          "not-a-chain");
  rejects(with([&](json& c) {
            c["network"]["nodes"][0]["frozen-weights"] = {{"fill", 1}};
            for (const char* end : {"from", "to"}) claim(c, k)[end]["narrow"].erase("weights");
          }),
          "frozen");
  // A point gives the free tensors and nothing else: a frozen bias is not said again, and is what counts.
  const auto frozen_bias = [&](const json& said) {
    return with([&](json& c) {
      c["network"]["nodes"][0]["frozen-bias"] = {{"fill", 0}};
      for (const char* end : {"from", "to"}) {
        claim(c, k)[end]["narrow"].erase("bias");
        if (!said.is_null()) claim(c, k)[end]["narrow"]["bias"] = said;
      }
      claim(c, k)["level"] = "6/25";
      claim(c, k)["to"]["wide"]["weights"]["rows"][0][0] = -10;
      claim(c, k)["to"]["wide"]["bias"]["rows"][0][0] = 0;
    });
  };
  rejects(frozen_bias({{"fill", 123}}), "unknown-key", 4);
  rejects(frozen_bias(nullptr), "", 0);
  rejects(forge(g, k, [&](json&, json& p) { proof(p, k)["rule"] = "determinant-moat"; }), "width");
  rejects(forge(g, k, [&](json&, json& p) { proof(p, k)["rule"] = "one-unit-valley"; }), "wrong-rule");
}

TEST_CASE("forged moats of classes: too high a level, other classes, the other loss") {
  const Genuine g("moats/two-classes");
  const std::size_t k = of_kind(g, "not-joined"), hinge = of_kind(g, "not-joined", 1);
  const auto with = [&](std::size_t which, const std::function<void(json&)>& edit) {
    return forge(g, which, [&](json& c, json&) { edit(claim(c, which)); });
  };
  rejects(with(k, [](json& c) { c["level"] = "433217/312500"; }), "level");  // 2 ln 2 = 1.38629436...
  rejects(with(k, [](json& c) { c["level"] = "13862943/10000000"; }), "", 0);
  rejects(with(hinge, [](json& c) { c["level"] = 2; }), "level");
  rejects(with(hinge, [](json& c) { c["level"] = "1999999/1000000"; }), "", 0);
  // Of one class constant outputs are good enough; the second sample is then on the wrong side.
  rejects(with(k, [](json& c) { c["loss"]["cross-entropy"][1] = 0; }), "level");
  rejects(with(k, [](json& c) { c["loss"]["cross-entropy"] = json::array({1, 0}); }), "level");
  rejects(with(hinge,
               [](json& c) {
                 c["loss"] = json{{"cross-entropy", json::array({0, 1})}};
               }),
          "level");  // 2 ln 2 < 1.998
  rejects(with(k, [](json& c) { c["to"]["one"]["weights"]["rows"][0][0] = "1/1000"; }), "same-side");
  rejects(forge(g, k,
                [&](json&, json& p) {
                  proof(p, k) = {{"rule", "determinant-moat"}, {"permutation", {0}}};
                }),
          "loss");
}

TEST_CASE("forged determinants: even renamings, half of one, too high a level, one unit more, a step") {
  const Genuine g("moats/renamed");
  const std::size_t k = of_kind(g, "not-joined");
  const auto with = [&](const std::function<void(json&)>& edit) {
    return forge(g, k, [&](json& c, json&) { edit(c); });
  };
  const auto to = [&](json& c) -> json& { return claim(c, k)["to"]; };
  CHECK(g.check().exit == 0);
  rejects(with([&](json& c) { claim(c, k)["level"] = "1/6"; }), "level");
  rejects(with([&](json& c) { claim(c, k)["level"] = "166666/1000000"; }), "unexpected", 4);  // not in lowest terms
  rejects(with([&](json& c) { claim(c, k)["level"] = "83333/500000"; }), "", 0);
  rejects(with([&](json& c) { claim(c, k)["targets"]["rows"][2] = {2, 0}; }), "level");
  rejects(forge(g, k, [&](json&, json& p) { proof(p, k)["permutation"] = {0, 1}; }), "permutation");
  rejects(forge(g, k, [&](json&, json& p) { proof(p, k)["permutation"] = {1, 1}; }), "permutation");
  rejects(forge(g, k, [&](json&, json& p) { proof(p, k)["permutation"] = {1, 2}; }), "unexpected", 4);
  rejects(forge(g, k, [&](json&, json& p) { proof(p, k)["permutation"] = json::array({1}); }), "unexpected", 4);
  // Units renamed below and not above, above and not below, without their biases; another output bias.
  rejects(with([&](json& c) { to(c)["out"]["weights"] = claim(c, k)["from"]["out"]["weights"]; }), "other-point");
  rejects(with([&](json& c) { to(c)["hidden"] = claim(c, k)["from"]["hidden"]; }), "other-point");
  rejects(with([&](json& c) { to(c)["hidden"]["bias"]["rows"][0][0] = "-999999/1000000"; }), "other-point");
  rejects(with([&](json& c) { to(c)["out"]["bias"]["rows"][0][0] = "1/1000000"; }), "other-point");
  // One sample more, no biases above, frozen ones; steps are not continuous.
  rejects(with([&](json& c) {
            c["data"]["samples"].push_back({5});
            c["data"]["count"] = 4;
            claim(c, k)["targets"]["rows"].push_back({0, 0});
          }),
          "width");
  rejects(with([&](json& c) {
            c["network"]["nodes"][2]["bias"] = "none";
            for (const char* end : {"from", "to"}) claim(c, k)[end]["out"].erase("bias");
          }),
          "width");
  rejects(with([&](json& c) {
            c["network"]["nodes"][2]["frozen-bias"] = {{"fill", 0}};
            for (const char* end : {"from", "to"}) claim(c, k)[end]["out"].erase("bias");
          }),
          "frozen");
  rejects(with([&](json& c) {
            c["network"]["nodes"][0]["frozen-bias"] = {{"fill", 0}};
            for (const char* end : {"from", "to"}) claim(c, k)[end]["hidden"].erase("bias");
          }),
          "frozen");
  rejects(with([&](json& c) { c["network"]["nodes"][1]["function"] = "step"; }), "activation");
  // The one-unit rule's claim, and the other way round: with one unit more they are joined.
  rejects(forge(g, k,
                [&](json&, json& p) {
                  proof(p, k) = {{"rule", "collision-moat"}, {"layer", "hidden"}};
                }),
          "width");
}

TEST_CASE("forged valleys of one unit: multipliers, floors, levels, functions that bend both ways") {
  const Genuine g("moats/one-unit");
  const std::size_t k = of_kind(g, "bad-valley");
  const auto with = [&](const std::function<void(json&)>& edit) {
    return forge(g, k, [&](json& c, json&) { edit(c); });
  };
  const auto multipliers = [&](const json& list) {
    return forge(g, k, [&](json&, json& p) { proof(p, k)["multipliers"] = list; });
  };
  CHECK(g.check().exit == 0);
  CHECK(g.certificate()["proofs"][k]["multipliers"] == json({0, 0, "1/6"}));
  rejects(multipliers({0, 0, "1/5"}), "multiplier");
  rejects(multipliers({0, 0, "-1/6"}), "multiplier");
  rejects(multipliers({0, "-1/100", "1/6"}), "multiplier");
  rejects(multipliers({0, 0}), "unexpected", 4);
  rejects(multipliers({0, 0, "1/6", 0}), "unexpected", 4);
  rejects(with([&](json& c) { claim(c, k)["floor"] = "1/11"; }), "multiplier");
  rejects(with([&](json& c) { claim(c, k)["floor"] = "1/13"; }), "", 0);
  rejects(with([&](json& c) { claim(c, k)["floor"] = 0; }), "not-better");
  rejects(with([&](json& c) { claim(c, k)["level"] = "2/5"; }), "level");
  rejects(with([&](json& c) { claim(c, k)["level"] = "1/12"; }), "level");
  rejects(with([&](json& c) { std::swap(claim(c, k)["better"]["parameters"], claim(c, k)["parameters"]); }),
          "multiplier");
  rejects(with([&](json& c) { claim(c, k)["parameters"]["out"]["weights"]["rows"][0][0] = 0; }), "same-side");
  rejects(with([&](json& c) { claim(c, k)["parameters"]["out"]["weights"]["rows"][0][0] = "1/2"; }), "multiplier");
  rejects(with([&](json& c) { claim(c, k)["targets"]["rows"][1][0] = 1; }), "multiplier");
  rejects(with([&](json& c) { c["data"]["samples"][1][0] = 2; }), "equal-samples");
  rejects(with([&](json& c) { c["data"]["samples"][1][0] = "3/2"; }), "not-better");
  for (const char* f : {"sigmoid", "tanh", "silu", "gelu", "step", "hard-swish", "softsign"}) {
    INFO(f);
    rejects(with([&](json& c) { c["network"]["nodes"][1]["function"] = f; }), "activation");
  }
  // A level that is long is rounded down where it is printed: sets that are larger would be another claim.
  rejects(g.forge([](json&, json&) {}), "", 0);
  CHECK_THAT(run(programs() + "/widecheck --json " + g.claim_path()).output, Contains("of {Phi < 1/3}"));
  forge(g, k, [&](json& c, json&) {
    claim(c, k)["level"] = "33333333333333333333333333333333333333333/100000000000000000000000000000000000000000";
  });
  CHECK_THAT(run(programs() + "/widecheck --json " + g.claim_path()).output, Contains("of {Phi < 3.3333333333333e-1}"));
  const auto leaky = [&](const json& slope) {
    return with([&](json& c) {
      c["network"]["nodes"][1] = {
          {"name", "relu1"}, {"op", "activation"}, {"function", "leaky-relu"}, {"slope", slope}};
    });
  };
  rejects(leaky(2), "activation");
  rejects(leaky("-1/2"), "activation");
}
