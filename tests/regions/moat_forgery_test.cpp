// Claims that two points lie in different components, forged to look right: each is rejected for its reason.
#include "../forgeries.h"

using namespace widecert::test;

namespace {

struct Moat {
  Genuine g;
  std::size_t k;
  explicit Moat(const std::string& name, const std::string& rule, std::size_t skip = 0)
      : g("regions/" + name), k(of_rule(g, rule, skip)) {
    CHECK(g.check().exit == 0);
  }
  Verdict operator()(const std::function<void(json&, json&)>& edit) const {
    return forge(g, k, [&](json& c, json& p) { edit(claim(c, k), proof(p, k)); });
  }
  // Of the whole file.
  Verdict file(const std::function<void(json&)>& edit) const {
    return forge(g, k, [&](json& c, json&) { edit(c); });
  }
};

}  // namespace

TEST_CASE("forged curves: through the region, not around, on one side, with an edge or a ray missing") {
  const Moat with("diamond", "moat-cells");
  const auto curve = [](json& p) -> json& { return p["moat"]["curve"]; };
  rejects(with([&](json&, json& p) { curve(p)["vertices"] = {{4, 0}, {0, 4}, {-4, 0}, {0, -4}}; }), "on-the-moat");
  rejects(with([&](json&, json& p) { curve(p)["vertices"] = {{9, 0}, {0, 9}, {-9, 0}, {0, -9}}; }), "same-side");
  rejects(with([&](json&, json& p) {
            curve(p)["vertices"] = {{"1/2", 0}, {0, "1/2"}, {"-1/2", 0}, {0, "-1/2"}};
          }),
          "on-the-moat");
  rejects(with([&](json&, json& p) { curve(p)["vertices"] = {{2, 0}, {0, 2}, {-2, 0}}; }), "on-the-moat");
  rejects(with([&](json&, json& p) { curve(p)["vertices"] = {{2, 0}, {0, 2}}; }), "unexpected", 4);
  // Around twice is around; there and back is not.
  rejects(with([&](json&, json& p) {
            curve(p)["vertices"] = {{2, 0}, {0, 2}, {-2, 0}, {0, -2}, {2, 0}, {0, 2}, {-2, 0}, {0, -2}};
          }),
          "", 0);
  rejects(with([&](json&, json& p) {
            curve(p)["vertices"] = {{2, 0}, {0, 2}, {-2, 0}, {0, -2}, {2, 0}, {0, -2}, {-2, 0}, {0, 2}};
          }),
          "same-side");
  // Points: on one side, of the other class, on a tie, on the curve, not two.
  rejects(with([&](json& c, json&) {
            c["points"][1] = {{"rows", json::array({json::array({"1/4", "1/4"})})}};
          }),
          "same-side");
  rejects(with([&](json& c, json&) { c["points"][1] = {{"rows", {{2, 0}}}}; }), "margin");
  rejects(with([&](json& c, json&) { c["points"][0] = {{"rows", {{1, 0}}}}; }), "margin");
  rejects(with([&](json& c, json&) { c["points"].erase(1); }), "unexpected", 4);
  rejects(with([&](json& c, json&) { c["class"] = 1; }), "margin");
  // An open one is one only with both of its rays.
  rejects(with([&](json&, json& p) { curve(p)["from"] = {1, 0}; }), "missing-key", 4);
  rejects(with([&](json&, json& p) {
            curve(p)["from"] = {1, 0};
            curve(p)["to"] = {0, 0};
          }),
          "unexpected", 4);
  rejects(with([&](json& c, json&) { c["parameters"]["out"]["bias"]["rows"][0][0] = 1; }), "on-the-moat");
  rejects(with([&](json&, json& p) { p["rule"] = "moat-branches"; }), "missing-key", 4);

  const Moat chain("5.3.3", "moat-cells", 1);
  rejects(chain([&](json&, json& p) {
            curve(p)["vertices"] = json::array({json::array({"1/2", 2})});
            curve(p)["to"] = {0, -1};
          }),
          "on-the-moat");
  rejects(chain([&](json&, json& p) { curve(p)["from"] = {1, 1}; }), "same-side");
  rejects(chain([&](json&, json& p) { curve(p)["vertices"] = json::array({json::array({1, "1/2"})}); }), "on-the-moat");
  rejects(chain([&](json&, json& p) {
            curve(p).erase("from");
            curve(p).erase("to");
          }),
          "unexpected", 4);
  // Two rays of direction 0 around the segment between the points "separated" two points of a connected region.
  rejects(chain([&](json&, json& p) {
            curve(p) = {{"vertices", {{-1, 2}, {1, 2}}}, {"from", {0, 0}}, {"to", {0, 0}}};
          }),
          "unexpected", 4);
  rejects(chain.file([](json& c) { c["network"]["nodes"][1]["function"] = "softplus"; }), "margin");
}

TEST_CASE("forged half spaces: on one side, a facet less, through the region, in too many dimensions") {
  const Moat with("octahedron", "moat-cells");
  const auto rows = [](json& p) -> json& { return p["moat"]["halfspaces"]; };
  json proofs = with.g.certificate()["proofs"];
  REQUIRE(rows(proofs[with.k]).size() == 6);
  // A box without one of its facets is unbounded, and its boundary meets the region.
  for (std::size_t i = 0; i < 6; ++i) rejects(with([&](json&, json& p) { rows(p).erase(i); }), "on-the-moat");
  rejects(with([&](json&, json& p) {
            for (json& row : rows(p)) row[3] = 3;
          }),
          "same-side");
  rejects(with([&](json&, json& p) {
            for (json& row : rows(p)) row[3] = "1/2";
          }),
          "on-the-moat");
  rejects(with([&](json&, json& p) { rows(p) = json::array(); }), "same-side");
  rejects(with([&](json&, json& p) { rows(p)[0] = {0, 0, 0, 1}; }), "unexpected", 4);
  rejects(with([&](json&, json& p) { rows(p)[0].erase(0); }), "shape", 4);
  rejects(with([&](json&, json& p) {
            p["moat"] = {{"curve", {{"vertices", {{2, 0}, {0, 2}, {-2, 0}}}}}};
          }),
          "dimension");
  // Redundant rows, even such as only touch the box, change nothing.
  rejects(with([&](json&, json& p) { rows(p).push_back({1, 1, 1, 3}); }), "", 0);
  rejects(with([&](json&, json& p) { rows(p).push_back({0, 1, 0, 2}); }), "", 0);
  // Rows that are repeated, in multiples or not, cut nothing off each other's facets.
  rejects(with([&](json&, json& p) {
            for (json& row : rows(p)) row[3] = "1/2";
            const json once = rows(p);
            for (const json& row : once) rows(p).push_back(row);
          }),
          "on-the-moat");
  const Moat flat("diamond", "moat-cells", 1);
  for (const json& twice : {json{{1, 0, "1/2"}, {1, 0, "1/2"}}, json{{1, 0, "1/2"}, {3, 0, "3/2"}}})
    rejects(flat([&](json&, json& p) { p["moat"]["halfspaces"] = twice; }), "on-the-moat");
  // Infinite moats are fragile: with weights on far units the plane has points of the region.
  const Moat plane("plane-in-space", "moat-cells");
  rejects(plane([](json& c, json&) {
            for (std::size_t i : {2, 3}) c["parameters"]["out"]["weights"]["rows"][0][i] = "1/100";
          }),
          "on-the-moat");
  const Moat four("hyperplane-in-four", "moat-branches");
  rejects(four([](json&, json& p) {
            p["rule"] = "moat-cells";
            p.erase("trees");
          }),
          "dimension");
}

TEST_CASE("forged trees of units: a child missing, multipliers negative or all zero, units that are not decided") {
  const Moat with("hyperplane-in-four", "moat-branches");
  const auto tree = [](json& p) -> json& { return p["trees"][0]; };
  json proofs = with.g.certificate()["proofs"];
  const json genuine = tree(proofs[with.k]);
  std::size_t leaf = 0;
  while (!genuine[leaf].is_object()) ++leaf;
  const std::size_t last = genuine.size() - 1;
  rejects(with([&](json&, json& p) { tree(p).erase(last); }), "unexpected", 4);
  rejects(with([&](json&, json& p) { tree(p).push_back(genuine[last]); }), "unexpected", 4);
  rejects(with([&](json&, json& p) { p["trees"] = json::array(); }), "unexpected", 4);
  rejects(with([&](json&, json& p) { tree(p) = json::array({genuine[leaf]}); }), "unexpected", 4);
  rejects(with([&](json&, json& p) { tree(p)[0] = 100; }), "unexpected", 4);
  // 0 = 0 proves nothing.
  rejects(with([&](json&, json& p) {
            for (const char* key : {"class", "signs", "rows"})
              for (json& v : tree(p)[last][key]) v = 0;
            tree(p)[last]["equation"] = 0;
          }),
          "no-contradiction");
  rejects(with([&](json&, json& p) { tree(p)[last]["class"][0] = "-20/9"; }), "multiplier");
  rejects(with([&](json&, json& p) { tree(p)[last]["equation"] = 7; }), "not-constant");
  rejects(with([&](json&, json& p) { tree(p)[last]["class"][0] = 100; }), "", 0);
  rejects(with([&](json&, json& p) { tree(p)[leaf]["signs"][0] = 7; }), "not-constant");
  rejects(with([&](json&, json& p) { tree(p)[last]["signs"].push_back(0); }), "unexpected", 4);
  // A margin that reads units that are not on the way.
  rejects(
      with([&](json&, json& p) {
        tree(p) = json::array({{{"class", {1}}, {"equation", 0}, {"rows", json::array()}, {"signs", json::array()}}});
      }),
      "undecided-unit");
  rejects(with([&](json&, json& p) { p["moat"]["halfspaces"][0][4] = "3/2"; }), "not-constant");
  rejects(with([&](json& c, json&) { c["parameters"]["out"]["bias"]["rows"][0][1] = -1; }), "no-contradiction");
  rejects(with([&](json& c, json&) { c["parameters"]["one"]["bias"]["rows"][0][0] = "1/2"; }), "no-contradiction");
  rejects(with.file([](json& c) {
    c["network"]["nodes"][1]["function"] = "softplus";
    c["network"]["nodes"][1].erase("slope");
  }),
          "unsupported");
  const Moat box("box-in-four", "moat-branches");
  rejects(box([](json&, json& p) { p["trees"].erase(7); }), "unexpected", 4);
  rejects(box([](json&, json& p) { std::swap(p["trees"][0], p["trees"][5]); }), "not-constant");
}

TEST_CASE("forged intervals: other functions, units merged that differ, cuts and rows that do not hold") {
  const Moat with("open-question-elu", "moat-ranges");
  const auto tree = [](json& p) -> json& { return p["trees"][0]; };
  rejects(with([&](json&, json& p) { tree(p) = json::array({0}); }), "unexpected", 4);
  rejects(with([&](json&, json& p) { tree(p) = json::array({2}); }), "unexpected", 4);
  rejects(with([&](json&, json& p) { tree(p) = json::array({{{"outside", 0}}}); }), "not-outside");
  rejects(with([&](json&, json& p) { tree(p) = json::array({{{"coordinate", 1}, {"at", 0}}, 1, 1}); }), "", 0);
  rejects(with([&](json&, json& p) {
            tree(p) = json::array({{{"coordinate", 0}, {"at", 0}}, 1, 1});
          }),
          "unexpected", 4);
  rejects(with([&](json&, json& p) { tree(p) = json::array({{{"coordinate", 1}, {"at", 0}}, 1}); }), "unexpected", 4);
  rejects(with([&](json&, json& p) {
            tree(p) = json::array({{{"coordinate", 1}, {"at", 0}}, {{"coordinate", 1}, {"at", 0}}, 1, 1, 1});
          }),
          "unexpected", 4);
  // Units that differ off the moat only by rounding are not one.
  rejects(with([&](json& c, json&) { c["parameters"]["one"]["weights"]["rows"][0][1] = "1/1000000000000"; }),
          "not-below");
  rejects(with([&](json&, json& p) { p["moat"]["halfspaces"][0][2] = "1/1000000000000"; }), "not-below");
  rejects(with([&](json& c, json&) { c["parameters"]["out"]["bias"]["rows"][0][0] = "1/1000000000000"; }), "not-below");
  // Not monotone.
  for (const char* name : {"gelu", "silu", "mish"})
    rejects(with.file([&](json& c) { c["network"]["nodes"][1]["function"] = name; }), "unsupported");
  rejects(with.file([&](json& c) { c["network"]["nodes"][1]["function"] = "softplus"; }), "margin");
  // Decreasing functions have their ends the other way round; the claim is then another one, and its points are not
  // right.
  const Moat soft("open-question-softsign", "moat-ranges");
  rejects(soft.file([&](json& c) { c["network"]["nodes"][3]["function"] = "one-minus-sigmoid"; }), "not-below");
  rejects(soft([&](json& c, json&) { c["points"][1] = c["points"][0]; }), "same-side");
  rejects(soft([&](json& c, json&) { c["parameters"]["out"]["bias"]["rows"][0][0] = 2; }), "not-below");
}

TEST_CASE("forged counts: directions and forms that are not dual, or not all that the network reads, slices") {
  const Genuine g("regions/rank-two");
  CHECK(g.check().exit == 0);
  const auto with = [&](const std::function<void(json&, json&)>& edit) {
    return forge(g, 0, [&](json& c, json& p) { edit(c, proof(p, 0)); });
  };
  rejects(with([](json&, json& p) { p.erase("directions"); }), "dimension");
  rejects(with([](json&, json& p) { p["directions"].push_back({0, 0, 1, 0, 0}); }), "dimension");
  rejects(with([](json&, json& p) { p["directions"].erase(1); }), "unexpected", 4);
  rejects(with([](json&, json& p) {
            p["directions"].erase(1);
            p["forms"].erase(1);
          }),
          "other-inputs");
  rejects(with([](json&, json& p) { p["forms"][0][2] = 3; }), "other-inputs");
  rejects(with([](json&, json& p) { p["directions"][0][0] = 2; }), "other-inputs");
  rejects(with([](json& c, json&) { claim(c, 0)["parameters"]["one"]["weights"]["rows"][0][4] = 1; }), "other-inputs");
  rejects(with([](json& c, json&) { claim(c, 0)["count"] = 1; }), "count");
  // All of F from three forms: the third one past the first layer.
  rejects(with([](json& c, json&) {
            auto& nodes = c["network"]["nodes"];
            nodes.insert(nodes.begin() + 2, json{{"name", "joined"}, {"op", "concat"}, {"inputs", {"f1", "x"}}});
            for (json& row : claim(c, 0)["parameters"]["two"]["weights"]["rows"])
              for (int v : {0, 0, 1, 0, 0}) row.push_back(v);
          }),
          "other-inputs");

  const Genuine s("regions/slices");
  CHECK(s.check().exit == 0);
  const std::size_t k = of_kind(s, "slice-component-count");
  const auto slice = [&](const std::function<void(json&)>& edit) {
    return forge(s, k, [&](json& c, json&) { edit(claim(c, k)); });
  };
  rejects(slice([](json& c) { c["count"] = c["count"].get<int>() + 1; }), "count");
  rejects(slice([](json& c) { c["plane"].erase("v"); }), "missing-key", 4);
  rejects(slice([](json& c) { c["plane"]["u"] = c["plane"]["v"]; }), "count");
  rejects(slice([](json& c) { c["low"] = {{0, 0}}; }), "missing-key", 4);
  rejects(slice([](json& c) {
            c["low"] = {{0, 0}};
            c["high"] = {{1, 0}};
          }),
          "empty");
  // A claim about a slice is none about the region.
  rejects(slice([](json& c) { c["kind"] = "component-count"; }), "dimension");
}
