// Claims about decision regions, forged to look right: each is rejected for its reason.
#include "../forgeries.h"

using namespace widecert::test;

TEST_CASE("forged pyramids: other filters, layers in another order, functions, widths, deficient layers") {
  const Genuine g("regions/pyramid");
  const std::size_t k = of_kind(g, "regions-connected");
  const auto with = [&](const std::function<void(json&, json&)>& edit) {
    return forge(g, k, [&](json& c, json& p) { edit(c, proof(p, k)["ranks"]); });
  };
  CHECK(g.check().exit == 0);
  rejects(with([](json&, json& r) { std::swap(r[0], r[1]); }), "other-layers");
  rejects(with([](json&, json& r) { r.erase(1); }), "unexpected", 4);
  rejects(with([](json&, json& r) { r[0]["claim"]["node"] = "two"; }), "other-layers");
  rejects(with([](json&, json& r) { r[1]["claim"]["kind"] = "weights-full-rank"; }), "wrong-rule");
  // Ranks of filters from elsewhere; of a layer that is deficient, with its own claim or with the old one.
  rejects(with([](json&, json& r) { r[0]["claim"]["weights"]["rows"][0][0] = 5; }), "other-point");
  const auto deficient = [&](json& c) -> json& {
    json& rows = claim(c, k)["parameters"]["one"]["weights"]["rows"];
    rows[1] = rows[0];
    return claim(c, k)["parameters"]["one"]["weights"];
  };
  rejects(with([&](json& c, json&) { deficient(c); }), "other-point");
  rejects(with([&](json& c, json& r) { r[0]["claim"]["weights"] = deficient(c); }), "rank");
  const auto function = [](json& c, std::size_t node, const char* name) {
    c["network"]["nodes"][node]["function"] = name;
    c["network"]["nodes"][node].erase("slope");
  };
  rejects(with([&](json& c, json&) { function(c, 1, "relu"); }), "activation");
  rejects(with([&](json& c, json&) { function(c, 1, "tanh"); }), "activation");
  rejects(with([&](json& c, json&) { function(c, 1, "elu"); }), "activation");
  rejects(with([&](json& c, json&) { function(c, 1, "softplus"); }), "activation");
  rejects(with([&](json& c, json&) { c["network"]["nodes"][1]["slope"] = "-1/4"; }), "activation");
  // Onto R is not needed in the last hidden layer, monotone is.
  for (const char* name : {"tanh", "sigmoid", "softplus", "elu", "identity"})
    rejects(with([&](json& c, json&) { function(c, 3, name); }), "", 0);
  for (const char* name : {"relu", "gelu", "step", "gaussian"})
    rejects(with([&](json& c, json&) { function(c, 3, name); }), "activation");
  // A layer that is wider than the one below; a norm between; a way past a layer.
  rejects(with([&](json& c, json&) { c["network"]["input"]["shape"] = {3}; }), "shape", 4);
  rejects(with([&](json& c, json&) {
            c["network"]["nodes"].push_back({{"name", "wide"}, {"op", "dense"}, {"filters", 5}, {"bias", "none"}});
            claim(c, k)["output"] = "wide";
          }),
          "not-a-chain");
  rejects(with([&](json& c, json&) {
            auto& nodes = c["network"]["nodes"];
            nodes.insert(nodes.begin() + 1, json{{"name", "norm"},
                                                 {"op", "batchnorm"},
                                                 {"scale", {{"rows", {{1, 0, 1, 1}}}}},
                                                 {"shift", {{"fill", 0}}}});
          }),
          "not-a-chain");
  rejects(with([&](json& c, json&) { claim(c, k)["output"] = "leaky"; }), "no-such-node", 4);
  rejects(forge(g, k, [&](json&, json& p) { proof(p, k)["rule"] = "walker"; }), "wrong-rule");
}

TEST_CASE("forged paths in regions: points, classes, ties, confidence, functions") {
  const Genuine g("regions/pyramid");
  const std::size_t k = of_kind(g, "path-in-region"), sure = of_kind(g, "path-in-region", 1);
  const auto with = [&](std::size_t which, const std::function<void(json&)>& edit) {
    return forge(g, which, [&](json& c, json&) { edit(claim(c, which)); });
  };
  REQUIRE(g.claim()["claims"][k]["points"].size() > 2);
  // Without the corner both ends are in the region, and the way is not.
  rejects(with(k, [](json& c) { c["points"].erase(1); }), "margin");
  rejects(with(k, [](json& c) { c["points"][1]["rows"][0][0] = 100; }), "margin");
  rejects(with(k, [](json& c) { c["class"] = 1; }), "margin");
  rejects(with(k, [](json& c) { c["class"] = 3; }), "unexpected", 4);
  rejects(with(k, [](json& c) { c["points"] = json::array({c["points"][0]}); }), "unexpected", 4);
  rejects(with(k, [](json& c) { c["points"][0]["rows"][0].erase(0); }), "shape", 4);
  rejects(with(k, [](json& c) { c["parameters"]["out"]["bias"]["rows"][0][2] = -100; }), "margin");
  // A tie everywhere: two classes with the same weights.
  rejects(with(k,
               [](json& c) {
                 auto& out = c["parameters"]["out"];
                 out["weights"]["rows"][1] = out["weights"]["rows"][2];
                 out["bias"]["rows"][0][1] = out["bias"]["rows"][0][2];
               }),
          "margin");
  rejects(with(sure, [](json& c) { c["confidence"] = "49/50"; }), "confidence");
  rejects(with(sure, [](json& c) { c["confidence"] = 1; }), "unexpected", 4);
  rejects(with(sure, [](json& c) { c["confidence"] = 0; }), "unexpected", 4);
  rejects(with(sure, [](json& c) { c["confidence"] = "9/10"; }), "", 0);
  rejects(forge(g, k,
                [&](json& c, json&) {
                  c["network"]["nodes"][1]["function"] = "tanh";
                  c["network"]["nodes"][1].erase("slope");
                }),
          "unsupported");
  rejects(forge(g, k, [&](json& c, json&) { c["network"]["nodes"][1]["function"] = "step"; }), "unknown-key", 4);
}

TEST_CASE("forged counts of components: another number, cells joined at a tie or at infinity, other networks") {
  for (const char* name : {"regions/5.3.1", "regions/5.3.2", "regions/5.3.2-printed", "regions/5.3.3",
                           "regions/diamond", "regions/one-input"}) {
    INFO(name);
    const Genuine g(name);
    CHECK(g.check().exit == 0);
    for (std::size_t k = 0; k < g.claim()["claims"].size(); ++k) {
      if (g.claim()["claims"][k]["kind"] != "component-count") continue;
      const auto count = g.claim()["claims"][k]["count"].get<int>();
      for (int wrong : {0, 1, 2, 3, 4}) {
        if (wrong == count) continue;
        rejects(forge(g, k, [&](json& c, json&) { claim(c, k)["count"] = wrong; }), "count");
      }
      rejects(forge(g, k, [&](json& c, json&) { claim(c, k)["class"] = 2; }), "unexpected", 4);
      rejects(forge(g, k, [&](json&, json& p) { proof(p, k)["count"] = count; }), "unknown-key", 4);
    }
  }
  const Genuine g("regions/5.3.3");
  const std::size_t k = of_kind(g, "component-count");
  const auto with = [&](const std::function<void(json&)>& edit) {
    return forge(g, k, [&](json& c, json&) { edit(c); });
  };
  rejects(with([&](json& c) { claim(c, k)["parameters"]["out"]["bias"]["rows"][0][0] = -5; }), "count");
  rejects(with([&](json& c) { c["network"]["nodes"][1]["function"] = "tanh"; }), "unsupported");
  rejects(with([&](json& c) { c["network"]["nodes"][1]["function"] = "step"; }), "unsupported");
  rejects(with([&](json& c) { c["network"]["nodes"][1]["function"] = "identity"; }), "count");
  rejects(with([&](json& c) {
            c["network"]["input"]["shape"] = {3};
            for (json& row : claim(c, k)["parameters"]["one"]["weights"]["rows"]) row.push_back(0);
          }),
          "dimension");
}
