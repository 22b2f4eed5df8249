// Selections of neurons and the bound by receptive fields, forged to look right: each is rejected for its reason.
#include "../forgeries.h"

using namespace widecert::test;

TEST_CASE("forged fields: entries that differ between samples, fields that nothing sees alone, other networks") {
  const Genuine g("skips/digits-raw");
  CHECK(g.check().exit == 0);
  const std::size_t k = of_kind(g, "never-independent");
  const auto with = [&](const std::function<void(json&, json&)>& edit) {
    return forge(g, k, [&](json& c, json& p) { edit(c, proof(p, k)); });
  };
  const json genuine = g.certificate()["proofs"][k]["fields"][0];
  REQUIRE(genuine.size() == 3);
  rejects(with([](json&, json& p) { p["fields"] = json::array(); }), "receptive-field");
  rejects(with([](json&, json& p) { p["fields"] = json::array({{1, 2, 3}}); }), "receptive-field");
  rejects(with([](json&, json& p) { p["fields"] = json::array({json::array()}); }), "receptive-field");
  // All inputs are a field of as many contents as there are samples.
  json all = json::array();
  for (int e = 0; e < 64; ++e) all.push_back(e);
  rejects(with([&](json&, json& p) { p["fields"] = json::array({all}); }), "receptive-field");
  // A neuron counts once: the same field twice is no better, and one more entry makes other contents.
  rejects(with([&](json&, json& p) { p["fields"] = json::array({genuine, genuine}); }), "", 0);
  rejects(with([](json&, json& p) { p["fields"][0].push_back(64); }), "unexpected", 4);
  rejects(with([](json&, json& p) { std::swap(p["fields"][0][0], p["fields"][0][1]); }), "unexpected", 4);
  rejects(with([](json& c, json&) { claim(c, 0)["node"] = "sigmoid2"; }), "receptive-field");
  rejects(with([](json& c, json&) { c["network"]["nodes"][6]["count"] = 1900; }), "receptive-field");
  // Where the first layer sees more than one pixel, no neuron sees the three constant ones alone.
  rejects(with([](json& c, json&) { c["network"]["nodes"][0]["size"] = {3, 3}; }), "receptive-field");
  rejects(with([](json& c, json&) {
            c["data"]["multiply"] = 256;
            c["data"]["noise"] = {{"seed", 1}, {"low", 0}, {"high", 255}};
          }),
          "receptive-field");
}

TEST_CASE("forged selections: neurons taken twice, beyond a node, another seed, too many") {
  const Genuine g("skips/ten-of-sixteen");
  CHECK(g.check().exit == 0);
  const std::size_t k = of_kind(g, "independent-almost-everywhere"), valley = of_kind(g, "no-bad-valley");
  const auto with = [&](std::size_t which, const std::function<void(json&)>& edit) {
    return forge(g, which, [&](json& c, json&) { edit(c["network"]["nodes"][4]); });
  };
  REQUIRE(g.claim()["network"]["nodes"][4]["op"] == "select");
  for (std::size_t which : {k, valley}) {
    rejects(with(which, [](json& node) { node["take"][1] = node["take"][0]; }), "duplicate", 4);
    rejects(with(which, [](json& node) { node["take"][0] = {0, 8}; }), "unexpected", 4);
    rejects(with(which, [](json& node) { node["take"][0] = {2, 0}; }), "unexpected", 4);
    rejects(with(which, [](json& node) { node["take"][0] = {0}; }), "unexpected", 4);
    rejects(with(which, [](json& node) { node["take"] = json::array(); }), "unexpected", 4);
    rejects(with(which, [](json& node) { node["count"] = 3; }), "unknown-key", 4);
    rejects(with(which, [](json& node) { node["inputs"] = json::array(); }), "shape", 4);
    rejects(with(which,
                 [](json& node) {
                   node.erase("take");
                   node["count"] = 17;
                   node["seed"] = 1;
                 }),
            "unexpected", 4);
  }
  // Fewer neurons than samples; max pooling below one of them; the output reads the selection.
  rejects(with(k, [](json& node) { node["take"] = json::array({node["take"][0], node["take"][1]}); }), "rank");
  rejects(forge(g, k, [](json& c, json&) { c["network"]["nodes"][1]["function"] = "relu"; }), "not-analytic");
  rejects(forge(g, valley,
                [](json& c, json&) {
                  c["network"]["nodes"][5]["frozen-weights"] = {{"fill", 1}};
                }),
          "frozen");
  // A chosen neuron lies below another one; layers of different depth live modulo different primes.
  const auto by = [&](const json& rule) {
    return forge(g, k, [&](json& c, json& p) {
      for (int n : {1, 3}) c["network"]["nodes"][n]["function"] = rule["rule"] == "derivative" ? "softplus" : "sigmoid";
      proof(p, k) = rule;
    });
  };
  const json inner = g.certificate()["proofs"][k];
  rejects(by({{"rule", "derivative"}, {"of", inner}}), "activation");
  rejects(by({{"rule", "derivative"}, {"of", {{"rule", "translates"}}}}), "activation");
  const json point{{"one", {{"weights", {{"fill", 1}}}, {"bias", {{"fill", 1}}}}},
                   {"two", {{"weights", {{"fill", 1}}}, {"bias", {{"fill", 1}}}}}};
  rejects(by({{"rule", "lattice-point"},
              {"point", point},
              {"tower", {7, 127}},
              {"evidence", {{"method", "elimination"}, {"prime", 2}}}}),
          "degree");
  const Genuine seeded("skips/digits-tied");
  const std::size_t s = of_kind(seeded, "independent-almost-everywhere");
  CHECK(seeded.check().exit == 0);
  rejects(forge(seeded, s, [](json& c, json&) { c["network"]["nodes"][6]["count"] = 1700; }), "rank");
}

TEST_CASE("forged translates of selected neurons: tied or shared biases, functions, layers, patches that are equal") {
  const Genuine g("skips/digits-untied");
  CHECK(g.check().exit == 0);
  const std::size_t k = of_rule(g, "translates");
  const auto with = [&](const std::function<void(json&)>& edit) {
    return forge(g, k, [&](json& c, json&) { edit(c["network"]["nodes"]); });
  };
  for (std::size_t layer : {0, 2, 4}) {
    rejects(with([&](json& nodes) { nodes[layer]["bias"] = "channel"; }), "free-biases");
    rejects(with([&](json& nodes) { nodes[layer]["frozen-weights"] = {{"fill", 1}}; }), "frozen");
    rejects(with([&](json& nodes) { nodes[layer]["frozen-bias"] = {{"fill", 0}}; }), "free-biases");
  }
  for (const char* name : {"relu", "elu", "softsign"})
    rejects(with([&](json& nodes) { nodes[5]["function"] = name; }), "not-analytic");
  rejects(with([](json& nodes) { nodes[1]["function"] = "identity"; }), "activation");
  // Below a chosen neuron a function need not be analytic, if none is chosen from it.
  const auto take = [](json& nodes, const json& inputs, const json& pairs) {
    for (const char* key : {"count", "seed"}) nodes[6].erase(key);
    nodes[6]["inputs"] = inputs;
    nodes[6]["take"] = pairs;
  };
  const auto small = [&](const std::function<void(json&)>& edit) {
    return forge(g, k, [&](json& c, json&) {
      edit(c["network"]["nodes"]);
      claim(c, k)["rank"] = 3;
    });
  };
  rejects(small([&](json& n) { take(n, {"tanh1", "tanh2"}, {{0, 0}, {0, 1}, {1, 0}}); }), "", 0);
  rejects(small([&](json& n) {
            n[1] = {{"name", "tanh1"}, {"op", "activation"}, {"function", "softsign"}};
            take(n, {"tanh2", "tanh3"}, {{0, 0}, {0, 1}, {1, 0}});
          }),
          "", 0);
  rejects(small([&](json& n) { take(n, {"conv1", "tanh2"}, {{0, 0}, {0, 1}, {1, 0}}); }), "layer-kind");
  rejects(small([&](json& n) { take(n, {"x", "tanh2"}, {{0, 0}, {0, 1}, {1, 0}}); }), "layer-kind");
  // Two activations on one linear layer have one bias.
  const auto twins = [&](const json& pairs) {
    return small([&](json& n) {
      n.insert(n.begin() + 2,
               json{{"name", "twin"}, {"op", "activation"}, {"function", "sigmoid"}, {"input", "conv1"}});
      n[3]["input"] = "tanh1";
      for (const char* key : {"count", "seed"}) n[7].erase(key);
      n[7]["inputs"] = {"tanh1", "twin"};
      n[7]["take"] = pairs;
    });
  };
  rejects(twins({{0, 0}, {1, 0}, {1, 1}}), "duplicate");
  rejects(twins({{0, 0}, {1, 2}, {1, 1}}), "", 0);
  // Raw images have equal patches.
  rejects(forge(g, k, [](json& c, json&) { c["data"].erase("noise"); }), "patches-collide");
}

TEST_CASE("selections among millions of neurons, many times over, are refused before they take memory") {
  const Genuine g("skips/ten-of-sixteen");
  const std::size_t k = of_kind(g, "independent-almost-everywhere");
  const auto select = [](const std::string& name, const json& inputs) {
    return json{{"name", name}, {"op", "select"}, {"inputs", inputs}, {"take", json::array({{0, 0}})}};
  };
  rejects(forge(g, k,
                [&](json& c, json&) {
                  c["network"]["nodes"][2]["filters"] = 20'000'000;
                  c["network"]["nodes"][4] = select("skip", {"s2"});
                }),
          "too-large", 4);
  rejects(forge(g, k,
                [&](json& c, json&) {
                  auto& nodes = c["network"]["nodes"];
                  nodes[2]["filters"] = 15'000'000;
                  json last = nodes[5];
                  nodes.erase(4);
                  nodes.erase(4);
                  for (int n = 0; n < 40; ++n) nodes.push_back(select("s" + std::to_string(n + 10), {"s2"}));
                  nodes.push_back(select("skip", {"s2"}));
                  nodes.push_back(last);
                }),
          "too-large", 4);
}

TEST_CASE("forged extrema: other valleys, ranks below N, frozen outputs, losses and values that are not enough") {
  const Genuine g("skips/ten-of-sixteen");
  CHECK(g.check().exit == 0);
  const std::size_t strict = of_kind(g, "no-strict-local-minimum"), maximum = of_kind(g, "no-local-maximum"),
                    every = of_kind(g, "interpolates-every-target"), valleys = of_kind(g, "no-bad-valley");
  const auto with = [&](std::size_t k, const std::function<void(json&, json&)>& edit) {
    return forge(g, k, [&](json& c, json& p) { edit(c, proof(p, k)); });
  };
  // Valleys of other layers, other kinds of claims, a rank that is not N.
  rejects(with(strict, [&](json& c, json&) { claim(c, strict)["node"] = "s2"; }), "other-layers");
  rejects(with(strict, [&](json& c, json&) { claim(c, strict)["output"] = "two"; }), "other-layers");
  rejects(with(strict, [&](json&, json& p) { p["valley"]["claim"]["node"] = "s2"; }), "other-layers");
  rejects(with(strict, [&](json&, json& p) { p["valley"]["claim"]["kind"] = "descends-everywhere"; }), "wrong-rule");
  rejects(with(strict, [&](json&, json& p) { p["valley"] = p["valley"]["proof"]["rank"]; }), "wrong-rule");
  rejects(with(strict, [&](json&, json& p) { p["valley"]["proof"]["rank"]["claim"]["rank"] = 4; }), "rank");
  rejects(with(strict, [&](json& c, json&) { claim(c, strict)["parameters"] = json::object(); }), "other-point");
  rejects(with(strict, [&](json& c, json&) { c["network"]["nodes"][5]["frozen-weights"] = {{"fill", 1}}; }), "frozen");
  for (std::size_t k : {strict, every, valleys}) {
    rejects(with(k,
                 [](json& c, json&) {
                   json& node = c["network"]["nodes"][4];
                   node["take"] = {node["take"][0], node["take"][1], node["take"][2], node["take"][3]};
                 }),
            "rank");
  }
  // A rank at one point says nothing of almost every parameter.
  rejects(with(strict,
               [&](json&, json& p) {
                 json& rank = p["valley"]["proof"]["rank"];
                 rank["claim"]["kind"] = "independent-at";
                 rank["claim"]["parameters"] = rank["proof"]["point"];
               }),
          "wrong-rule");

  const auto output = [&](const std::function<void(json&)>& edit) {
    return with(maximum, [&](json& c, json&) { edit(c["network"]["nodes"][5]); });
  };
  rejects(with(maximum, [&](json& c, json&) { claim(c, maximum)["loss"] = "hinge"; }), "unexpected", 4);
  rejects(with(maximum, [&](json& c, json&) { claim(c, maximum)["loss"] = "cross-entropy"; }), "", 0);
  rejects(with(maximum,
               [&](json& c, json&) {
                 claim(c, maximum)["loss"] = "cross-entropy";
                 c["network"]["nodes"][5]["filters"] = 1;
               }),
          "width");
  rejects(output([](json& node) { node["filters"] = 1; }), "", 0);
  rejects(output([](json& node) { node["bias"] = "none"; }), "range");
  rejects(output([](json& node) { node["frozen-bias"] = {{"fill", 1}}; }), "range");
  rejects(output([](json& node) { node["frozen-weights"] = {{"fill", 1}}; }), "frozen");
  rejects(with(maximum, [&](json& c, json&) { claim(c, maximum)["output"] = "s2"; }), "layer-kind");
  // One neuron that is positive is enough, of functions whose every value is.
  const auto functions = [&](const std::string& first, const std::string& second, const json& take) {
    return with(maximum, [&](json& c, json&) {
      auto& nodes = c["network"]["nodes"];
      nodes[5]["bias"] = "none";
      nodes[1]["function"] = first;
      nodes[3]["function"] = second;
      nodes[4]["take"] = take;
    });
  };
  const json both = json::array({{0, 0}, {1, 0}}), lower = json::array({{0, 0}, {0, 1}});
  for (const char* name : {"sigmoid", "softplus", "gaussian", "one-minus-sigmoid", "cubic-sigmoid"}) {
    rejects(functions(name, "tanh", both), "", 0);
    rejects(functions("relu", name, both), "", 0);
    rejects(functions("tanh", name, lower), "range");
  }
  for (const char* name : {"tanh", "relu", "elu", "silu", "gelu", "mish", "softsign", "hard-swish", "identity"})
    rejects(functions(name, name, both), "range");
}

TEST_CASE("forged translates above concatenations: parts that are not apart, patches of the data alone, poolings") {
  const Genuine g("skips/ten-of-sixteen");
  const std::size_t k = of_rule(g, "translates");
  const auto dense = [](const std::string& name, const std::string& input) {
    return json{{"name", name}, {"op", "dense"}, {"input", input}, {"filters", 8}, {"bias", "neuron"}};
  };
  const auto function = [](const std::string& name, const std::string& input, const std::string& what = "tanh") {
    return json{{"name", name}, {"op", "activation"}, {"input", input}, {"function", what}};
  };
  // x, one = dense(x), s1, both = concat(s1, x), two = dense(both), s2, skip, output.
  const auto joined = [&](const std::function<void(json&)>& edit) {
    return forge(g, k, [&](json& c, json&) {
      json& nodes = c["network"]["nodes"];
      const json skip = nodes[4], output = nodes[5];
      nodes = json::array({dense("one", "x"), function("s1", "one"),
                           json{{"name", "both"}, {"op", "concat"}, {"inputs", {"s1", "x"}}}, dense("two", "both"),
                           function("s2", "two"), skip, output});
      edit(nodes);
    });
  };
  rejects(joined([](json&) {}), "", 0);
  rejects(joined([](json& n) {
            n[2] = {{"name", "both"}, {"op", "concat"}, {"inputs", {"x", "x"}}};
          }),
          "not-separated");
  rejects(joined([](json& n) { n[0]["frozen-weights"] = {{"fill", 1}}; }), "frozen");
  // Chosen from the upper layer alone: what is below it still has to keep samples apart, by any function that does.
  const auto upper = [](json& n) {
    n[5]["inputs"] = {"s2"};
    n[5]["take"] = json::array({{0, 0}, {0, 1}, {0, 2}, {0, 4}, {0, 5}});
  };
  rejects(joined(upper), "", 0);
  rejects(joined([&](json& n) {
            upper(n);
            n[1] = function("s1", "one", "softsign");
          }),
          "", 0);
  rejects(joined([&](json& n) {
            upper(n);
            n[1] = function("s1", "one", "relu");
          }),
          "activation");
  rejects(joined([&](json& n) {
            upper(n);
            n[0]["frozen-weights"] = {{"fill", 0}};
          }),
          "frozen");
  // A function of all that is joined: strictly monotone, or samples may meet.
  const auto above = [&](const std::string& what) {
    return joined([&](json& n) {
      n.insert(n.begin() + 3, function("s", "both", what));
      n[4]["input"] = "s";
    });
  };
  rejects(above("elu"), "", 0);
  rejects(above("relu"), "activation");
  rejects(above("gaussian"), "activation");
  // Patches: one sees a value of s1, the other one the data alone.
  const auto patches = [&](const json& lists) {
    return joined([&](json& n) {
      n[3] = {{"name", "two"}, {"op", "linear"},   {"input", "both"},
              {"filters", 8},  {"bias", "neuron"}, {"patches", lists}};
      n[5]["take"] = json::array({{0, 0}, {0, 2}, {1, 0}, {1, 9}, {1, 12}});
    });
  };
  rejects(patches({{0, 8}, {9, 3}}), "", 0);
  rejects(patches({{0, 8}, {9, 8}}), "not-separated");
  // A max pooling of concatenated values, biases tied below it.
  rejects(joined([&](json& n) {
            n[3] = {{"name", "two"}, {"op", "linear"},    {"input", "both"},
                    {"filters", 4},  {"bias", "channel"}, {"patches", {{0, 8}, {9, 3}}}};
            n.insert(n.begin() + 5,
                     json{{"name", "pool"}, {"op", "maxpool"}, {"patches", {{0, 4}, {1, 5}, {2, 6}, {3, 7}}}});
            n.insert(n.begin() + 6, dense("three", "pool"));
            n.insert(n.begin() + 7, function("s3", "three"));
            n[8]["inputs"] = {"s1", "s3"};
          }),
          "layer-kind");
  // Many concatenations of each other are looked at once each.
  rejects(joined([](json& n) {
            json last = n.back(), skip = n[5];
            n.erase(5);
            n.erase(5);
            std::string below = "both";
            for (int i = 0; i < 2000; ++i) {
              const std::string name = "j" + std::to_string(i);
              n.insert(n.end() - 2,
                       json{{"name", name}, {"op", "select"}, {"inputs", {below, below}}, {"take", {{0, 0}, {1, 1}}}});
              below = name;
            }
            n[n.size() - 2]["input"] = below;
            n.push_back(skip);
            n.push_back(last);
          }),
          "", 0);
}
