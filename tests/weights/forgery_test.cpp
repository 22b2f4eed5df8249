// Claims about weight matrices: certificates forged to look right, each rejected for its reason;
// the hunt and the table of widths as a user runs them.
#include "../genuine.h"

using namespace widecert::test;

namespace {

// The index of the claim of a kind.
std::size_t place(const Genuine& g, const std::string& kind, const std::string& node = "") {
  for (std::size_t k = 0; k < g.claim()["claims"].size(); ++k) {
    const json& claim = g.claim()["claims"][k];
    if (claim["kind"] == kind && (node.empty() || claim["node"] == node)) return k;
  }
  FAIL("no claim of kind " + kind);
  return 0;
}

std::string says(const Genuine& g) { return run(programs() + "/widecheck " + g.claim_path()).output; }

}  // namespace

TEST_CASE("forged kernels: coefficients, variables, another structure, points, counts") {
  const Genuine g("weights/even-cycle-4");
  const std::size_t never = place(g, "weights-never-full-rank"), generic = place(g, "weights-generic-rank");
  CHECK_THAT(says(g), Contains("(4 x 4) of layer layer has rank at most 3, less than 4, for every W") &&
                          Contains("has rank 3 for almost every W, and more for none"));
  const auto vectors = [&](json& p) -> json& {
    json& proof = p["proofs"][never];
    return proof["inputs"].empty() ? proof["outputs"] : proof["inputs"];
  };
  rejects(g.forge([&](json&, json& p) {
    json& term = vectors(p)[0][0][1][0];
    term[0] = 2 * term[0].get<int>();
  }),
          "not-a-kernel-vector");
  rejects(g.forge([&](json&, json& p) {
    json& term = vectors(p)[0][0][1][0];
    term[1] = 1 - term[1].get<int>();
  }),
          "not-a-kernel-vector");
  rejects(g.forge([&](json&, json& p) { vectors(p)[0].erase(0); }), "not-a-kernel-vector");
  rejects(g.forge([&](json& c, json&) {
    c["network"]["nodes"][0]["patches"] = {{0, 1}, {2, 3}, {2, 0}, {1, 3}};
  }),
          "not-a-kernel-vector");
  rejects(g.forge([&](json&, json& p) {
    json& proof = p["proofs"][never];
    std::swap(proof["inputs"], proof["outputs"]);
  }),
          "not-a-kernel-vector");
  rejects(g.forge([&](json&, json& p) { vectors(p).push_back(vectors(p)[0]); }), "dependent-vectors");
  rejects(g.forge([&](json&, json& p) { vectors(p)[0] = json::array(); }), "zero-vector");
  rejects(g.forge([&](json&, json& p) { vectors(p) = json::array(); }), "bound");
  rejects(g.forge([&](json&, json& p) { p["proofs"][never]["point"] = {{"fill", 0}}; }), "dependent-vectors");
  rejects(g.forge([&](json&, json& p) { p["proofs"][never]["point"] = {{"fill", "1/2"}}; }), "not-integers");
  rejects(g.forge([&](json&, json& p) { p["proofs"][never]["prime"] = 9; }), "not-a-prime");
  rejects(g.forge([&](json&, json& p) { vectors(p)[0][0][0] = 4; }), "unexpected", 4);
  rejects(g.forge([&](json&, json& p) { vectors(p)[0][0][1][0][1] = 2; }), "unexpected", 4);
  rejects(g.forge([&](json&, json& p) { p["proofs"][never]["rule"] = "cover"; }), "missing-key", 4);
  rejects(g.forge([&](json&, json& p) { p["proofs"][never] = {{"rule", "commuting-filters"}}; }), "geometry");
  rejects(g.forge([&](json&, json& p) {
    p["proofs"][never] = {{"rule", "cover"}, {"patches", json::array()}};
  }),
          "bound");
  // The exact rank is 3, neither more nor less.
  rejects(g.forge([&](json& c, json&) { c["claims"][generic]["rank"] = 2; }), "bound");
  rejects(g.forge([&](json& c, json&) { c["claims"][generic]["rank"] = 4; }), "rank");
  rejects(g.forge([&](json&, json& p) { p["proofs"][generic].erase("upper"); }), "missing-key", 4);
  rejects(g.forge([&](json&, json& p) { p["proofs"][generic]["weights"] = {{"fill", 0}}; }), "rank");
  rejects(g.forge([&](json& c, json&) { c["claims"][never]["kind"] = "weights-full-rank"; }), "wrong-rule");
}

TEST_CASE("a kernel on the longer side alone proves nothing") {
  const Genuine g("weights/convolution-1-3-3-5");  // 25 x 27, rank 24
  const std::size_t never = place(g, "weights-never-full-rank");
  REQUIRE(g.certificate()["proofs"][never]["outputs"].size() == 3);
  rejects(g.forge([&](json&, json& p) { p["proofs"][never]["outputs"].erase(0); }), "bound");
  rejects(g.forge([&](json&, json& p) {
    json& outputs = p["proofs"][never]["outputs"];
    outputs = {outputs[0]};
  }),
          "bound");
}

TEST_CASE("kernel vectors stay within a block") {
  // Two cycles side by side: a vector on both at once counts for neither.
  const std::string folder = scratch("blocks");
  const json patches = {{0, 1}, {2, 3}, {0, 2}, {1, 3}, {4, 5}, {6, 7}, {4, 6}, {5, 7}};
  const json file{
      {"format", "widecert-case"},
      {"version", 1},
      {"network",
       {{"input", {{"shape", {8}}}},
        {"nodes", {{{"name", "layer"}, {"op", "linear"}, {"patches", patches}, {"filters", 1}, {"bias", "none"}}}}}},
      {"prove", {{{"theorem", "full-rank-weights"}, {"node", "layer"}, {"claim", "weights-generic-rank"}}}}};
  spill(folder + "/two.case.json", file.dump());
  const Ran ran = run("cd " + folder + " && " + programs() + "/widecert prove two.case.json");
  CHECK_THAT(ran.output, Contains("has rank 6 for almost every W, and more for none"));
  json certificate = json::parse(slurp(folder + "/out/two.cert.json"));
  json& upper = certificate["proofs"][0]["upper"];
  json& vectors = upper["outputs"].empty() ? upper["inputs"] : upper["outputs"];
  REQUIRE(vectors.size() == 2);
  for (const json& entry : vectors[1]) vectors[0].push_back(entry);
  spill(folder + "/out/two.cert.json", certificate.dump());
  CHECK_THAT(run(programs() + "/widecheck " + folder + "/out/two.claim.json").output, Contains("[reason: block]"));
  fs::remove_all(folder);
}

TEST_CASE("commuting filters: the geometry that the theorem asks for") {
  const Genuine g("weights/convolution-1-2-3-8");
  const auto node = [](json& c) -> json& { return c["network"]["nodes"][0]; };
  const auto only_never = [&](json& c, json& p) {
    const std::size_t never = place(g, "weights-never-full-rank");
    c["claims"] = {c["claims"][never]};
    p["proofs"] = {p["proofs"][never]};
  };
  const auto changed = [&](const std::function<void(json&)>& change) {
    return g.forge([&](json& c, json& p) {
      only_never(c, p);
      change(c);
    });
  };
  rejects(changed([&](json& c) { node(c)["filters"] = 3; }), "geometry");
  rejects(changed([&](json& c) { node(c)["filters"] = 1; }), "geometry");
  rejects(changed([&](json& c) { node(c)["stride"] = {1, 2}; }), "geometry");
  rejects(changed([&](json& c) { node(c)["padding"] = "same"; }), "geometry");
  rejects(changed([&](json& c) { node(c)["size"] = {6, 6}; }), "geometry");  // 3 positions, d = 5
  rejects(changed([&](json& c) { node(c)["size"] = {1, 1}; }), "bound");     // d = 0: rank n
  rejects(changed([&](json& c) { c["network"]["input"]["shape"] = {8, 8, 2}; }), "geometry");
  CHECK(changed([](json&) {}).exit == 0);
}

TEST_CASE("forged filters of full rank") {
  SECTION("rank N - 1: the five-cycle at (1, -1), and primes") {
    const Genuine g("weights/cycle-5");
    const auto weights = [&](const json& value) {
      return g.forge([&](json&, json& p) { p["proofs"][0]["weights"] = value; });
    };
    CHECK(weights({{"rows", {{1, 2}}}}).exit == 0);
    rejects(weights({{"rows", {{1, -1}}}}), "rank");
    rejects(weights({{"sparse", json::array({json::array({{1, 0}})})}}), "rank");
    rejects(weights({{"sparse", json::array({json::array({{1, 5}})})}}), "rank");
    CHECK(weights({{"sparse", json::array({json::array({{0, 1}, {1, "5/2"}})})}}).exit == 0);
    rejects(weights({{"sparse", json::array({json::array({{2, 5}})})}}), "unexpected", 4);
    rejects(weights({{"sparse", json::array({json::array({{1, 5}, {0, 5}})})}}), "unexpected", 4);
    rejects(weights({{"sparse", json::array()}}), "unexpected", 4);
    rejects(weights({{"rows", json::array({json::array({"1/2147483647", 1})})}}), "denominator");
    rejects(g.forge([](json&, json& p) { p["proofs"][0]["prime"] = 2147483645; }), "not-a-prime");
    // Singular modulo 3 only: 1 + 2^5 = 33.
    rejects(g.forge([](json&, json& p) {
      p["proofs"][0]["weights"] = {{"rows", {{1, 2}}}};
      p["proofs"][0]["prime"] = 3;
    }),
            "rank");
    rejects(g.forge([](json& c, json&) {
      c["network"]["nodes"][0]["frozen-weights"] = {{"rows", {{1, 2}}}};
    }),
            "frozen");
    rejects(g.forge([](json& c, json&) { c["claims"][0]["kind"] = "weights-never-full-rank"; }), "wrong-rule");
    // One patch turned makes another network, of even length: the six-cycle with three turned.
    rejects(g.forge([](json& c, json&) {
      c["network"]["input"]["shape"] = {6};
      c["network"]["nodes"][0]["patches"] = {{0, 1}, {2, 1}, {2, 3}, {4, 3}, {4, 5}, {0, 5}};
    }),
            "rank");
  }
  SECTION("taps and bands: one filter lost, one tap moved") {
    const Genuine g("weights/bands-224");
    rejects(g.forge([](json&, json& p) { p["proofs"][0]["weights"]["sparse"][0] = json::array(); }), "rank");
    rejects(g.forge([](json&, json& p) {
      json& sparse = p["proofs"][0]["weights"]["sparse"];
      sparse[1] = sparse[0];
    }),
            "rank");
    rejects(g.forge([](json& c, json&) { c["network"]["nodes"][0]["filters"] = 4; }), "unexpected", 4);
  }
  SECTION("a layer of a real network: the certificate of another layer") {
    const Genuine g("architectures/resnet-18");
    const std::size_t a = place(g, "weights-full-rank", "conv2_1.a"), b = place(g, "weights-full-rank", "conv3_1.a"),
                      shortcut = place(g, "weights-never-full-rank", "conv3_1.shortcut");
    rejects(g.forge([&](json&, json& p) { std::swap(p["proofs"][a], p["proofs"][b]); }), "unexpected", 4);
    rejects(g.forge([&](json& c, json&) { c["claims"][shortcut]["node"] = "conv2_1.a"; }), "bound");
    rejects(g.forge([&](json& c, json& p) {
      c["claims"][shortcut]["kind"] = "weights-full-rank";
      p["proofs"][shortcut] = p["proofs"][a];
    }),
            "unexpected", 4);
    rejects(g.forge([&](json& c, json&) { c["claims"][a]["node"] = "conv2_1.a.act"; }), "layer-kind");
  }
}

TEST_CASE("covers: too many lines, patches that are not there") {
  const Genuine g("weights/strided-projection");
  const std::size_t never = place(g, "weights-never-full-rank", "wider");
  rejects(g.forge([&](json& c, json&) { c["claims"][never]["node"] = "as-wide"; }), "bound");
  rejects(g.forge([&](json&, json& p) { p["proofs"][never]["patches"] = {16}; }), "unexpected", 4);
  // Half of the patches as columns cost twice what their inputs do.
  rejects(g.forge([&](json&, json& p) {
    for (int k = 0; k < 16; ++k) p["proofs"][never]["patches"].push_back(k);
  }),
          "bound");
}

TEST_CASE("given filters: kernel vectors and random-solve evidence") {
  const Genuine g("weights/given-filters");
  const std::size_t deficient = place(g, "weights-deficient-at");
  rejects(g.forge([&](json&, json& p) {
    json& v = p["proofs"][deficient]["v"][0];
    v = v.get<int>() + 1;
  }),
          "not-a-kernel-vector");
  rejects(g.forge([&](json&, json& p) {
    for (json& v : p["proofs"][deficient]["v"]) v = 0;
  }),
          "zero-vector");
  rejects(g.forge([&](json&, json& p) { p["proofs"][deficient]["v"].erase(0); }), "unexpected", 4);
  rejects(g.forge([&](json& c, json&) { c["claims"][deficient]["weights"]["rows"][0][3] = 5; }), "not-a-kernel-vector");
  const Genuine solved("weights/given-filters", "--evidence random-solve");
  const std::size_t full = place(solved, "weights-full-rank-at");
  REQUIRE(solved.certificate()["proofs"][full]["evidence"]["method"] == "random-solve");
  CHECK_THAT(says(solved), Contains("error <= 2^-"));
  rejects(solved.forge([&](json& c, json&) { c["claims"][full]["weights"]["seeded"]["seed"] = 4; }), "matrix-digest");
  rejects(solved.forge([&](json&, json& p) {
    std::string row = p["proofs"][full]["evidence"]["w"][0];
    row[7] = row[7] == '0' ? '1' : '0';
    p["proofs"][full]["evidence"]["w"][0] = row;
  }),
          "wrong-solution");
}

TEST_CASE("full rank for almost every W by a solved random system") {
  const Genuine g("weights/bands", "--evidence random-solve");
  REQUIRE(g.certificate()["proofs"][0]["rule"] == "exact-rank");
  CHECK_THAT(says(g), Contains("full rank 128 for almost every W") && Contains("error <= 2^-"));
  rejects(g.forge([](json&, json& p) { p["proofs"][0]["weights"]["seeded"]["seed"] = 2; }), "matrix-digest");
  rejects(g.forge([](json&, json& p) { p["proofs"][0]["evidence"]["k"] = 4; }), "evidence-too-weak");
  rejects(g.forge([](json& c, json&) { c["network"]["nodes"][0]["filters"] = 5; }), "shape", 4);
  rejects(g.forge([](json& c, json&) { c["claims"][0]["kind"] = "weights-never-full-rank"; }), "wrong-rule");
  CHECK(g.forge([](json&, json&) {}).exit == 0);
  CHECK(run(programs() + "/widecheck --unconditional " + g.claim_path()).exit == 5);
}

TEST_CASE("a file without data holds claims about weights only") {
  const Genuine g("weights/cycle-5");
  rejects(g.forge([](json& c, json& p) {
    c["claims"][0] = {{"kind", "never-independent"}, {"node", "layer"}};
    p["proofs"][0] = {{"rule", "width"}};
  }),
          "no-data", 4);
}

TEST_CASE("small files that ask for endless work are refused") {
  const std::string folder = scratch("endless");
  const auto check = [&](const json& network, const json& claim, const json& proof) {
    const json file{{"format", "widecert-claim"}, {"version", 1}, {"network", network}, {"claims", {claim}}};
    spill(folder + "/a.claim.json", file.dump());
    const std::string digest = run("sha256sum " + folder + "/a.claim.json").output.substr(0, 64);
    const json certificate{
        {"format", "widecert-certificate"}, {"version", 1}, {"claim_sha256", digest}, {"proofs", {proof}}};
    spill(folder + "/a.cert.json", certificate.dump());
    const Ran ran = run("timeout 60 " + programs() + "/widecheck --json " + folder + "/a.claim.json");
    const json report = json::parse(ran.output, nullptr, false);
    INFO(ran.output);
    REQUIRE_FALSE(report.is_discarded());
    const std::string reason =
        report.contains("reason") ? report["reason"].get<std::string>() : report["claims"][0].value("reason", "");
    return Verdict{ran.exit, reason};
  };
  const auto input = [](const json& shape) { return json{{"name", "x"}, {"shape", shape}}; };
  // A pool with large windows is not expanded to be read.
  CHECK(
      check({{"input", input({3000, 3000, 1})},
             {"nodes",
              {{{"name", "p"}, {"op", "maxpool2d"}, {"size", {1500, 1500}}, {"stride", {1, 1}}},
               {{"name", "l"}, {"op", "conv2d"}, {"size", {1, 1}}, {"filters", 1}, {"bias", "none"}, {"input", "x"}}}}},
            {{"kind", "weights-full-rank"}, {"node", "l"}},
            {{"rule", "modular-elimination"}, {"prime", 3}, {"weights", {{"fill", 1}}}})
          .exit == 0);
  // Many vectors on many filters.
  json vectors = json::array();
  for (int k = 0; k < 1000; ++k) vectors.push_back(json::array({json::array({0, json::array({json::array({1, k})})})}));
  const auto with_inputs = [&](const json& inputs) {
    return check({{"input", input({20479, 1})},
                  {"nodes", {{{"name", "l"}, {"op", "conv1d"}, {"size", 4096}, {"filters", 4096}, {"bias", "none"}}}}},
                 {{"kind", "weights-never-full-rank"}, {"node", "l"}},
                 {{"rule", "kernel-polynomials"},
                  {"inputs", inputs},
                  {"outputs", json::array()},
                  {"point", {{"sparse", json(std::vector<json>(4096, json::array()))}}},
                  {"prime", 2}});
  };
  rejects(with_inputs(vectors), "not-a-kernel-vector");
  rejects(with_inputs(json(std::vector<json>(1000, json::array()))), "zero-vector");
  // One vector on the outputs of a long patch: each entry of the patch is paid for before it is
  // worked on.
  json terms = json::array();
  for (int k = 0; k < 100'000; ++k) terms.push_back({k % 2 == 0 ? 1 : -1});
  rejects(check({{"input", input({10'000'000})},
                 {"nodes", {{{"name", "l"}, {"op", "dense"}, {"filters", 1}, {"bias", "none"}}}}},
                {{"kind", "weights-never-full-rank"}, {"node", "l"}},
                {{"rule", "kernel-polynomials"},
                 {"inputs", json::array()},
                 {"outputs", json::array({json::array({json::array({0, terms})})})},
                 {"point", {{"sparse", json::array({json::array()})}}},
                 {"prime", 2}}),
          "too-large", 4);
  // Numbers of many digits, many times.
  const std::string digits(19'999, '9');
  json patches = json(std::vector<json>(20'000, json{0, 1}));
  rejects(
      check({{"input", input({2})},
             {"nodes", {{{"name", "l"}, {"op", "linear"}, {"patches", patches}, {"filters", 1000}, {"bias", "none"}}}}},
            {{"kind", "weights-deficient-at"}, {"node", "l"}, {"weights", {{"fill", digits}}}},
            {{"rule", "kernel-vector"}, {"v", {digits, "-" + digits}}}),
      "too-large", 4);
  fs::remove_all(folder);
}

// ---- the hunt and the widths ----

TEST_CASE("the hunt: violations become cases that regress proves again, it stops and goes on") {
  const std::string folder = scratch("hunt");
  const std::string hunt = "cd " + folder + " && " + programs() + "/widecert ";
  const Ran small = run(hunt + "hunt weights -o four");
  INFO(small.output);
  CHECK(small.exit == 0);
  CHECK_THAT(small.output, Contains("patches 12, 13, 24, 34, 1 filter(s): rank 3 of 4") &&
                               Contains("patches 123, 124, 2 filter(s): rank 3 of 4") &&
                               Contains("11 violate Assumption 2.4, 11 of them with a certificate"));
  const Ran again = run(programs() + "/widecert regress " + folder + "/four");
  INFO(again.output);
  CHECK(again.exit == 0);
  CHECK_THAT(again.output, Contains("11 as expected, 0 not"));
  CHECK(run(programs() + "/widecheck " + folder + "/four/n4-T2-123.124.claim.json").exit == 0);
  // Convolutions: the table of the theory, and the map.
  const Ran table = run(hunt + "hunt weights --convolutions --image 5 --filters 4 -o five");
  CHECK_THAT(table.output, Contains("1 channel(s), 2 filter(s) of size 2, image 3: rank 7 of 8") &&
                               Contains("1 channel(s), 3 filter(s) of size 3, image 5: rank 24 of 25") &&
                               Contains("2 channel(s), 3 filter(s) of size 2, image 4: rank 26 of 27"));
  CHECK_THAT(slurp(folder + "/five/hunt.html"), Contains("<svg") && Contains("class=\"deficient\""));
  // Stopped before the end, with the same command to the end, and in one go.
  const std::string long_one = "hunt weights --neurons 5 --length 3 --patches 4 ";
  const Ran stopped = run(hunt + "--timeout 0.05 " + long_one + "-o stopped");
  if (stopped.exit == 124) {
    CHECK_THAT(stopped.output, Contains("the same command goes on from there"));
    CHECK_FALSE(json::parse(slurp(folder + "/stopped/hunt.json"))["done"].get<bool>());
  } else {
    CHECK(stopped.exit == 0);  // a fast machine
  }
  CHECK(run(hunt + long_one + "-o stopped").exit == 0);
  CHECK(run(hunt + long_one + "-o whole").exit == 0);
  json a = json::parse(slurp(folder + "/stopped/hunt.json")), b = json::parse(slurp(folder + "/whole/hunt.json"));
  CHECK(a == b);
  CHECK(b["done"].get<bool>());
  // Two shards make the whole.
  std::size_t violations = 0, examined = 0;
  for (const char* shard : {"1/2", "2/2"}) {
    CHECK(run(hunt + long_one + "--shard " + shard + " -o part" + shard[0]).exit == 0);
    const json part = json::parse(slurp(folder + "/part" + shard[0] + "/hunt.json"));
    violations += part["found"].size();
    examined += part["examined"].get<std::size_t>();
  }
  CHECK(violations == b["found"].size());
  CHECK(examined == b["examined"].get<std::size_t>());
  // Other parameters in the same folder, and bounds that make no sense.
  CHECK(run(hunt + "hunt weights --neurons 3 -o whole").exit == 4);
  CHECK(run(hunt + "hunt weights --shard 3/2").exit == 4);
  CHECK(run(hunt + "hunt weights --image 5").exit == 2);
  CHECK(run(hunt + "hunt hares").exit == 2);
  fs::remove_all(folder);
}

TEST_CASE("cycles of patches, each decided with a certificate that widecheck accepts") {
  const std::string folder = scratch("cycles");
  for (int m = 3; m <= 8; ++m) {
    json nodes = json::array(), requests = json::array();
    for (int turned = 0; turned <= m; ++turned) {
      json patches = json::array();
      for (int p = 0; p < m; ++p) {
        const int next = (p + 1) % m;
        patches.push_back(p < turned ? json::array({next, p}) : json::array({p, next}));
      }
      const std::string name = "turned" + std::to_string(turned);
      nodes.push_back(
          {{"name", name}, {"op", "linear"}, {"patches", patches}, {"filters", 1}, {"bias", "none"}, {"input", "x"}});
      const bool singular = m % 2 == 0 && 2 * turned == m;
      json expect{{"outcome", singular ? "refuted" : "proved"}};
      if (singular) expect["reason"] = "kernel-polynomials";
      requests.push_back({{"theorem", "full-rank-weights"}, {"node", name}, {"expect", expect}});
    }
    const json file{{"format", "widecert-case"},
                    {"version", 1},
                    {"network", {{"input", {{"shape", {m}}}}, {"nodes", nodes}}},
                    {"prove", requests}};
    spill(folder + "/cycle" + std::to_string(m) + ".case.json", file.dump());
  }
  const Ran ran = run(programs() + "/widecert regress " + folder);
  INFO(ran.output);
  CHECK(ran.exit == 0);
  CHECK_THAT(ran.output, Contains("6 as expected, 0 not"));
  fs::remove_all(folder);
}

TEST_CASE("the filters that were found can be written down") {
  const std::string folder = scratch("filters");
  const Ran ran = run(programs() + "/widecert prove " + cases() + "/weights/bands -o " + folder + " --witness " +
                      folder + "/w.json");
  INFO(ran.output);
  CHECK(ran.exit == 0);
  const json rows = json::parse(slurp(folder + "/w.json"))["parameters"]["conv"]["weights"];
  REQUIRE(rows.size() == 4);
  // (x + z)(y + z) for two channels: eight corners.
  int ones = 0;
  for (const json& row : rows) {
    REQUIRE(row.size() == 18);
    for (const json& v : row) ones += v.get<int>();
  }
  CHECK(ones == 8);
  fs::remove_all(folder);
}

TEST_CASE("the widths of Table 1, recomputed") {
  const Ran ran = run(programs() + "/widecert --json widths " + cases() + "/architectures");
  REQUIRE(ran.exit == 0);
  const json report = json::parse(ran.output);
  CHECK(report["samples"] == 1281167);
  std::map<std::string, json> of;
  for (const json& row : report["networks"]) of[row["case"]] = row;
  // Height x width x channels of the widest layer, by hand.
  CHECK(of.at("vgg-16")["width"] == 224 * 224 * 64);
  CHECK(of.at("inception-v3")["width"] == 147 * 147 * 64);
  CHECK(of.at("inception-v4")["width"] == 147 * 147 * 64);
  CHECK(of.at("squeezenet")["width"] == 111 * 111 * 96);
  CHECK(of.at("enet-initial")["width"] == 256 * 256 * 16);
  CHECK(of.at("googlenet")["width"] == 112 * 112 * 64);
  CHECK(of.at("resnet-18")["width"] == 112 * 112 * 64);
  CHECK(of.at("resnet-50")["width"] == 112 * 112 * 64);
  CHECK(of.at("mobilenet-v2")["width"] == 112 * 112 * 96);
  CHECK(of.at("xception")["width"] == 147 * 147 * 128);
  CHECK(of.at("cnn13")["neurons"] == 204928);
  for (const auto& [name, row] : of) {
    const bool differs = row.contains("printed") && row["printed"]["differs"].get<bool>();
    CHECK(differs == (name == "xception" || name == "cnn13"));
  }
}
