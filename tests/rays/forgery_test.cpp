// Certificates forged to look right. Each is rejected, and for the reason it deserves: a fixture
// that fails for another reason tests nothing.
#include "../genuine.h"

using namespace widecert::test;

TEST_CASE("forged rays on eight samples") {
  const Genuine g("small/relu-dense");
  const auto family = [](json& claim) -> json& { return claim["claims"][0]["family"]["dense1"]; };

  SECTION("a changed weight") {
    rejects(g.forge([&](json& c, json&) { family(c)["slope"]["weights"]["seeded"]["seed"] = 2; }), "diagonal");
  }
  SECTION("a changed bias") {
    rejects(g.forge([&](json& c, json&) { family(c)["slope"]["bias"]["rows"][0][3] = 626; }), "diagonal");
  }
  SECTION("a changed gap") {
    rejects(g.forge([](json&, json& p) { p["proofs"][0]["delta"] = 1000; }), "gap");
    rejects(g.forge([](json&, json& p) { p["proofs"][0]["delta"] = "167/2"; }), "gap");
    rejects(g.forge([](json&, json& p) { p["proofs"][0]["delta"] = 0; }), "gap");
    rejects(g.forge([](json&, json& p) { p["proofs"][0]["delta"] = -5; }), "gap");
  }
  SECTION("alpha below alpha_0, and just at it") {
    rejects(g.forge([](json& c, json&) { c["claims"][0]["alpha_0"] = "2/166"; }), "unexpected",
            4);  // not in lowest terms
    rejects(g.forge([](json& c, json&) { c["claims"][0]["alpha_0"] = "1/83"; }), "threshold");
    rejects(g.forge([](json& c, json&) { c["claims"][0]["alpha_0"] = "2/165"; }), "", 0);
    rejects(g.forge([](json& c, json&) { c["claims"][0]["alpha_0"] = 0; }), "threshold");
    rejects(g.forge([](json& c, json&) { c["claims"][0]["alpha_0"] = -1; }), "threshold");
  }
  SECTION("a changed sample") {
    rejects(g.forge([](json& c, json&) { c["data"]["samples"][4][1] = 3; }), "gap");
  }
  SECTION("a duplicated sample in place of another") {
    const Verdict v = g.forge([](json& c, json&) { c["data"]["samples"][4] = c["data"]["samples"][5]; });
    CHECK(v.exit == 5);
  }
  SECTION("the order: swapped, repeated, short, out of range") {
    rejects(g.forge([](json&, json& p) { std::swap(p["proofs"][0]["order"][0], p["proofs"][0]["order"][1]); }), "gap");
    rejects(g.forge([](json&, json& p) { p["proofs"][0]["order"][0] = p["proofs"][0]["order"][1]; }), "order");
    rejects(g.forge([](json&, json& p) { p["proofs"][0]["order"].erase(0); }), "order");
    rejects(g.forge([](json&, json& p) { p["proofs"][0]["order"][0] = 8; }), "unexpected", 4);
  }
  SECTION("the wrong layer and the wrong activation") {
    rejects(g.forge([](json& c, json&) { c["claims"][0]["node"] = "dense1"; }), "layer-kind");
    rejects(g.forge([](json& c, json&) { c["claims"][0]["node"] = "relu2"; }), "no-such-node", 4);
    for (const char* f : {"sigmoid", "tanh", "identity", "elu", "step", "softplus"}) {
      INFO(f);
      rejects(g.forge([&](json& c, json&) { c["network"]["nodes"][1]["function"] = f; }), "activation");
    }
    // Triangular as well, from a larger alpha on.
    rejects(g.forge([&](json& c, json&) { c["network"]["nodes"][1]["function"] = "hard-swish"; }), "threshold");
    rejects(g.forge([&](json& c, json&) {
      c["network"]["nodes"][1]["function"] = "hard-swish";
      c["claims"][0]["alpha_0"] = "7/165";
    }),
            "threshold");
    rejects(g.forge([&](json& c, json& p) {
      c["network"]["nodes"][1]["function"] = "hard-swish";
      c["claims"][0]["alpha_0"] = p["proofs"][3]["alpha_0"] = "8/165";
    }),
            "", 0);
    rejects(g.forge([&](json& c, json&) {
      c["network"]["nodes"][1] = {
          {"name", "relu1"}, {"op", "activation"}, {"function", "leaky-relu"}, {"slope", "1/1000000"}};
    }),
            "activation");
  }
  SECTION("a claim about another architecture") {
    // One neuron fewer: the tensors no longer fit; one bias for all: likewise.
    rejects(g.forge([](json& c, json&) { c["network"]["nodes"][0]["filters"] = 7; }), "shape", 4);
    rejects(g.forge([&](json& c, json& p) {
      c["network"]["nodes"][0]["filters"] = 7;
      family(c)["slope"]["bias"]["rows"][0].erase(7);
      c["claims"] = json::array({c["claims"][0]});
      p["proofs"] = json::array({p["proofs"][0]});
    }),
            "width");
    rejects(g.forge([](json& c, json&) { c["network"]["nodes"][0]["bias"] = "none"; }), "beta");
    // A key that nobody asks for, deep in what is proved otherwise.
    rejects(g.forge([&](json& c, json&) { family(c)["slope"]["gain"] = {{"fill", 1}}; }), "unknown-key", 4);
    rejects(g.forge([](json& c, json&) { c["network"]["nodes"][0]["frozen-bias"] = {{"fill", 0}}; }), "frozen");
  }
  SECTION("a family that moves or omits other things") {
    rejects(g.forge([&](json& c, json&) { family(c)["constant"]["weights"]["fill"] = 1; }), "constant-weights");
    rejects(g.forge([&](json& c, json&) { family(c)["constant"]["bias"]["fill"] = 0; }), "beta");
    rejects(g.forge([&](json& c, json&) {
      family(c)["constant"]["bias"] = {{"rows", {{1, 1, 1, 1, 2, 1, 1, 1}}}};
    }),
            "beta");
    rejects(g.forge([&](json& c, json&) { c["claims"][0]["family"]["relu1"] = family(c); }), "other-layers");
    rejects(g.forge([&](json& c, json&) { c["claims"][0]["family"] = json::object(); }), "other-layers");
  }
  SECTION("rules that prove something else") {
    rejects(g.forge([](json&, json& p) { p["proofs"][0] = p["proofs"][1]; }), "wrong-rule");
    rejects(g.forge([](json&, json& p) { p["proofs"][0]["rule"] = "trust-me"; }), "wrong-rule");
    rejects(g.forge([](json&, json& p) { p["proofs"][0]["rule"] = "h-matrix-ray"; }), "activation");
    rejects(g.forge([](json& c, json&) { c["claims"][0]["kind"] = "affinely-independent-on-ray"; }), "wrong-rule");
    rejects(g.forge([](json& c, json&) { c["claims"][0]["kind"] = "independent-now-and-then"; }), "unexpected", 4);
  }
  SECTION("never-independent where it is false") {
    const auto claim_never = [](json& c) { c["claims"][0] = {{"kind", "never-independent"}, {"node", "relu1"}}; };
    rejects(g.forge([&](json& c, json& p) {
      claim_never(c);
      p["proofs"][0] = {{"rule", "width"}};
    }),
            "width");
    rejects(g.forge([&](json& c, json& p) {
      claim_never(c);
      p["proofs"][0] = {{"rule", "equal-samples"}, {"samples", {0, 1}}};
    }),
            "samples-differ");
    rejects(g.forge([&](json& c, json& p) {
      claim_never(c);
      p["proofs"][0] = {{"rule", "equal-samples"}, {"samples", {1, 1}}};
    }),
            "same-sample");
    rejects(g.forge([&](json& c, json& p) {
      claim_never(c);
      p["proofs"][0] = {{"rule", "equal-columns"}};
    }),
            "free-biases");
  }
  SECTION("collisions and violations that are not there") {
    rejects(g.forge([](json& c, json& p) {
      c["claims"][0] = {{"kind", "patches-collide"}, {"node", "dense1"}, {"first", {0, 0}}, {"second", {1, 0}}};
      p["proofs"][0] = {{"rule", "comparison"}};
    }),
            "patches-differ");
    rejects(g.forge([](json& c, json& p) {
      c["claims"][0] = {{"kind", "patches-collide"}, {"node", "dense1"}, {"first", {1, 0}}, {"second", {1, 0}}};
      p["proofs"][0] = {{"rule", "comparison"}};
    }),
            "same-sample");
    rejects(g.forge([](json& c, json& p) {
      c["claims"][0] = {{"kind", "activation-violates"}, {"node", "relu1"}, {"assumption", "3.2"}};
      p["proofs"][0] = {{"rule", "activation-table"}};
    }),
            "activation");
  }
  SECTION("the modular rank: a composite, a small and a zero prime, rank-deficient filters") {
    rejects(g.forge([](json&, json& p) { p["proofs"][2]["prime"] = 2147483645; }), "not-a-prime");
    rejects(g.forge([](json&, json& p) { p["proofs"][2]["prime"] = 0; }), "not-a-prime");
    rejects(g.forge([](json&, json& p) { p["proofs"][2]["prime"] = 4294967311; }), "unexpected", 4);
    rejects(g.forge([](json& c, json&) { c["claims"][2]["weights"] = {{"fill", 1}}; }), "rank");
    rejects(g.forge([](json& c, json& p) {
      c["claims"][2]["weights"] = {{"fill", "1/7"}};
      p["proofs"][2]["prime"] = 7;
    }),
            "denominator");
  }
}

TEST_CASE("files that are broken, padded, absurd or about something else") {
  const Genuine g("small/relu-dense");
  const std::string claim = slurp(g.claim_path()), certificate = slurp(g.certificate_path());

  rejects(g.write(g.claim().dump() + " ", g.certificate(), false), "other-claim");
  rejects(g.raw(claim.substr(0, claim.size() / 2), certificate), "not-json", 4);
  rejects(g.raw(claim, certificate.substr(0, certificate.size() - 3)), "not-json", 4);
  rejects(g.raw(claim + "{}", certificate), "not-json", 4);
  rejects(g.raw(claim, certificate + "x"), "not-json", 4);
  rejects(g.raw(claim, ""), "not-json", 4);
  rejects(g.raw(claim, "null"), "unexpected", 4);
  rejects(g.raw(claim, std::string(1'000'000, '[')), "too-deep", 4);
  rejects(g.raw(claim, "{\"format\": 1, \"format\": 2}"), "duplicate-key", 4);
  rejects(g.raw(claim, "{\"a\": 0.5}"), "number", 4);
  rejects(g.raw(claim, "{\"a\": \"" + std::string(1'000'000, '7') + "\"}"), "too-long", 4);
  rejects(g.raw(claim, "{\"a\": " + std::string(1'000'000, '7') + "}"), "not-json", 4);

  rejects(g.forge([](json& c, json&) { c["claims"] = json::array(); }), "no-claims", 4);
  rejects(g.forge([](json&, json& p) { p["proofs"].erase(0); }), "proofs");
  rejects(g.forge([](json&, json& p) { p["proofs"].push_back({{"rule", "width"}}); }), "proofs");
  rejects(g.forge([](json& c, json&) { c["version"] = 2; }), "unexpected", 4);
  rejects(g.forge([](json&, json& p) { p["format"] = "widecert-claim"; }), "unexpected", 4);
  rejects(g.forge([](json& c, json&) { c["comment"] = "hello"; }), "unknown-key", 4);
  rejects(g.forge([](json& c, json&) { c["claims"][0]["weights"] = 1; }), "unknown-key", 4);
  rejects(g.forge([](json&, json& p) { p["proofs"][0]["trusted"] = true; }), "unknown-key", 4);
  rejects(g.forge([](json& c, json&) { c["network"]["nodes"][0]["filters"] = 1 << 30; }), "unexpected", 4);
  rejects(g.forge([](json& c, json&) { c["network"]["nodes"][0]["filters"] = (1 << 27) + 1; }), "unexpected", 4);
  rejects(g.forge([](json& c, json&) { c["network"]["nodes"][0]["filters"] = 1 << 26; }), "too-large", 4);
  rejects(g.forge([](json& c, json&) { c["network"]["input"]["shape"] = {0}; }), "shape", 4);
  rejects(g.forge([](json& c, json&) { c["data"]["count"] = 9; }), "data", 4);
  rejects(g.forge([](json& c, json&) { c["data"]["count"] = 0; }), "unexpected", 4);
  rejects(g.forge([](json& c, json&) { c["data"]["samples"][0].push_back(1); }), "unexpected", 4);
  rejects(g.forge([](json& c, json&) { c["data"]["divide"] = 0; }), "unexpected", 4);
  rejects(g.forge([](json& c, json&) {
    c["data"] = {{"format", "idx"}, {"path", "/etc/passwd"}, {"sha256", ""}, {"count", 8}};
  }),
          "unexpected", 4);
  // The genuine files are still accepted.
  rejects(g.raw(claim, certificate), "", 0);
  // What is refused has no grade.
  g.raw("{", "{}");
  CHECK(run(programs() + "/widecheck " + g.claim_path()).output.find("unconditional") == std::string::npos);
}

TEST_CASE("forgeries on the digits: a data byte, noise, scale, layers") {
  const Genuine g("digits/relu");
  const std::string data = g.folder() + "/cases/digits/data/images-idx3-ubyte.gz";
  const auto family = [](json& claim) -> json& { return claim["claims"][0]["family"]["conv1"]; };

  SECTION("one changed byte of the data file") {
    // The last pixel of the last image; the file stays a valid IDX.
    run("gzip -dc " + data + " > " + g.folder() + "/raw && printf '\\017' | dd of=" + g.folder() +
        "/raw bs=1 seek=$(($(stat -c %s " + g.folder() + "/raw) - 1)) conv=notrunc && gzip -c " + g.folder() +
        "/raw > " + data);
    const Verdict v = g.check();
    CHECK(v.exit == 5);
    // Either some inequality fails on the way or the digest does at the end.
    CHECK((v.reason == "data-digest" || v.reason == "gap" || v.reason == "diagonal"));
  }
  SECTION("a changed byte behind a claim that does not notice it otherwise") {
    rejects(g.forge([](json& c, json&) { c["data"]["sha256"] = std::string(64, '0'); }), "data-digest");
  }
  SECTION("other noise, other scale, other samples") {
    rejects(g.forge([](json& c, json&) { c["data"]["noise"]["seed"] = 2; }), "diagonal");
    rejects(g.forge([](json& c, json&) { c["data"]["divide"] = 255; }), "diagonal");
    CHECK(g.forge([](json& c, json&) { c["data"].erase("noise"); }).exit == 5);
    rejects(g.forge([](json& c, json&) { c["data"]["count"] = 1798; }), "data", 4);
    rejects(g.forge([](json& c, json&) { c["data"]["count"] = 1796; }), "order");
  }
  SECTION("another convolution") {
    rejects(g.forge([](json& c, json&) { c["network"]["nodes"][0]["padding"] = "same"; }), "shape", 4);
    rejects(g.forge([](json& c, json&) {
      c["network"]["input"]["shape"] = {4, 16, 1};
      c["network"]["nodes"][0]["size"] = {1, 9};
    }),
            "shape", 4);
  }
  SECTION("a swapped pair of biases and a weight") {
    rejects(g.forge([&](json& c, json&) {
      auto& row = family(c)["slope"]["bias"]["rows"][0];
      std::swap(row[10], row[11]);
    }),
            "gap");
    CHECK(g.forge([&](json& c, json&) { family(c)["slope"]["weights"]["seeded"]["high"] = 1001; }).exit == 5);
  }
}

TEST_CASE("forgeries below a pooling layer") {
  const Genuine g("digits/two-conv-relu");
  rejects(g.forge([](json& c, json&) { c["claims"][0]["family"]["conv1"]["slope"]["weights"]["fill"] = 1; }),
          "moving-layer");
  rejects(g.forge([](json& c, json&) { c["claims"][0]["family"]["conv1"]["slope"]["bias"]["fill"] = 1; }),
          "moving-layer");
  rejects(
      g.forge([](json& c, json&) { std::swap(c["claims"][0]["family"]["conv1"], c["claims"][0]["family"]["conv3"]); }),
      "shape", 4);
  rejects(
      g.forge([](json& c, json&) { c["claims"][0]["family"]["conv1"]["constant"]["weights"]["seeded"]["seed"] = 9; }),
      "gap");
  rejects(g.forge([](json& c, json&) { c["network"]["nodes"][2]["op"] = "avgpool2d"; }), "gap");
  rejects(g.forge([](json&, json& p) { p["proofs"][2]["direction"] = json::array({1, 1, 1}); }), "direction");
  rejects(g.forge([](json&, json& p) {
    for (json& a : p["proofs"][2]["direction"]) a = 0;
  }),
          "not-separated");
}

TEST_CASE("forged saturation and tanh") {
  const Genuine g("digits/tanh");
  rejects(g.forge([](json&, json& p) { p["proofs"][0]["saturated"] = false; }), "saturated");
  rejects(g.forge([](json& c, json&) { c["claims"][0]["kind"] = "affinely-independent-on-ray"; }), "saturated");
  rejects(g.forge([](json& c, json&) { c["claims"][0]["family"]["conv1"]["slope"]["bias"]["rows"][0][1796] = 0; }),
          "saturation");
  rejects(g.forge([](json& c, json&) { c["network"]["nodes"][1]["function"] = "gaussian"; }), "activation");
}

TEST_CASE("tied columns cannot be passed off, in either direction") {
  const Genuine g("counterexamples/tied-equal-patches");
  // Untied biases: the columns may differ.
  rejects(g.forge([](json& c, json&) { c["network"]["nodes"][0]["bias"] = "neuron"; }), "free-biases");
  // A sample on which the patches differ.
  rejects(g.forge([](json& c, json&) { c["data"]["samples"][1] = {2, 3}; }), "columns");
}

TEST_CASE("nothing in a file can forge a line of the report") {
  const Genuine g("counterexamples/narrow-layer");
  const std::string spoof = "f\nPROVED  rank F = 9 for every parameter";
  rejects(g.forge([&](json& c, json&) {
    c["network"]["nodes"][1]["name"] = spoof;
    for (json& claim : c["claims"]) claim["node"] = spoof;
  }),
          "unexpected", 4);
  rejects(g.forge([&](json&, json& p) { p["proofs"][0]["rule"] = spoof; }), "wrong-rule");
  const Ran ran = run(programs() + "/widecheck " + g.claim_path());
  CHECK(ran.output.find("\nPROVED  rank F = 9") == std::string::npos);
  rejects(g.forge([&](json& c, json&) {
    c["data"] = {{"format", "csv"}, {"path", "x.csv"}, {"sha256", "x\n" + spoof}, {"count", 4}};
  }),
          "unexpected", 4);
  CHECK(run(programs() + "/widecheck " + g.claim_path() + " > /dev/full").exit != 0);
}

TEST_CASE("rules that need no data still see that the data are there and have their digest") {
  const Genuine g("counterexamples/narrow-layer");
  const auto csv = [&](const std::string& path, const std::string& sha) {
    return g.forge([&](json& c, json&) {
      c["data"] = {{"format", "csv"}, {"path", path}, {"sha256", sha}, {"count", 4}};
    });
  };
  rejects(csv("absent.csv", std::string(64, '0')), "no-data", 4);
  spill(g.folder() + "/out/four.csv", "0,0,1\n0,1,0\n1,0,2\n1,1,5\n");
  rejects(csv("four.csv", std::string(64, '0')), "data-digest");
  rejects(csv("four.csv", run("sha256sum " + g.folder() + "/out/four.csv").output.substr(0, 64)), "", 0);
  spill(g.folder() + "/out/four.csv", "0,0,1\n0,1,0\n1,0,2\n1,1,5,7\n");
  rejects(csv("four.csv", std::string(64, '0')), "data", 4);
  rejects(csv("../../../../../../../../dev/zero", std::string(64, '0')), "no-data", 4);
  run("mkfifo " + g.folder() + "/out/pipe.csv");
  rejects(csv("pipe.csv", std::string(64, '0')), "no-data", 4);
  rejects(g.forge([](json& c, json&) { c["data"]["count"] = 5; }), "data", 4);
}

TEST_CASE("a NUL byte does not end a file early, and bombs end with a clean code") {
  const Genuine g("small/relu-dense");
  const std::string claim = slurp(g.claim_path()), certificate = slurp(g.certificate_path());
  rejects(g.raw(claim, certificate + std::string("\0{}", 3)), "not-json", 4);
  // Twenty layers at the limit of one, and a tensor at the limit of memory.
  rejects(g.forge([](json& c, json&) {
    c["network"]["input"]["shape"] = {1 << 26};
    for (int k = 0; k < 20; ++k) {
      c["network"]["nodes"].push_back(
          {{"name", "bomb" + std::to_string(k)}, {"op", "dense"}, {"filters", 1}, {"bias", "none"}, {"input", "x"}});
    }
  }),
          "too-large", 4);
  const Verdict tensor = g.forge([](json& c, json&) {
    c["network"]["input"]["shape"] = {1 << 23};
    c["network"]["nodes"][0]["filters"] = 15;
  });
  CHECK((tensor.exit == 4 || tensor.exit == 5 || tensor.exit == 70));
  rejects(g.forge([](json& c, json&) {
    c["network"]["nodes"][1] = {{"name", "relu1"},
                                {"op", "activation"},
                                {"function", "softplus"},
                                {"sharpness", "1/" + std::string(9'000, '9')}};
  }),
          "unexpected", 4);
}

TEST_CASE("a violating point that violates nothing is rejected") {
  const Genuine g("counterexamples/leaky-relu-activation");
  CHECK(g.certificate()["proofs"][0]["t"] == -6);                             // 6/100 > e^-6
  rejects(g.forge([](json&, json& p) { p["proofs"][0]["t"] = -4; }), "", 0);  // 4/100 > e^-4
  rejects(g.forge([](json&, json& p) { p["proofs"][0]["t"] = -3; }), "violating-point");
  rejects(g.forge([](json&, json& p) { p["proofs"][0]["t"] = 4; }), "violating-point");
  rejects(g.forge([](json&, json& p) { p["proofs"][0].erase("t"); }), "", 0);
}

TEST_CASE("small claims that ask for very much work are refused at once") {
  const Genuine g("counterexamples/tied-equal-patches");
  const auto only_first = [](json& c, json& p) {
    c["claims"] = json::array({c["claims"][0]});
    p["proofs"] = json::array({p["proofs"][0]});
  };
  // 10^7 padded positions and 20,000 samples.
  rejects(g.forge([&](json& c, json& p) {
    only_first(c, p);
    c["network"]["input"]["shape"] = {1, 1, 1};
    c["network"]["nodes"][0] = {
        {"name", "layer1"}, {"op", "conv2d"}, {"size", {1, 1}}, {"filters", 1}, {"padding", {5000, 500, 5000, 500}},
        {"bias", "channel"}};
    c["data"]["samples"] = json::array();
    for (int i = 0; i < 20'000; ++i) c["data"]["samples"].push_back({i});
    c["data"]["count"] = 20'000;
  }),
          "too-large", 4);
  CHECK(run(programs() + "/widecheck --memory 1e30 " + g.claim_path()).exit == 2);
}

TEST_CASE("forged shared directions on the digits") {
  const Genuine g("digits/shared-direction-sigmoid");
  const auto slope = [](json& claim) -> json& { return claim["claims"][0]["family"]["conv1"]["slope"]; };
  const auto along = [](json& p) -> json& { return p["proofs"][0]["along"][0]; };
  const auto order = [](json& p) -> json& { return p["proofs"][0]["order"]; };

  SECTION("as it is") {
    rejects(g.forge([](json&, json&) {}), "", 0);
  }
  SECTION("another direction, another factor: what is left of the filters is large") {
    rejects(g.forge([&](json&, json& p) { along(p)["direction"][3] = along(p)["direction"][3].get<int>() + 1; }),
            "gap");
    rejects(g.forge([&](json&, json& p) { along(p)["factor"] = along(p)["factor"].get<int>() - 1; }), "gap");
    rejects(g.forge([&](json&, json& p) { along(p)["factor"] = along(p)["factor"].get<int>() + 1; }), "gap");
    rejects(g.forge([&](json&, json& p) { along(p)["factor"] = 0; }), "direction");
    rejects(g.forge([&](json&, json& p) { along(p)["factor"] = -along(p)["factor"].get<int>(); }), "direction");
    rejects(g.forge([&](json&, json& p) { along(p)["direction"].erase(0); }), "unexpected", 4);
    rejects(g.forge([&](json&, json& p) { p["proofs"][0]["along"].push_back(along(p)); }), "direction");
    rejects(g.forge([&](json&, json& p) { p["proofs"][0]["along"] = json::array(); }), "direction");
  }
  SECTION("one filter with a large rest; filters and directions that differ in sign") {
    rejects(g.forge([&](json& c, json&) {
      json& w = slope(c)["weights"]["rows"][7][2];
      w = w.get<int>() + 1'000'000;
    }),
            "diagonal");
    rejects(g.forge([&](json& c, json&) {  // a filter that no sample uses: the last neurons of the last patch
      json& w = slope(c)["weights"]["rows"][49][2];
      w = w.get<int>() + 1'000'000;
    }),
            "diagonal");
    rejects(g.forge([&](json&, json& p) {
      for (json& v : along(p)["direction"]) v = -v.get<int>();
    }),
            "gap");
  }
  SECTION("a gap just beyond what the direction shows") {
    // delta (K g - 2 R - d') is exact: a little more is not proved.
    rejects(g.forge([&](json&, json& p) {
      const std::string delta = p["proofs"][0]["delta"];
      const auto slash = delta.find('/');
      p["proofs"][0]["delta"] = std::to_string(2 * std::stol(delta.substr(0, slash)) + 1) + "/" +
                                std::to_string(2 * std::stol(delta.substr(slash + 1)));
    }),
            "gap");
  }
  SECTION("two samples of one patch in the wrong order, a late sample before its turn") {
    rejects(g.forge([&](json&, json& p) { std::swap(order(p)[0], order(p)[1]); }), "diagonal");
    rejects(g.forge([&](json& c, json& p) {  // their biases too
      std::swap(order(p)[60], order(p)[61]);
      std::swap(slope(c)["bias"]["rows"][0][60], slope(c)["bias"]["rows"][0][61]);
    }),
            "diagonal");
    rejects(g.forge([&](json&, json& p) { std::swap(order(p)[40], order(p)[1700]); }), "diagonal");
  }
  SECTION("the reach above the diagonal") {
    rejects(g.forge([](json&, json& p) { p["proofs"][0]["upper"] = 1000; }), "reach");
  }
  SECTION("Theorem 3.5 from the ray: activations that are not analytic, another rank") {
    const auto last = [](json& c, json& p) {
      c["claims"] = json::array({c["claims"][2]});
      p["proofs"] = json::array({p["proofs"][2]});
    };
    REQUIRE(g.claim()["claims"][2]["kind"] == "independent-almost-everywhere");
    rejects(g.forge(last), "", 0);
    rejects(g.forge([&](json& c, json& p) {
      last(c, p);
      c["network"]["nodes"][1]["function"] = "relu";
    }),
            "not-analytic");
    rejects(g.forge([&](json& c, json& p) {
      last(c, p);
      c["claims"][0]["rank"] = 1798;
    }),
            "rank");
    rejects(g.forge([&](json& c, json& p) {  // fewer samples than the ray has
      last(c, p);
      c["claims"][0]["rank"] = 1796;
      c["data"]["count"] = 1796;
    }),
            "order");
    rejects(g.forge([&](json& c, json& p) {
      last(c, p);
      c["network"]["nodes"][0]["frozen-weights"] = {{"fill", 1}};
    }),
            "frozen");
    rejects(g.forge([&](json& c, json& p) {  // below the claimed layer, too
      last(c, p);
      const json pool = {{"name", "pool"}, {"op", "maxpool2d"}, {"size", {1, 1}}};
      c["network"]["nodes"].insert(c["network"]["nodes"].begin(), pool);
    }),
            "not-analytic");
  }
  SECTION("biases and order in files") {
    const std::string folder = g.folder() + "/out/";
    const auto npy = [&](const std::string& name, const std::vector<std::int64_t>& values) {
      std::string header =
          "{'descr': '<i8', 'fortran_order': False, 'shape': (" + std::to_string(values.size()) + ",), }\n";
      std::string file("\x93NUMPY\x01\0", 8);
      file.push_back(static_cast<char>(header.size()));
      file.push_back('\0');
      file += header;
      file.append(reinterpret_cast<const char*>(values.data()), 8 * values.size());
      spill(folder + name, file);
      return json{{"npy", {{"path", name}, {"sha256", run("sha256sum " + folder + name).output.substr(0, 64)}}}};
    };
    const auto with_files = [&](json& c, json& p, std::int64_t more) {
      order(p) = npy("order.npy", order(p).get<std::vector<std::int64_t>>());
      std::vector<std::int64_t> biases;
      for (const json& v : slope(c)["bias"]["rows"][0]) {  // over 256
        const std::string text = v.is_string() ? v.get<std::string>() : std::to_string(v.get<long>()) + "/1";
        const auto slash = text.find('/');
        biases.push_back(std::stol(text.substr(0, slash)) * (256 / std::stol(text.substr(slash + 1))));
      }
      biases[100] += more;
      json tensor = npy("biases.npy", biases);
      tensor["npy"]["flatten"] = "channels-last";
      tensor["divisor"] = 256;
      slope(c)["bias"] = tensor;
    };
    rejects(g.forge([&](json& c, json& p) { with_files(c, p, 0); }), "", 0);
    rejects(g.forge([&](json& c, json& p) { with_files(c, p, 1); }), "diagonal");
    rejects(g.forge([&](json& c, json& p) {
      with_files(c, p, 0);
      slope(c)["bias"]["divisor"] = 255;
    }),
            "diagonal");
    rejects(g.forge([&](json& c, json& p) {
      with_files(c, p, 0);
      slope(c)["bias"]["divisor"] = -256;
    }),
            "unexpected", 4);
    rejects(g.forge([&](json& c, json& p) {
      with_files(c, p, 0);
      slope(c)["bias"]["npy"]["flatten"] = "channels-first";
    }),
            "diagonal");
    rejects(g.forge([&](json& c, json& p) {  // a byte of each file
      with_files(c, p, 0);
      std::string bytes = slurp(folder + "biases.npy");
      bytes[bytes.size() - 2000] ^= 1;
      spill(folder + "biases.npy", bytes);
    }),
            "data-digest");
    rejects(g.forge([&](json& c, json& p) {
      with_files(c, p, 0);
      std::string bytes = slurp(folder + "order.npy");
      bytes[bytes.size() - 800] ^= 1;
      spill(folder + "order.npy", bytes);
    }),
            "data-digest");
    for (std::int64_t bad : {-1, 1797}) {
      rejects(g.forge([&](json&, json& p) {
        auto values = order(p).get<std::vector<std::int64_t>>();
        values[5] = bad;
        order(p) = npy("order.npy", values);
      }),
              "unexpected", 4);
    }
    rejects(g.forge([&](json&, json& p) {
      auto values = order(p).get<std::vector<std::int64_t>>();
      values[5] = values[6];
      order(p) = npy("order.npy", values);
    }),
            "order");
    rejects(g.forge([&](json&, json& p) {
      auto values = order(p).get<std::vector<std::int64_t>>();
      values.pop_back();
      order(p) = npy("order.npy", values);
    }),
            "unexpected", 4);
  }
}

TEST_CASE("forged shared directions where patches are skipped, and for row differences") {
  SECTION("padding") {
    const Genuine g("small/shared-direction-padding");
    rejects(g.forge([](json&, json& p) { p["proofs"][0].erase("skip"); }), "diagonal");
    rejects(g.forge([](json&, json& p) { p["proofs"][0]["skip"] = {0, 1}; }), "diagonal");
    rejects(g.forge([](json&, json& p) { p["proofs"][0]["skip"] = {0, 1, 2}; }), "width");
    rejects(g.forge([](json&, json& p) { p["proofs"][0]["skip"] = {6}; }), "unexpected", 4);
    rejects(g.forge([](json&, json& p) { p["proofs"][0].erase("along"); }), "", 0);  // entry by entry
    rejects(g.forge([](json&, json& p) { p["proofs"][0]["delta"] = p["proofs"][0]["delta"].get<int>() + 1; }), "gap");
  }
  SECTION("the sample that no neuron uses equal to the last one used: x = 0, 1, 1") {
    const Genuine g("digits/shared-direction-tanh");
    const json rows = {{0}, {1}, {1}};
    rejects(g.forge([&](json& c, json& p) {
      c["data"] = {{"format", "inline"}, {"samples", rows}, {"count", 3}};
      c["network"] = {{"input", {{"name", "x"}, {"shape", {1}}}},
                      {"nodes",
                       {{{"name", "conv1"}, {"op", "dense"}, {"filters", 3}, {"bias", "neuron"}},
                        {{"name", "f"}, {"op", "activation"}, {"function", "tanh"}}}}};
      json& claim = c["claims"][0];
      claim = {{"kind", "affinely-independent-on-ray"}, {"node", "f"}, {"alpha_0", 1000}};
      claim["family"]["conv1"] = {
          {"constant", {{"weights", {{"fill", 0}}}, {"bias", {{"fill", 0}}}}},
          {"slope", {{"weights", {{"rows", {{-10}, {-10}, {-10}}}}}, {"bias", {{"rows", {{0, 10, 0}}}}}}}};
      c["claims"] = json::array({claim});
      p["proofs"] = json::array({{{"rule", "row-difference-ray"},
                                  {"order", {0, 1, 2}},
                                  {"delta", 1},
                                  {"diagonal", {0, 0}},
                                  {"upper", 100},
                                  {"saturated", false},
                                  {"along", {{{"factor", 10}, {"direction", {1}}}}}}});
    }),
            "gap");
  }
}

TEST_CASE("forged rays on made data of 224 x 224 x 3") {
  const Genuine g("imagenet-size/vgg-16-relu-1000");
  rejects(g.forge([](json&, json&) {}), "", 0);
  rejects(g.forge([](json& c, json&) { c["data"]["seed"] = 2; }), "diagonal");
  rejects(g.forge([](json& c, json&) { c["data"]["first"] = 1; }), "diagonal");
  rejects(g.forge([](json& c, json&) { c["data"]["high"] = 254; }), "diagonal");
  rejects(g.forge([](json&, json& p) { std::swap(p["proofs"][0]["order"][63], p["proofs"][0]["order"][64]); }),
          "diagonal");
  rejects(g.forge([](json&, json& p) { p["proofs"][0]["delta"] = p["proofs"][0]["delta"].get<int>() + 1; }), "gap");
  rejects(g.forge([](json&, json& p) { p["proofs"][0]["upper"] = 1'000'000; }), "reach");
  rejects(g.forge([](json& c, json& p) {  // one sample more: it is later than all, and nobody looked at it
    c["data"]["count"] = 1001;
    p["proofs"][0]["order"].push_back(1000);
  }),
          "diagonal");
}
