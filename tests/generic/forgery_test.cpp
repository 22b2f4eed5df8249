// Forged ranks: changed weights, pixels, primes, k, W, hashes, ranks and layers, networks that the
// rules do not cover, and evidence carried from one claim to another.
#include <fstream>

#include "../genuine.h"

using namespace widecert::test;

namespace {

json& evidence(json& certificate, std::size_t proof = 0) {
  json& p = certificate["proofs"][proof];
  return (p.contains("of") ? p["of"] : p)["evidence"];
}

// Another hexadecimal digit.
void change_digit(std::string& text, std::size_t at) { text[at] = text[at] == '0' ? '1' : '0'; }

void change_row(json& w, std::size_t row) {
  std::string text = w[row];
  change_digit(text, 0);
  w[row] = text;
}

}  // namespace

TEST_CASE("a minor of 144 of 1,797 digits withstands tampering") {
  const Genuine g("digits/rank-minor");
  REQUIRE(evidence(const_cast<json&>(g.certificate()))["method"] == "minor");
  REQUIRE(evidence(const_cast<json&>(g.certificate()))["rows"].size() == 144);
  SECTION("the rows: too few, too many, repeated, out of order, out of range, of the other side") {
    rejects(g.forge([](json&, json& p) { evidence(p)["rows"].erase(7); }), "minor");
    rejects(g.forge([](json&, json& p) { evidence(p)["rows"] = json::array(); }), "minor");
    rejects(g.forge([](json&, json& p) {
      json all = json::array();
      for (int i = 0; i < 145; ++i) all.push_back(i);
      evidence(p)["rows"] = all;
    }),
            "minor");
    rejects(g.forge([](json&, json& p) { evidence(p)["rows"][8] = evidence(p)["rows"][7]; }), "unexpected", 4);
    rejects(g.forge([](json&, json& p) { std::swap(evidence(p)["rows"][8], evidence(p)["rows"][7]); }), "unexpected",
            4);
    rejects(g.forge([](json&, json& p) { evidence(p)["rows"][143] = 1797; }), "unexpected", 4);
    rejects(g.forge([](json&, json& p) {
      evidence(p)["columns"] = evidence(p)["rows"];
      evidence(p).erase("rows");
    }),
            "missing-key", 4);
    rejects(g.forge([](json&, json& p) { evidence(p)["columns"] = evidence(p)["rows"]; }), "unknown-key", 4);
  }
  SECTION("the prime: none, another kind of number, one modulo which the minor is 0") {
    rejects(g.forge([](json&, json& p) { evidence(p)["prime"] = 4; }), "not-a-prime");
    rejects(g.forge([](json&, json& p) { evidence(p)["prime"] = 1; }), "not-a-prime");
    // A dead unit modulo 2 is none modulo a large prime: nearly every minor of this size is 0 modulo 2.
    rejects(g.forge([](json&, json& p) { evidence(p)["prime"] = 2; }), "rank");
  }
  SECTION("the matrix: equal samples, a dead unit, another layer, another rank") {
    // Rows that are one and the same.
    rejects(g.forge([](json& c, json&) {
      c["claims"][0]["parameters"]["conv1"]["weights"]["rows"][2] =
          json(c["claims"][0]["parameters"]["conv1"]["weights"]["rows"][1]);
      c["claims"][0]["parameters"]["conv1"]["bias"] = {{"rows", json::array({json::array()})}};
      for (int h = 0; h < 144; ++h) c["claims"][0]["parameters"]["conv1"]["bias"]["rows"][0].push_back(0);
    }),
            "rank");
    rejects(g.forge([](json& c, json&) {
      for (json& w : c["claims"][0]["parameters"]["conv1"]["weights"]["rows"][2]) w = 0;
      c["claims"][0]["parameters"]["conv1"]["bias"] = {{"rows", json::array({json::array()})}};
      for (int h = 0; h < 144; ++h) c["claims"][0]["parameters"]["conv1"]["bias"]["rows"][0].push_back(0);
    }),
            "rank");
    rejects(g.forge([](json& c, json&) { c["claims"][0]["rank"] = 143; }), "rank");
    rejects(g.forge([](json& c, json&) { c["claims"][0]["rank"] = 1797; }), "rank");
    rejects(g.forge([](json& c, json&) { c["claims"][0]["node"] = "conv1"; }), "rank");
  }
  SECTION("it is unconditional") { CHECK(run(programs() + "/widecheck --unconditional " + g.claim_path()).exit == 0); }
}

TEST_CASE("random-solve evidence for 1,797 digits withstands tampering") {
  const Genuine g("digits/rank-relu", "--evidence random-solve");
  REQUIRE(evidence(const_cast<json&>(g.certificate()))["method"] == "random-solve");
  SECTION("the matrix: one weight, one bias, one pixel, the noise") {
    rejects(g.forge([](json& c, json&) {
      json& w = c["claims"][0]["parameters"]["conv1"]["weights"]["rows"][7][3];
      w = w.get<int>() + 1;
    }),
            "matrix-digest");
    rejects(g.forge([](json& c, json&) { c["claims"][0]["parameters"]["conv1"]["bias"]["seeded"]["seed"] = 99; }),
            "matrix-digest");
    rejects(g.forge([](json& c, json&) { c["data"]["noise"]["seed"] = 2; }), "matrix-digest");
    // Another pixel is another file; naming its digest does not help.
    const std::string path = g.folder() + "/cases/digits/data/images-idx3-ubyte.gz";
    Ran ran = run("zcat " + path + " > " + g.folder() + "/images && printf '\\003' | dd of=" + g.folder() +
                  "/images bs=1 seek=5000 conv=notrunc && gzip -nc " + g.folder() + "/images > " + path +
                  " && sha256sum " + g.folder() + "/images");
    const auto at = ran.output.find("  " + g.folder());
    REQUIRE(at != std::string::npos);
    const std::string digest = ran.output.substr(at - 64, 64);
    rejects(g.forge([](json&, json&) {}), "data-digest");
    rejects(g.forge([&](json& c, json&) { c["data"]["sha256"] = digest; }), "matrix-digest");
  }
  SECTION("the evidence: W, k, the prime, the hash") {
    rejects(g.forge([](json&, json& p) { change_row(evidence(p)["w"], 0); }), "wrong-solution");
    rejects(g.forge([](json&, json& p) { change_row(evidence(p)["w"], 1799); }), "wrong-solution");
    rejects(g.forge([](json&, json& p) { std::swap(evidence(p)["w"][3], evidence(p)["w"][4]); }), "wrong-solution");
    rejects(g.forge([](json&, json& p) { evidence(p)["w"].erase(0); }), "shape", 4);
    // 191 columns are refused whatever they are; 192 of others are wrong.
    rejects(g.forge([](json&, json& p) { evidence(p)["k"] = 191; }), "evidence-too-weak");
    rejects(g.forge([](json&, json& p) { evidence(p)["k"] = 1; }), "evidence-too-weak");
    rejects(g.forge([](json&, json& p) { evidence(p)["k"] = 193; }), "unexpected", 4);
    rejects(g.forge([](json&, json& p) { evidence(p)["prime"] = 3; }), "unexpected", 4);
    rejects(g.forge([](json&, json& p) { evidence(p)["prime"] = 4; }), "not-a-prime");
    rejects(g.forge([](json&, json& p) {
      std::string text = evidence(p)["matrix_sha256"];
      change_digit(text, 5);
      evidence(p)["matrix_sha256"] = text;
    }),
            "matrix-digest");
  }
  SECTION("the claim: rank N + 1, another layer, another claim about the same matrix") {
    rejects(g.forge([](json& c, json&) { c["claims"][0]["rank"] = 1798; }), "rank");
    rejects(g.forge([](json& c, json&) { c["claims"][0]["rank"] = 1796; }), "rank");
    rejects(g.forge([](json& c, json&) { c["claims"][0]["node"] = "conv1"; }), "matrix-digest");
    // The same tensor written in another way gives the same matrix, but B depends on the claim.
    rejects(g.forge([](json& c, json&) {
      c["claims"][0]["parameters"]["conv1"]["weights"]["rows"][0][0] =
          std::to_string(c["claims"][0]["parameters"]["conv1"]["weights"]["rows"][0][0].get<int>());
    }),
            "wrong-solution");
  }
  SECTION("--unconditional accepts elimination only") {
    const Ran ran = run(programs() + "/widecheck --unconditional " + g.claim_path());
    CHECK(ran.exit == 5);
    CHECK_THAT(ran.output, Contains("not-unconditional"));
    CHECK_THAT(run(programs() + "/widecheck " + g.claim_path()).output,
               Contains("error <= 2^-127") && Contains("random-oracle"));
    // The prover shows the bound too.
    CHECK_THAT(run(programs() + "/widecert --evidence random-solve prove " + g.folder() +
                   "/cases/digits/rank-relu -o " + g.folder() + "/again")
                   .output,
               Contains("error <= 2^-127"));
    rejects(g.forge([](json&, json& p) { evidence(p) = json{{"method", "elimination"}, {"prime", 2}}; }), "", 0);
  }
}

TEST_CASE("deficient matrices are not passed off") {
  // Rank at most 4 of 8 whatever the filters: evidence of the untied twin does not carry over.
  const Genuine tied("counterexamples/tied-halves"), untied("counterexamples/untied-halves");
  const json honest = untied.certificate()["proofs"][0];
  const auto claim_almost_everywhere = [](json& c) {
    c["claims"] = json::array({{{"kind", "independent-almost-everywhere"}, {"node", "sigmoid1"}, {"rank", 8}}});
  };
  rejects(tied.forge([&](json& c, json& p) {
    claim_almost_everywhere(c);
    p["proofs"] = json::array({honest});
  }),
          "rank");
  rejects(tied.forge([&](json& c, json& p) {
    claim_almost_everywhere(c);
    p["proofs"] = json::array({honest});
    p["proofs"][0]["point"]["conv1"]["bias"] = {{"rows", {{"1/3", "2/3", "-1/3", "-2/3"}}}};
  }),
          "rank");
  // A matrix may be singular modulo one prime and not modulo another: only the stated one counts.
  rejects(untied.forge([](json&, json& p) { evidence(p)["prime"] = 3; }), "", 0);
}

TEST_CASE("the ways to almost every parameter keep their side conditions") {
  const Genuine g("digits/almost-everywhere-sigmoid-tied");
  const auto activation = [](json& c, const json& what) {
    json& node = c["network"]["nodes"][1];
    const std::string name = node["name"];
    node = what;
    node["name"] = name;
    node["op"] = "activation";
  };
  SECTION("activations") {
    for (const char* name : {"relu", "elu", "step", "half-step", "sign"}) {
      rejects(g.forge([&](json& c, json&) { activation(c, {{"function", name}}); }), "not-analytic");
    }
    rejects(g.forge([&](json& c, json&) {
      activation(c, {{"function", "leaky-relu"}, {"slope", "1/2"}});
    }),
            "not-analytic");
    for (const char* name : {"softplus", "gaussian", "one-minus-sigmoid", "silu"}) {
      rejects(g.forge([&](json& c, json&) { activation(c, {{"function", name}}); }), "activation");
    }
    // tanh tends to -1 and 1, which are equal modulo 2.
    rejects(g.forge([&](json& c, json&) { activation(c, {{"function", "tanh"}}); }), "zero-pre-activation");
    rejects(g.forge([&](json&, json& p) { p["proofs"][0]["rule"] = "relu-limit"; }), "activation");
    rejects(g.forge([&](json&, json& p) { p["proofs"][0]["rule"] = "analytic-point"; }), "irrational");
    rejects(g.forge([&](json&, json& p) {
      p["proofs"][0] = json{{"rule", "derivative"}, {"of", p["proofs"][0]}};
    }),
            "activation");
  }
  SECTION("operations: pooling, frozen tensors, mixed degrees") {
    const auto insert = [](json& c, int at, const json& node) {
      auto& nodes = c["network"]["nodes"];
      nodes.insert(nodes.begin() + at, node);
    };
    rejects(g.forge([&](json& c, json&) {
      insert(c, 0, {{"name", "pool0"}, {"op", "maxpool2d"}, {"size", {1, 1}}});
    }),
            "not-analytic");
    rejects(g.forge([&](json& c, json&) {
      insert(c, 1, {{"name", "pool1"}, {"op", "maxpool2d"}, {"size", {1, 1}}});
    }),
            "not-analytic");
    rejects(g.forge([](json& c, json&) { c["network"]["nodes"][0]["frozen-weights"] = {{"fill", 1}}; }), "frozen");
    rejects(g.forge([](json& c, json&) { c["network"]["nodes"][0]["frozen-bias"] = {{"fill", 1}}; }), "frozen");
    rejects(g.forge([&](json& c, json&) {
      insert(c, 1, {{"name", "norm"}, {"op", "batchnorm"}, {"scale", {{"fill", 1}}}, {"shift", {{"fill", 1}}}});
    }),
            "degree");
    rejects(g.forge([&](json& c, json&) {
      insert(c, 0, {{"name", "sigmoid0"}, {"op", "activation"}, {"function", "sigmoid"}});
    }),
            "degree");
    rejects(g.forge([&](json& c, json&) {
      insert(c, 1, {{"name", "conv2"}, {"op", "conv2d"}, {"size", {1, 1}}, {"filters", 50}, {"bias", "none"}});
    }),
            "degree");
  }
  SECTION("the point") {
    rejects(g.forge([](json&, json& p) { p["proofs"][0]["point"] = json::object(); }), "missing-key", 4);
    rejects(g.forge([](json&, json& p) { p["proofs"][0]["point"]["conv1"]["weights"] = {{"fill", 1}}; }), "rank");
    rejects(g.forge([](json&, json& p) { p["proofs"][0]["point"]["conv1"]["bias"] = {{"fill", "100000"}}; }), "rank");
  }
}

TEST_CASE("lattice points keep the conditions of the tower") {
  const Genuine g("small/lattice-tower");
  const auto tower = [&](const json& primes, std::uint64_t last) {
    return g.forge([&](json&, json& p) {
      p["proofs"][0]["tower"] = primes;
      evidence(p)["prime"] = last;
    });
  };
  rejects(tower({7}, 7), "tower");
  rejects(tower({127}, 127), "tower");
  rejects(tower({7, 127, 127}, 127), "tower");
  rejects(tower({7, 23}, 23), "tower");
  rejects(tower({5, 31}, 31), "tower");  // 2 has order 4 modulo 5: 1 + 2^-z may vanish
  rejects(tower({9, 127}, 127), "not-a-prime");
  rejects(tower(json::array(), 127), "tower");
  rejects(tower({7, 127}, 2147483647), "tower");  // evidence modulo another prime
  rejects(tower({7, 127}, 2), "tower");
  rejects(g.forge([](json&, json& p) {
    p["proofs"][0]["point"]["dense1"]["weights"] = {{"fill", "1/2"}};
  }),
          "not-integers");
  rejects(g.forge([](json&, json& p) { p["proofs"][0]["point"]["dense2"]["weights"] = {{"fill", 1}}; }), "rank");
  rejects(g.forge([](json& c, json&) { c["network"]["nodes"][1]["function"] = "softplus"; }), "activation");
  rejects(g.forge([](json& c, json&) { c["network"]["nodes"][1]["function"] = "identity"; }), "activation");
  rejects(g.forge([](json& c, json& p) {
    c["network"]["nodes"][2]["frozen-bias"] = {{"fill", 0}};
    p["proofs"][0]["point"]["dense2"].erase("bias");
  }),
          "frozen");
  const auto insert = [](json& c, int at, const json& node) {
    json& nodes = c["network"]["nodes"];
    nodes.insert(nodes.begin() + at, node);
  };
  rejects(g.forge([&](json& c, json&) {
    insert(c, 0, {{"name", "mean"}, {"op", "avgpool"}, {"patches", {{0}, {1}, {2}}}});
  }),
          "degree");
  rejects(g.forge([&](json& c, json& p) {
    // A window of seven entries: its length is 0 modulo a prime of the tower.
    insert(c, 2, {{"name", "mean"}, {"op", "avgpool"}, {"patches", {{0, 1, 2, 3, 4, 5, 6}, {5, 6, 7, 8, 9, 10, 11}}}});
    p["proofs"][0]["point"]["dense2"]["weights"] = {{"fill", 1}};
  }),
          "denominator");
}

TEST_CASE("the derivative rule asks for softplus with one free bias for each neuron") {
  const Genuine g("digits/almost-everywhere-softplus");
  const Genuine sigmoid("digits/almost-everywhere-sigmoid");
  const json inner = sigmoid.certificate()["proofs"][0];
  const auto wrap = [&](json& p) { p["proofs"][0] = json{{"rule", "derivative"}, {"of", inner}}; };
  rejects(g.forge([&](json&, json& p) { wrap(p); }), "", 0);
  rejects(g.forge([&](json& c, json& p) {
    wrap(p);
    c["network"]["nodes"][0]["bias"] = "channel";
  }),
          "free-biases");
  rejects(g.forge([&](json& c, json& p) {
    wrap(p);
    c["network"]["nodes"][1]["sharpness"] = 2;
  }),
          "activation");
  rejects(g.forge([&](json&, json& p) {
    wrap(p);
    p["proofs"][0]["of"] = p["proofs"][0];
  }),
          "wrong-rule");
}

TEST_CASE("what an adversary tried: banks of pools, empty tensors, numbers without end") {
  const Genuine g("counterexamples/dead-units");
  const auto network = [](json& c, const json& nodes, std::size_t width) {
    c["network"] = {{"input", {{"name", "x"}, {"shape", {width}}}}, {"nodes", nodes}};
  };
  const auto one = [&](json& c, json& p, const json& claim, const json& proof) {
    c["claims"] = json::array({claim});
    p["proofs"] = json::array({proof});
  };
  const json elimination{{"rule", "exact-rank"}, {"evidence", {{"method", "elimination"}, {"prime", 2147483647}}}};
  const json relu{{"name", "relu"}, {"op", "activation"}, {"function", "relu"}};
  SECTION("patches of unequal length in one pool") {
    rejects(g.forge([&](json& c, json& p) {
      network(c,
              {{{"name", "pool"}, {"op", "avgpool"}, {"patches", {{0}, {0, 1}}}, {"banks", {0, 1}}},
               {{"name", "fc"}, {"op", "dense"}, {"filters", 1}, {"bias", "none"}},
               relu},
              2);
      c["data"] = {{"format", "inline"}, {"count", 1}, {"samples", {{1, 1}}}};
      one(c, p,
          {{"kind", "independent-at"},
           {"node", "relu"},
           {"rank", 1},
           {"parameters", {{"fc", {{"weights", {{"rows", {{-1, "3/4"}}}}}}}}}},
          elimination);
    }),
            "shape", 4);
    rejects(g.forge([&](json& c, json&) {
      network(c, {{{"name", "pool"}, {"op", "avgpool"}, {"patches", {{0}, {1}}}, {"banks", {0, 1}}}}, 2);
    }),
            "unknown-key", 4);
    rejects(g.forge([&](json& c, json& p) {
      network(c, {{{"name", "pool"}, {"op", "avgpool"}, {"patches", {{0}, {0, 1}}}}}, 2);
      c["data"] = {{"format", "inline"}, {"count", 1}, {"samples", {{1, 1}}}};
      one(c, p, {{"kind", "independent-at"}, {"node", "pool"}, {"rank", 1}, {"parameters", json::object()}},
          elimination);
    }),
            "shape", 4);
  }
  SECTION("a frozen bias has one value for each neuron") {
    const auto frozen = [&](const json& bias) {
      return g.forge([&](json& c, json& p) {
        network(c, {{{"name", "fc"}, {"op", "dense"}, {"filters", 2}, {"bias", "neuron"}, {"frozen-bias", bias}}, relu},
                1);
        c["data"] = {{"format", "inline"}, {"count", 2}, {"samples", {{1}, {2}}}};
        one(c, p,
            {{"kind", "independent-at"},
             {"node", "relu"},
             {"rank", 2},
             {"parameters", {{"fc", {{"weights", {{"fill", 1}}}}}}}},
            elimination);
      });
    };
    rejects(frozen({{"rows", {{1, 3}}}}), "", 0);
    rejects(frozen({{"rows", json::array({json::array()})}}), "shape", 4);
    rejects(frozen({{"fill", 5}}), "rank");
  }
  SECTION("work is refused before it is begun") {
    json deep = json::array();
    json centre = json::object();
    for (int l = 0; l < 60; ++l) {
      const std::string name = "fc" + std::to_string(l);
      deep.push_back({{"name", name}, {"op", "dense"}, {"filters", 1}, {"bias", "none"}});
      centre[name] = {{"weights", {{"fill", 1}}}};
    }
    deep.push_back(relu);
    rejects(g.forge([&](json& c, json& p) {
      network(c, deep, 1);
      c["data"] = {{"format", "inline"}, {"count", 1}, {"samples", {{1}}}};
      one(c, p,
          {{"kind", "dependent-on-open-set"},
           {"node", "relu"},
           {"centre", centre},
           {"radius", "1/1" + std::string(9000, '0')}},
          {{"rule", "units-without-kinks"}});
    }),
            "too-large", 4);
    rejects(g.forge([&](json& c, json& p) {
      network(c,
              {{{"name", "a"}, {"op", "dense"}, {"filters", 100}, {"bias", "none"}},
               {{"name", "b"}, {"op", "dense"}, {"filters", 300}, {"bias", "none"}},
               relu},
              1);
      json samples = json::array();
      for (int i = 1; i <= 40; ++i) samples.push_back({i});
      c["data"] = {{"format", "inline"}, {"count", 40}, {"samples", samples}};
      const json huge{{"weights", {{"fill", "1" + std::string(9300, '0')}}}};
      one(c, p, {{"kind", "dependent-at"}, {"node", "relu"}, {"parameters", {{"a", huge}, {"b", huge}}}},
          {{"rule", "equal-rows"}, {"samples", {0, 1}}});
    }),
            "too-large", 4);
    // One neuron of a million, for three million samples.
    rejects(g.forge([&](json& c, json& p) {
      network(c,
              {{{"name", "wide"}, {"op", "dense"}, {"filters", 1 << 20}, {"bias", "none"}},
               {{"name", "one"}, {"op", "select"}, {"inputs", {"wide"}}, {"take", {{0, 0}}}}},
              1);
      c["data"] = {{"format", "seeded"}, {"count", 3'000'000}, {"seed", 1}, {"low", 0}, {"high", 255}};
      one(c, p,
          {{"kind", "independent-at"},
           {"node", "one"},
           {"rank", 1},
           {"parameters", {{"wide", {{"weights", {{"fill", 1}}}}}}}},
          elimination);
    }),
            "too-large", 4);
  }
}

TEST_CASE("dependence at a point and on an open set is computed, not believed") {
  const Genuine g("counterexamples/bent-and-dependent");
  rejects(g.forge([](json&, json& p) {
    json& v = p["proofs"][0]["v"][1];
    v = v.is_string() ? json("1") : json(v.get<long>() + 1);
  }),
          "not-a-kernel-vector");
  rejects(g.forge([](json&, json& p) {
    for (json& v : p["proofs"][0]["v"]) v = 0;
  }),
          "zero-vector");
  rejects(g.forge([](json&, json& p) { p["proofs"][0]["v"].erase(0); }), "unexpected", 4);
  rejects(g.forge([](json& c, json&) {
    c["claims"][0]["parameters"]["dense1"]["bias"] = {{"fill", 1}};
  }),
          "not-a-kernel-vector");
  rejects(g.forge([](json&, json& p) {
    p["proofs"][0] = json{{"rule", "equal-rows"}, {"samples", {0, 1}}};
  }),
          "rows-differ");
  rejects(g.forge([](json&, json& p) { p["proofs"][0] = json{{"rule", "width"}}; }), "width");
  rejects(g.forge([](json&, json& p) { p["proofs"][0] = json{{"rule", "affine-dimension"}}; }), "dimension");

  rejects(g.forge([](json&, json& p) { p["proofs"][0] = json{{"rule", "units-without-kinks"}}; }), "dimension");

  const Genuine linear("counterexamples/one-linear-piece");
  REQUIRE(linear.certificate()["proofs"][0]["rule"] == "units-without-kinks");
  rejects(linear.forge([](json& c, json&) { c["network"]["nodes"][1]["function"] = "softplus"; }), "dimension");
  rejects(linear.forge([](json& c, json&) { c["claims"][0]["node"] = "dense1"; }), "layer-kind");
  // ELU is the identity there too.
  rejects(linear.forge([](json& c, json&) { c["network"]["nodes"][1]["function"] = "elu"; }), "", 0);

  const Genuine few("counterexamples/few-patch-contents");
  rejects(few.forge([](json& c, json&) { c["data"]["samples"][0][0] = 7; }), "dimension");
  rejects(few.forge([](json& c, json&) { c["network"]["nodes"][0]["filters"] = 5; }), "dimension");

  const Genuine box("counterexamples/open-set-leaky-relu");
  rejects(box.forge([](json& c, json&) { c["claims"][0]["radius"] = 0; }), "radius");
  rejects(box.forge([](json& c, json&) { c["claims"][0]["radius"] = 1; }), "dimension");
  rejects(box.forge([](json& c, json&) { c["claims"][0]["centre"]["dense1"]["bias"] = {{"fill", 0}}; }), "dimension");
  // The negative side of ELU is not affine.
  const Genuine elu("counterexamples/open-set-elu");
  rejects(elu.forge([](json& c, json&) { c["claims"][0]["centre"]["dense1"]["bias"] = {{"fill", -1}}; }), "dimension");
  rejects(elu.forge([](json& c, json&) { c["network"]["nodes"][1]["function"] = "sigmoid"; }), "dimension");
}

TEST_CASE("untied biases keep their side conditions") {
  const Genuine g("digits/max-pooling");
  REQUIRE(g.certificate()["proofs"][0]["rule"] == "translates");
  const auto node = [](json& c, int at) -> json& { return c["network"]["nodes"][at]; };
  const auto function = [&](json& c, int at, const char* name) {
    json changed{{"name", node(c, at)["name"]}, {"op", "activation"}, {"function", name}};
    node(c, at) = changed;
  };
  SECTION("the claimed layer") {
    rejects(g.forge([&](json& c, json&) { node(c, 5)["bias"] = "channel"; }), "free-biases");
    rejects(g.forge([&](json& c, json&) { node(c, 5)["bias"] = "none"; }), "free-biases");
    rejects(g.forge([&](json& c, json&) { node(c, 5)["frozen-bias"] = {{"fill", 1}}; }), "free-biases");
    rejects(g.forge([&](json& c, json&) { node(c, 5)["frozen-weights"] = {{"fill", 1}}; }), "frozen");
    rejects(g.forge([&](json& c, json&) { function(c, 6, "identity"); }), "activation");
    for (const char* name : {"relu", "elu", "step", "half-step", "sign"}) {
      rejects(g.forge([&](json& c, json&) { function(c, 6, name); }), "not-analytic");
    }
    rejects(g.forge([](json& c, json&) { c["claims"][0]["rank"] = 1798; }), "rank");
    rejects(g.forge([](json& c, json&) { c["claims"][0]["node"] = "pool3"; }), "rank");
    rejects(g.forge([](json& c, json&) { c["claims"][0]["node"] = "conv4"; }), "layer-kind");
    rejects(g.forge([](json&, json& p) { p["proofs"][0]["rule"] = "relu-limit"; }), "not-analytic");
    // Some parameter is less than almost every one: true, and provable for elu; not without width.
    const auto somewhere = [](json& c) {
      c["claims"][0]["kind"] = "independent-somewhere";
      c["claims"][0].erase("rank");
    };
    rejects(g.forge([&](json& c, json&) {
      somewhere(c);
      function(c, 6, "elu");
    }),
            "", 0);
    rejects(g.forge([&](json& c, json&) {
      somewhere(c);
      node(c, 5)["filters"] = 100;
    }),
            "width");
  }
  SECTION("below it") {
    for (const char* name : {"relu", "step", "half-step", "sign"}) {
      rejects(g.forge([&](json& c, json&) { function(c, 1, name); }), "activation");
    }
    rejects(g.forge([&](json& c, json&) { node(c, 1)["slope"] = "-1/100"; }), "activation");
    // silu is not injective: it needs a free bias before it.
    rejects(g.forge([&](json& c, json&) { node(c, 2)["bias"] = "none"; }), "activation");
    rejects(g.forge([&](json& c, json&) { node(c, 2)["frozen-bias"] = {{"fill", 1}}; }), "activation");
    rejects(g.forge([&](json& c, json&) { node(c, 0)["frozen-weights"] = {{"fill", 1}}; }), "frozen");
    rejects(g.forge([&](json& c, json&) { node(c, 4)["op"] = "avgpool2d"; }), "layer-kind");
    rejects(g.forge([](json& c, json&) {
      auto& nodes = c["network"]["nodes"];
      nodes.insert(nodes.begin(), json{{"name", "pool0"}, {"op", "maxpool2d"}, {"size", {1, 1}}});
    }),
            "layer-kind");
    // Windows in the padding altogether see the same zeros on every sample: in the claimed layer, and
    // below it whatever its biases.
    const auto blank = [&](json& c, int at) {
      node(c, at)["size"] = {1, 1};
      node(c, at)["padding"] = {4, 0, 0, 0};
    };
    rejects(g.forge([&](json& c, json&) { blank(c, 5); }), "not-separated");
    rejects(g.forge([&](json& c, json&) { blank(c, 2); }), "not-separated");
    rejects(g.forge([&](json& c, json&) {
      blank(c, 2);
      node(c, 2)["bias"] = "neuron";
    }),
            "not-separated");
    rejects(g.forge([&](json& c, json&) { blank(c, 0); }), "not-separated");
    // Wide enough a window, and padding leaves the corners no common position with the centre.
    rejects(g.forge([&](json& c, json&) {
      node(c, 2)["size"] = {17, 17};
      node(c, 2)["padding"] = {8, 16, 8, 16};
    }),
            "not-separated");
  }
  SECTION("the data: without noise, digits share patches") {
    rejects(g.forge([](json& c, json&) { c["data"].erase("noise"); }), "patches-collide");
  }
}

TEST_CASE("below a max pooling tied biases need more than different patches at one place") {
  // At each place the samples differ; the value 3 occurs at two places.
  const Genuine g("small/max-pooling-untied");
  const auto tie = [](json& c) { c["network"]["nodes"][0]["bias"] = "channel"; };
  rejects(g.forge([&](json& c, json&) { tie(c); }), "", 0);
  rejects(g.forge([&](json& c, json&) {
    tie(c);
    c["data"]["samples"] = {{0, 3}, {3, 2}};
  }),
          "patches-collide");
  rejects(g.forge([&](json& c, json&) { c["data"]["samples"] = {{0, 3}, {3, 2}}; }), "", 0);
  rejects(g.forge([&](json& c, json&) { c["data"]["samples"] = {{0, 3}, {0, 2}}; }), "patches-collide");
}

TEST_CASE("the rank of trained weights is that of these weights") {
  const Genuine g("digits/trained");
  const auto file = [](json& c, const char* tensor) -> json& {
    return c["claims"][0]["parameters"]["conv1"][tensor]["npy"];
  };
  REQUIRE(file(const_cast<json&>(g.claim()), "weights")["path"] == "../cases/digits/data/trained.npz");
  SECTION("another array, another reading of it") {
    rejects(g.forge([&](json& c, json&) {
      file(c, "weights")["axes"] = {0, 3, 2, 1};  // filters turned over
    }),
            "matrix-digest");
    rejects(g.forge([&](json& c, json&) { file(c, "weights").erase("axes"); }), "shape", 4);
    rejects(g.forge([&](json& c, json&) { file(c, "weights")["flatten"] = "channels-first"; }), "shape", 4);
    rejects(g.forge([&](json& c, json&) { file(c, "weights")["flatten"] = "rows"; }), "unexpected", 4);
    rejects(g.forge([&](json& c, json&) { file(c, "weights")["axes"] = {0, 1, 2, 2}; }), "shape", 4);
    rejects(g.forge([&](json& c, json&) { file(c, "weights")["axes"] = {0, 2, 3}; }), "shape", 4);
    rejects(g.forge([&](json& c, json&) { file(c, "weights")["axes"] = {1, 0, 2, 3}; }), "shape", 4);
    rejects(g.forge([&](json& c, json&) { file(c, "weights")["member"] = "dense2.weight"; }), "shape", 4);
    rejects(g.forge([&](json& c, json&) { file(c, "bias")["member"] = "dense2.bias"; }), "data-digest");
    rejects(g.forge([&](json& c, json&) { file(c, "bias")["member"] = "conv1"; }), "data", 4);
    rejects(g.forge([&](json& c, json&) { file(c, "bias").erase("member"); }), "data", 4);
    rejects(g.forge([&](json& c, json&) { file(c, "bias")["path"] = "absent.npz"; }), "no-data", 4);
    rejects(g.forge([&](json& c, json&) { file(c, "bias")["path"] = "../cases"; }), "no-data", 4);
    rejects(g.forge([&](json& c, json&) { file(c, "bias")["path"] = "/etc/passwd"; }), "unexpected", 4);
    rejects(g.forge([&](json& c, json&) {
      std::string digest = file(c, "bias")["sha256"];
      change_digit(digest, 0);
      file(c, "bias")["sha256"] = digest;
    }),
            "data-digest");
    rejects(g.forge([&](json& c, json&) { file(c, "bias").erase("sha256"); }), "missing-key", 4);
    rejects(g.forge([](json& c, json&) { c["claims"][0]["node"] = "dense2"; }), "rank");
  }
  SECTION("a damaged archive: single bytes and every kind of length") {
    const std::string path = g.folder() + "/cases/digits/data/trained.npz";
    const std::string bytes = slurp(path);
    for (std::size_t at = 0; at < bytes.size(); at += 4999) {
      std::string damaged = bytes;
      damaged[at] = static_cast<char>(damaged[at] ^ 0x55);
      std::ofstream(path, std::ios::binary) << damaged;
      const Verdict verdict = g.forge([](json&, json&) {});
      INFO("byte " << at << ": " << verdict.reason);
      // Bytes of dense2 and of names that nobody reads do not matter.
      CHECK((verdict.exit == 4 || verdict.exit == 5 || verdict.exit == 0));
      if (verdict.exit == 0) CHECK(at > 1500);
    }
    for (std::size_t size = 0; size < bytes.size(); size += 9973) {
      std::ofstream(path, std::ios::binary) << bytes.substr(0, size);
      CHECK(g.forge([](json&, json&) {}).exit == 4);
    }
  }
}

TEST_CASE("an array means what NumPy reads, or nothing") {
  const std::string folder = scratch("npy-header");
  const auto file = [&](const std::string& header, std::size_t payload) {
    std::string text = header + "\n", out("\x93NUMPY\x01\0", 8);
    out += static_cast<char>(text.size() & 255);
    out += static_cast<char>(text.size() >> 8);
    out += text;
    for (std::size_t k = 0; k < payload; ++k) out += static_cast<char>(k % 8 == 0 ? k / 8 + 1 : 0);
    std::ofstream(folder + "/x.npy", std::ios::binary) << out;
    return run("sha256sum " + folder + "/x.npy").output.substr(0, 64);
  };
  const std::string good = "{'descr': '<i8', 'fortran_order': False, 'shape': (4, 1), }";
  file(good, 32);
  REQUIRE(
      run(programs() + "/widecert init " + folder + "/x.npy --layers 'dense:4 sigmoid' -o " + folder + "/x.case.json")
          .exit == 0);
  REQUIRE(run(programs() + "/widecert prove " + folder + "/x.case.json -o " + folder).exit == 0);
  const json claim = json::parse(slurp(folder + "/x.claim.json"));
  const json certificate = json::parse(slurp(folder + "/x.cert.json"));
  const auto check = [&](const std::string& header, std::size_t payload) {
    json c = claim, p = certificate;
    c["data"]["sha256"] = file(header, payload);
    std::ofstream(folder + "/x.claim.json") << c.dump();
    p["claim_sha256"] = run("sha256sum " + folder + "/x.claim.json").output.substr(0, 64);
    std::ofstream(folder + "/x.cert.json") << p.dump();
    return run(programs() + "/widecheck " + folder + "/x.claim.json").exit;
  };
  CHECK(check(good, 32) == 0);
  CHECK(check("{'shape': (4,1), 'descr': '<i8', 'fortran_order': True}      ", 32) == 0);
  for (const char* header :
       {"{\"descr\": '<i4', \"fortran_order\": False, \"shape\": (4,2)} #{'descr': '<i8', "
        "'fortran_order': True, 'shape': (4,1)}",
        "{'descr': '<i8', \"descr\": '<i4', 'fortran_order': False, 'shape': (4,1), \"shape\": (4,2)}",
        "{'descr': '<i8', 'descr': '<i8', 'fortran_order': False, 'shape': (4,1)}",
        "{'descr': '<i8', 'fortran_order': False, 'shape': (04,1)}",
        "{'descr': '<i8', 'fortran_order': False, 'shape': (4,1)[::-1]}",
        "{'descr': '<i8', 'fortran_order': False, 'shape': [4,1]}",
        "{'descr': '<i8', 'fortran_order': False, 'shape': (4,1)}x",
        "'descr': '<i8', 'fortran_order': False, 'shape': (4,1)}",
        "{'descr': '<i8', 'fortran_order': False, 'shape': (4,1)",
        "{'descr': '<i8', 'fortran_order': False, 'shape': (4,1), 'more': 1}"}) {
    INFO(header);
    CHECK(check(header, 32) == 4);
  }
  // A header that promises 3 GB costs neither that memory nor time.
  CHECK(check("{'descr': '<f8', 'fortran_order': True, 'shape': (400000000, 1), }", 32) == 4);
  fs::remove_all(folder);
}

TEST_CASE("data as a NumPy file: C and Fortran order mean the same") {
  const std::string folder = scratch("numpy");
  // 3 samples of shape 2 x 2, sample i being 10 i + (1, 2, 3, 4).
  const auto npy = [](bool fortran) {
    std::string header =
        std::string("{'descr': '<i2', 'fortran_order': ") + (fortran ? "True" : "False") + ", 'shape': (3, 2, 2), }\n";
    std::string out("\x93NUMPY\x01\0", 8);
    out += static_cast<char>(header.size());
    out += '\0';
    out += header;
    for (int k = 0; k < 12; ++k) {
      const int i = fortran ? k % 3 : k / 4, y = fortran ? k / 3 % 2 : k / 2 % 2, x = fortran ? k / 6 : k % 2;
      out += static_cast<char>(10 * i * i + 2 * y + x + 1);
      out += '\0';
    }
    return out;
  };
  std::ofstream(folder + "/c.npy", std::ios::binary) << npy(false);
  std::ofstream(folder + "/f.npy", std::ios::binary) << npy(true);
  for (const char* name : {"c", "f"}) {
    INFO(name);
    const Ran init = run(programs() + "/widecert init " + folder + "/" + name + ".npy --layers 'dense:3 sigmoid' -o " +
                         folder + "/" + name + ".case.json");
    CHECK(init.exit == 0);
    const Ran ran = run(programs() + "/widecert prove " + folder + "/" + name + ".case.json -o " + folder + "/out");
    INFO(ran.output);
    CHECK(ran.exit == 0);
  }
  // The same samples: the certificate of one serves the other, but for the name of the file.
  json claims[2];
  for (int k = 0; k < 2; ++k) {
    claims[k] = json::parse(slurp(folder + "/out/" + (k == 0 ? "c" : "f") + ".claim.json"));
    claims[k]["data"].erase("path");
    claims[k]["data"].erase("sha256");
  }
  CHECK(claims[0] == claims[1]);
  fs::remove_all(folder);
}

TEST_CASE("the files of two frameworks state the same about one network, and another order is another network") {
  const Genuine torch("layouts/torch"), keras("layouts/keras"), flat("layouts/torch-flat"),
      words("layouts/torch-words");
  const auto statement = [](const Genuine& g) { return g.claim()["claims"][0]["smallest"]; };
  CHECK(statement(torch) == statement(keras));
  CHECK(statement(torch) == statement(flat));
  CHECK(torch.claim() == words.claim());

  // A case that does not say the order proves nothing.
  const auto ask = [](const std::string& name, const std::string& from, const std::string& to) {
    std::string text = slurp(cases() + "/layouts/" + name + ".case.json");
    const auto at = text.find(from);
    REQUIRE(at != std::string::npos);
    text.replace(at, from.size(), to);
    const std::string folder = scratch("layouts");
    for (const char* file : {"torch.npz", "keras.npz"}) fs::copy(cases() + "/layouts/" + file, folder);
    spill(folder + "/a.case.json", text);
    return run(programs() + "/widecert prove " + folder + "/a -o " + folder + "/out");
  };
  const auto refuses = [&](const std::string& name, const std::string& from, const std::string& to,
                           const std::string& what) {
    const Ran ran = ask(name, from, to);
    INFO(ran.output);
    CHECK(ran.exit == 4);
    CHECK_THAT(ran.output, Contains(what));
  };
  const std::string axes = ", \"axes\": [0, 2, 3, 1]";
  refuses("torch", "\"conv.weight\"" + axes, "\"conv.weight\"", "PyTorch keeps a 2-D convolution");
  refuses("torch", ", \"flatten\": \"channels-first\"", "", "\"flatten\": \"channels-first\" if it was flattened");
  refuses("torch-flat", ", \"flatten\": \"channels-first\"", "", "two orders are possible");
  refuses("torch", "\"images\"" + axes, "\"images\", \"axes\": [0, 1, 2, 3]", "2 x 5 x 5");
  refuses("keras", ", \"axes\": [3, 0, 1, 2]", ", \"axes\": [0, 1, 2, 3]", "the 3 filters");
  refuses("torch-words", "\"channels-first\"", "\"torch\"", "channels-last");
  refuses("torch-words", "\"order\": \"torch\"", "\"order\": \"keras\"", "the 3 filters");
  refuses("torch-words", "\"order\": \"torch\"", "\"order\": \"torch\", \"axes\": [0, 2, 3, 1]", "it stands for both");
  // Samples of 2 x 5 x 5 fit 5 x 5 x 2 in one way only, and the output says which.
  const Ran only = ask("torch", "\"images\"" + axes, "\"images\"");
  CHECK(only.exit == 0);
  CHECK_THAT(only.output, Contains("torch.npz[images], axes [0, 2, 3, 1], samples 1 to 6, x = v / 256"));
  CHECK_THAT(only.output, Contains("torch.npz[fc.weight], one row for each filter, rows flattened channels-first"));

  const auto tensor = [](json& claim, const char* layer) -> json& {
    return claim["claims"][0]["parameters"][layer]["weights"]["npy"];
  };
  // Its singular values are others.
  const auto another_network = [](const Verdict& verdict) {
    INFO(verdict.reason);
    CHECK((verdict.reason == "smallest" || verdict.reason == "largest"));
    CHECK(verdict.exit == 5);
  };
  rejects(torch.forge([&](json& c, json&) { tensor(c, "conv").erase("axes"); }), "shape", 4);
  another_network(torch.forge([&](json& c, json&) { tensor(c, "conv")["axes"] = {0, 1, 2, 3}; }));
  rejects(torch.forge([&](json& c, json&) { tensor(c, "dense").erase("flatten"); }), "shape", 4);
  another_network(torch.forge([&](json& c, json&) { tensor(c, "dense")["flatten"] = "channels-last"; }));
  rejects(torch.forge([&](json& c, json&) { tensor(c, "dense")["flatten"] = "rows"; }), "unexpected", 4);
  rejects(torch.forge([&](json& c, json&) { c["data"].erase("axes"); }), "shape", 4);
  another_network(torch.forge([&](json& c, json&) { c["data"]["axes"] = {0, 3, 2, 1}; }));  // turned over
  rejects(torch.forge([&](json& c, json&) { c["data"]["axes"] = {0, 1, 2, 3}; }), "shape", 4);
  rejects(torch.forge([&](json& c, json&) { c["data"]["axes"] = {0, 2, 3}; }), "shape", 4);
  rejects(torch.forge([&](json& c, json&) { c["data"]["flatten"] = "channels-first"; }), "shape", 4);
  // One channel, where extents of 1 would hide that images or windows are turned over.
  const Genuine grey("imported/lenet");
  for (const auto& axes : {json{0, 2, 1, 3}, json{0, 1, 2, 3}}) {
    rejects(grey.forge([&](json& c, json&) { c["data"]["axes"] = axes; }), "shape", 4);
    rejects(grey.forge([&](json& c, json&) { tensor(c, "conv1")["axes"] = axes; }), "shape", 4);
  }
  rejects(flat.forge([&](json& c, json&) { c["data"].erase("flatten"); }), "shape", 4);
  another_network(flat.forge([&](json& c, json&) { c["data"]["flatten"] = "channels-last"; }));
}

TEST_CASE("forged reshapes: another order, other extents, numbers for channels sold as numbers for neurons") {
  const Genuine g("small/reshape");
  const auto with = [&](std::size_t node, const json& keys) {
    return g.forge([&](json& c, json&) { c["network"]["nodes"][node].update(keys); });
  };
  rejects(with(2, {{"order", "channels-last"}}), "rank");
  rejects(with(2, {{"shape", {3, 2, 2}}}), "rank");
  rejects(with(3, {{"shift", {{"rows", {{0, 1, 2, 4, 4, 5, 6, 7, 8, 9, 10, 11}}}}}}), "largest");
  rejects(with(2, {{"shape", {2, 3, 3}}}), "shape", 4);
  rejects(with(2, {{"shape", {0, 3, 2}}}), "shape", 4);
  rejects(with(2, {{"shape", {134217728, 134217728, 134217728}}}), "shape", 4);
  rejects(with(2, {{"shape", {2, 3, 2, 1}}}), "unexpected", 4);
  rejects(with(2, {{"shape", json::array()}}), "unexpected", 4);
  rejects(with(2, {{"order", "rows"}}), "unexpected", 4);
  rejects(with(2, {{"patches", {{0}}}}), "unknown-key", 4);
  rejects(g.forge([](json& c, json&) { c["network"]["nodes"][2].erase("order"); }), "missing-key", 4);
  rejects(with(3, {{"per", "channel"}}), "shape", 4);
  rejects(with(3, {{"per", "place"}}), "unexpected", 4);
  rejects(with(3, {{"scale", {{"rows", {{1, 1}}}}}}), "shape", 4);
}
