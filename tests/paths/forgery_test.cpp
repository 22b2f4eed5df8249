// Paths forged to look right: each is rejected for its reason.
#include <algorithm>

#include "../forgeries.h"

using namespace widecert::test;

TEST_CASE("forged paths: levels, units in use, other ends, other losses, layers that are read twice") {
  const Genuine g("paths/small");
  const std::size_t k = of_kind(g, "path-below"), hinge = of_kind(g, "path-below", 2);
  CHECK(g.check().exit == 0);
  const auto with = [&](const std::function<void(json&)>& edit) {
    return forge(g, k, [&](json& c, json&) { edit(c); });
  };
  const auto moves = [&](const std::function<void(json&)>& edit) {
    return forge(g, k, [&](json&, json& p) { edit(proof(p, k)["moves"]); });
  };
  const json list = g.certificate()["proofs"][k]["moves"];
  REQUIRE(list.size() == 5);
  // A level below an end, or below a way point.
  rejects(with([&](json& c) { claim(c, k)["level"] = "1/100"; }), "level");
  rejects(with([&](json& c) { claim(c, k)["level"] = -1; }), "level");
  rejects(moves([](json& m) { m[0]["weights"]["rows"][0][0] = 1000; }), "level");
  rejects(moves([](json& m) { m[2]["bias"]["rows"][0][0] = -1000; }), "level");
  rejects(with([&](json& c) { claim(c, k)["loss"]["cross-entropy"][0] = 1; }), "level");  // another class
  rejects(with([&](json& c) { c["data"]["samples"][0][0] = 9; }), "level");
  // Units move before their out-rows are 0; without a top move between; one more of them.
  rejects(moves([](json& m) { m.erase(0); }), "unit-is-used");
  rejects(moves([](json& m) { m.erase(2); }), "unit-is-used");
  rejects(moves([](json& m) { std::swap(m[1], m[0]); }), "unit-is-used");
  rejects(moves([](json& m) { m[1] = m[3]; }), "unit-is-used");
  rejects(moves([](json& m) {
            json& weights = m[0]["weights"]["rows"];
            for (std::size_t j = 0; j < weights[0].size(); ++j)
              if (weights[0][j] == 0) weights[0][j] = "1/1000000";
          }),
          "unit-is-used");
  // Another end, by a little; no moves; a move too many.
  rejects(moves([](json& m) { m.erase(4); }), "end-point");
  rejects(moves([](json& m) { m = json::array(); }), "end-point");
  rejects(moves([](json& m) {  // a unit that is not used then
            const json& rows = m[2]["weights"]["rows"];
            std::size_t j = 0;
            while (std::any_of(rows.begin(), rows.end(), [&](const json& row) { return row[j] != 0; })) ++j;
            m[3]["weights"]["rows"][j][0] = "999999/1000000";
          }),
          "end-point");
  rejects(with([&](json& c) { claim(c, k)["to"]["out"]["bias"]["rows"][0][0] = "1/1000000"; }), "end-point");
  rejects(with([&](json& c) { std::swap(claim(c, k)["to"], claim(c, k)["from"]); }), "unit-is-used");
  // Other moves, layers and rules.
  rejects(moves([](json& m) { m[0]["move"] = "layer"; }), "unexpected", 4);
  rejects(moves([](json& m) { m[1]["layer"] = "out"; }), "not-a-chain");
  rejects(moves([](json& m) { m[1]["layer"] = "relu"; }), "layer-kind");
  rejects(moves([](json& m) { m[0]["weights"]["rows"].erase(0); }), "unexpected", 4);
  rejects(moves([](json& m) { m[0]["level"] = 1; }), "unknown-key", 4);
  rejects(with([&](json& c) {
            c["network"]["nodes"][0]["frozen-bias"] = claim(c, k)["from"]["hidden"]["bias"];
            for (const char* end : {"from", "to"}) claim(c, k)[end]["hidden"].erase("bias");
          }),
          "frozen");
  rejects(with([&](json& c) {  // the hidden units are read by the output and beside it
            auto& nodes = c["network"]["nodes"];
            claim(c, k)["level"] = 1000000;
            nodes.insert(nodes.begin() + 2, json{{"name", "both"}, {"op", "sum"}, {"inputs", {"relu", "relu"}}});
          }),
          "layer-kind");
  rejects(with([&](json& c) {
            auto& nodes = c["network"]["nodes"];
            claim(c, k)["level"] = 1000000;
            nodes.push_back({{"name", "sigmoid"}, {"op", "activation"}, {"function", "sigmoid"}});
            claim(c, k)["output"] = "sigmoid";
          }),
          "layer-kind");
  // A loss that is not convex in F_L, or not one; classes that do not exist.
  rejects(with([&](json& c) { claim(c, k)["loss"] = {{"cauchy", 1}}; }), "unexpected", 4);
  rejects(with([&](json& c) { claim(c, k)["loss"] = "square"; }), "missing-key", 4);
  rejects(with([&](json& c) { claim(c, k)["loss"]["cross-entropy"][0] = 3; }), "unexpected", 4);
  rejects(with([&](json& c) { claim(c, k)["loss"]["hinge"] = claim(c, k)["loss"]["cross-entropy"]; }), "unexpected", 4);
  // Exactly at the level, for rational values: 0.
  CHECK(g.claim()["claims"][hinge]["level"] == 0);
  rejects(forge(g, hinge, [&](json&, json& p) { proof(p, hinge)["moves"][0]["bias"]["rows"][0][1] = 1000; }), "level");
}

TEST_CASE("forged descents: floors and levels") {
  const Genuine g("paths/small");
  const std::size_t k = of_kind(g, "reaches-below");
  const auto with = [&](const char* key, const json& value) {
    return forge(g, k, [&](json& c, json&) { claim(c, k)[key] = value; });
  };
  rejects(with("floor", 0), "floor");
  rejects(with("floor", -1), "floor");
  rejects(with("level", "1/1000"), "level");
  rejects(with("floor", 1000), "", 0);
  rejects(forge(g, k, [&](json&, json& p) { proof(p, k)["moves"] = json::array(); }), "floor");
  rejects(forge(g, k, [&](json&, json& p) { proof(p, k)["moves"][0]["bias"]["rows"][0][0] = 1000; }), "level");
  rejects(forge(g, k, [&](json& c, json&) { claim(c, k)["to"] = claim(c, k)["from"]; }), "unknown-key", 4);
}
