// Claims about local minima: claims and certificates forged to look right, each rejected for its reason.
#include "../forgeries.h"

using namespace widecert::test;

TEST_CASE("forged minima in convex order: directions, weights, couplings, curvature, residuals, radii") {
  const Genuine g("minima/two-dimensions");
  const std::size_t k = of_kind(g, "local-minimum-not-global");
  const auto term = [&](json& p) -> json& { return proof(p, k)["terms"][0]; };
  const auto point = [&](json& c) -> json& { return claim(c, k)["parameters"]; };
  rejects(g.forge([&](json&, json& p) {
    for (json& v : term(p)["u"]) v = v.is_string() ? json("-" + v.get<std::string>()) : json(-v.get<int>());
  }),
          "sign");
  rejects(g.forge([&](json&, json& p) { term(p)["coupling"][0][2] = "101/100"; }), "barycentre");
  rejects(g.forge([&](json&, json& p) {
    // All weights by the same factor: barycentres stay, the residual does not.
    for (json& e : term(p)["coupling"]) e[2] = "1/7";
    term(p)["coupling"] = json::array({json::array({4, 4, 1})});
  }),
          "residual");
  rejects(g.forge([&](json&, json& p) { term(p)["coupling"].push_back({0, 5, -1}); }), "sign");
  rejects(g.forge([&](json&, json& p) {
    term(p)["coupling"].push_back({0, 5, 1});
    term(p)["coupling"].push_back({5, 0, 1});
  }),
          "barycentre");
  rejects(g.forge([&](json&, json& p) { term(p)["coupling"][0][0] = 8; }), "unexpected", 4);
  rejects(g.forge([&](json&, json& p) { proof(p, k)["terms"] = json::array(); }), "residual");
  rejects(g.forge([&](json& c, json&) { claim(c, k)["radius"] = "1/2"; }), "curvature");
  rejects(g.forge([&](json& c, json&) { claim(c, k)["radius"] = 0; }), "unexpected", 4);
  // One <u, v_j> = 0; b_j = 0, where S bends both ways; a hidden weight that is not 0.
  rejects(g.forge([&](json& c, json&) {
    point(c)["out"]["weights"]["rows"][0][0] = 0;
    point(c)["out"]["bias"]["rows"][0][0] = "-13/12";
  }),
          "sign");
  rejects(g.forge([&](json& c, json&) { point(c)["dense1"]["bias"]["ln2"]["rows"][0][0] = 0; }), "residual");
  rejects(g.forge([&](json& c, json&) {
    // All biases 0: F = 1/2, the output bias moved so that the residual stays.
    point(c)["dense1"]["bias"] = {{"fill", 0}};
    point(c)["out"]["bias"]["rows"][0][0] = "-15/8";
  }),
          "curvature");
  rejects(g.forge([&](json& c, json&) {
    point(c)["dense1"]["weights"] = {{"ln2", {{"rows", json::array()}}}};
    for (int j = 0; j < 8; ++j) point(c)["dense1"]["weights"]["ln2"]["rows"].push_back({j == 0 ? 1 : 0, 0});
  }),
          "residual");
  rejects(g.forge([&](json& c, json&) { claim(c, k)["targets"]["labels"][0] = 0; }), "residual");
  rejects(g.forge([&](json& c, json&) { claim(c, k)["loss"] = {{"cauchy", 1}}; }), "loss");
  rejects(g.forge([&](json& c, json&) { c["data"]["samples"][0][0] = 4; }), "barycentre");
  rejects(g.forge([&](json& c, json&) { c["network"]["nodes"][1]["function"] = "softplus"; }), "irrational");
  rejects(g.forge([&](json& c, json&) { claim(c, k)["zero-loss"]["in-s-k"] = "yes"; }), "unexpected", 4);
  // The same point is no better one.
  rejects(g.forge([&](json& c, json& p) {
    claim(c, k)["better"]["parameters"] = point(c);
    claim(c, k).erase("zero-loss");
    proof(p, k).erase("zero-loss");
  }),
          "not-better");
  // Nor is another one of the same plateau.
  rejects(g.forge([&](json& c, json& p) {
    json moved = point(c);
    moved["dense1"]["bias"] = {{"fill", 0}};
    moved["out"]["bias"]["rows"][0][0] = "-15/8";
    claim(c, k)["better"]["parameters"] = moved;
    claim(c, k).erase("zero-loss");
    proof(p, k).erase("zero-loss");
  }),
          "not-better");
}

TEST_CASE("forged minima of three layers: a weight on the way that may change its sign") {
  const Genuine g("minima/three-layers");
  const std::size_t k = of_kind(g, "local-minimum-not-global");
  rejects(forge(g, k, [&](json& c, json&) { claim(c, k)["radius"] = "1/4"; }), "curvature");
  rejects(forge(g, k, [&](json& c, json&) { claim(c, k)["radius"] = 3; }), "curvature");
  rejects(forge(g, k,
                [&](json& c, json&) {
                  // A hidden weight 0: its interval reaches below 0.
                  json& w = claim(c, k)["parameters"]["dense2"];
                  w["weights"]["ln2"]["rows"][0] = {0, 6, 3, 3, 3};
                }),
          "sign");
}

TEST_CASE("forged minima where outputs are affine: kinks in the box, residuals that are not orthogonal to 1") {
  const Genuine g("minima/conjecture-relu");
  const std::size_t k = of_kind(g, "local-minimum-not-global");
  rejects(g.forge([&](json& c, json&) { claim(c, k)["radius"] = 2; }), "kink");
  rejects(g.forge([&](json& c, json&) {
    claim(c, k)["parameters"]["dense1"]["bias"] = {{"rows", json::array({json::array({1, 1, "-1/2"})})}};
  }),
          "kink");
  rejects(g.forge([&](json& c, json&) { claim(c, k)["targets"]["rows"] = {{0}, {4}, {0}}; }), "residual");
  rejects(g.forge([&](json& c, json&) { claim(c, k)["parameters"]["out"]["bias"]["fill"] = 2; }), "residual");
  rejects(g.forge([&](json&, json& p) {
    proof(p, k)["rule"] = "convex-order";
    proof(p, k)["terms"] = json::array();
  }),
          "residual");

  const Genuine dead("minima/dead-layer");
  const std::size_t at = of_kind(dead, "local-minimum-not-global");
  // One unit awake on one sample: the outputs are no constants.
  rejects(dead.forge([&](json& c, json&) {
    claim(c, at)["parameters"]["dense2"]["bias"] = {{"rows", json::array({json::array({"-1/2", -3})})}};
  }),
          "kink");
  rejects(dead.forge([&](json& c, json&) { claim(c, at)["parameters"]["out"]["bias"]["rows"][0][0] = "1/2"; }),
          "residual");
  rejects(dead.forge([&](json& c, json&) { claim(c, at)["radius"] = 1; }), "kink");
}

TEST_CASE("the hunt for minima: small grids, shards, the samples of a case, what is found is proved again") {
  const std::string folder = scratch("hunt-minima");
  const std::string hunt = "cd " + folder + " && " + programs() + "/widecert hunt minima ";
  // The smallest: one in the middle of two. By hand: on a line of five points with up to four samples also two inside
  // two, 1 and 2 in 0 and 3, 1 and 3 in 0 and 4.
  const Ran line = run(hunt + "-o line");
  INFO(line.output);
  CHECK(line.exit == 0);
  CHECK_THAT(line.output, Contains("1 inside 0, 2; Phi = 2/3") && Contains("1, 2 inside 0, 3; Phi = 1") &&
                              Contains("1, 3 inside 0, 4; Phi = 1") && Contains("3 with a local minimum") &&
                              Contains("3 of them with a certificate"));
  const Ran plane = run(hunt + "--dimensions 2 --grid 2 --samples 5 -o plane");
  CHECK_THAT(plane.output,
             Contains("(1, 1) inside (0, 0), (1, 2), (2, 1)") && Contains("5 of them with a certificate"));
  CHECK(run(programs() + "/widecert regress " + folder + "/plane").exit == 0);
  // Two parts make the whole; other units; wide layers, where zero loss is what is better.
  std::size_t found = 0;
  for (const char* shard : {"1/2", "2/2"}) {
    CHECK(run(hunt + "--dimensions 2 --grid 2 --samples 5 --shard " + shard + " -o part" + shard[0]).exit == 0);
    found += json::parse(slurp(folder + "/part" + shard[0] + "/hunt.json"))["found"].size();
  }
  CHECK(found == 5);
  for (const char* unit : {"tanh", "relu"}) {
    const Ran wide = run(hunt + "--samples 3 --width 3 --activation " + unit + " -o " + unit);
    INFO(wide.output);
    CHECK_THAT(wide.output, Contains("and zero loss  [accepted by widecheck]"));
  }
  // Among digits: three 3's inside six 4's, through two pixels.
  const std::string digits = "--in " + source() + "/cases/interpolation/digits-sigmoid ";
  const Ran data = run(hunt + digits + "--inputs 12,36 --classes 3,4 --triples 3 --width 9 -o digits");
  INFO(data.output);
  CHECK_THAT(data.output, Contains("N = 9, width 9: 3 of class 3 inside 6 of class 4; Phi = 2, and zero loss") &&
                              Contains("3 of them with a certificate"));
  CHECK(run(hunt + digits + "-o none").exit == 0);
  CHECK(run(hunt + digits + "--inputs 64 -o none").exit == 4);
  CHECK(run(hunt + digits + "--classes 3,11 -o none").exit == 4);
  CHECK(run(hunt + "--in " + source() + "/cases/small/relu-dense -o none").exit == 4);
  CHECK(run(hunt + "--inputs 1 -o none").exit == 2);
  CHECK(run(hunt + "--neurons 3 -o none").exit == 2);
  std::filesystem::remove_all(folder);
}
