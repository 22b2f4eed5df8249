// "rank-equals" forged to look right: each refused for the reason it deserves.
#include <set>

#include "../genuine.h"

using namespace widecert::test;

TEST_CASE("forged ranks: a minor, relations among columns, weights, data") {
  const Genuine g("dependent/dead-and-twin-units");
  // The rank alone, in either direction.
  rejects(g.forge([](json& claim, json&) { claim["claims"][0]["rank"] = 77; }), "minor");
  rejects(g.forge([](json& claim, json&) { claim["claims"][0]["rank"] = 79; }), "minor");
  rejects(g.forge([](json& claim, json&) { claim["claims"][0]["rank"] = 1000; }), "minor");
  // Less, with a smaller minor: the relations leave more.
  const auto smaller = [](json& claim, json& certificate) {
    claim["claims"][0]["rank"] = 77;
    for (const char* side : {"rows", "columns"}) certificate["proofs"][0][side].erase(0);
  };
  rejects(g.forge(smaller), "relations");
  // More: there is no such minor.
  rejects(g.forge([](json& claim, json& certificate) {
    claim["claims"][0]["rank"] = 79;
    json& proof = certificate["proofs"][0];
    proof["rows"].push_back(149);
    proof["columns"].push_back(119);
    for (const char* side : {"rows", "columns"}) {
      std::set<int> all = proof[side];
      for (int k = 0; all.size() < 79; ++k) all.insert(k);
      proof[side] = all;
    }
  }),
          "rank");
  // Relations that are none.
  std::vector<int> free;  // columns in no relation
  for (int h = 0; h < 120; ++h) {
    const json& proof = g.certificate()["proofs"][0];
    bool used = false;
    for (const json& line : proof["zero"]) used = used || line == h;
    for (const json& same : proof["equal"])
      for (const json& line : same) used = used || line == h;
    if (!used) free.push_back(h);
  }
  REQUIRE(free.size() > 2);
  const auto edit = [&](const std::function<void(json & proof)>& change) {
    return g.forge([&](json&, json& certificate) { change(certificate["proofs"][0]); });
  };
  rejects(edit([](json& proof) { proof["zero"].erase(0); }), "relations");
  rejects(edit([&](json& proof) {
            std::set<int> zero = proof["zero"];
            zero.insert(free[0]);
            proof["zero"] = zero;
          }),
          "not-zero");
  rejects(edit([&](json& proof) { proof["equal"].push_back({free[0], free[1]}); }), "not-equal");
  rejects(edit([](json& proof) { proof["equal"].push_back(proof["equal"][0]); }), "relations");
  rejects(edit([](json& proof) { proof["equal"].push_back({proof["zero"][0], proof["zero"][1]}); }), "relations");
  rejects(edit([](json& proof) { proof["equal"].push_back({5}); }), "unexpected", 4);
  rejects(edit([](json& proof) { proof["zero"].push_back(120); }), "unexpected", 4);
  rejects(edit([](json& proof) { proof["side"] = "rows"; }), "not-zero");
  rejects(edit([](json& proof) { proof["side"] = "both"; }), "unexpected", 4);
  rejects(edit([](json& proof) { std::swap(proof["rows"][0], proof["rows"][1]); }), "unexpected", 4);
  rejects(edit([](json& proof) {
            proof["columns"].erase(0);
            std::set<int> columns = proof["columns"];
            columns.insert(proof["zero"][0].get<int>());
            proof["columns"] = columns;
          }),
          "rank");
  rejects(edit([](json& proof) { proof["evidence"]["prime"] = 2147483646; }), "not-a-prime");
  rejects(edit([](json& proof) { proof["rule"] = "bounds-and-relations"; }), "relations");
  rejects(edit([](json& proof) { proof["rule"] = "left-kernel"; }), "wrong-rule");
  // A twin that is none any more, a dead unit that wakes up, a sample changed.
  rejects(g.forge([](json& claim, json& certificate) {
    const int twin = certificate["proofs"][0]["equal"][0][1];
    json& bias = claim["claims"][0]["parameters"]["dense1"]["bias"]["rows"][0][twin];
    bias = bias.get<int>() + 1;
  }),
          "not-equal");
  rejects(g.forge([](json& claim, json& certificate) {
    const int dead = certificate["proofs"][0]["zero"][0];
    claim["claims"][0]["parameters"]["dense1"]["bias"]["rows"][0][dead] = 1;
  }),
          "not-zero");
  rejects(g.forge([](json& claim, json&) { claim["network"]["nodes"][1]["function"] = "identity"; }), "not-zero");
  rejects(g.forge([](json& claim, json&) { claim["network"]["nodes"][1]["function"] = "sigmoid"; }), "irrational");
}

TEST_CASE("forged kernels: changed, dependent, on lines that are gone, too many") {
  const Genuine g("dependent/through-three-dimensions");
  const auto edit = [&](const std::function<void(json & proof)>& change) {
    return g.forge([&](json&, json& certificate) { change(certificate["proofs"][0]); });
  };
  rejects(edit([](json& proof) { proof["kernel"][0][0] = 12345; }), "not-a-kernel-vector");
  rejects(edit([](json& proof) { proof["kernel"].erase(0); }), "relations");
  rejects(edit([](json& proof) { proof["kernel"][1] = proof["kernel"][0]; }), "relations");
  rejects(edit([](json& proof) {
            for (json& entry : proof["kernel"][0]) entry = 0;
          }),
          "relations");
  // A sum of two others, in place of a third.
  rejects(edit([](json& proof) {
            for (std::size_t h = 0; h < 8; ++h) {
              proof["kernel"][2][h] = proof["kernel"][0][h].get<int>() + proof["kernel"][1][h].get<int>();
            }
          }),
          "relations");
  rejects(edit([](json& proof) { proof["kernel"][0].push_back(0); }), "unexpected", 4);
  // Rank 2 by one kernel vector more: independence is not seen.
  rejects(g.forge([](json& claim, json& certificate) {
    claim["claims"][0]["rank"] = 2;
    json& proof = certificate["proofs"][0];
    proof["rows"].erase(2);
    proof["columns"].erase(2);
    proof["kernel"].push_back({1, 0, 0, 0, 0, 0, 0, 0});
  }),
          "relations");
}

TEST_CASE("forged ranks of irrational features: bounds, arguments of another layer, lines that differ") {
  const Genuine g("dependent/equal-samples-sigmoid"), twins("dependent/twin-units-sigmoid");
  const auto edit = [](const Genuine& genuine, const std::function<void(json & proof)>& change) {
    return genuine.forge([&](json&, json& certificate) { change(certificate["proofs"][0]); });
  };
  rejects(edit(g, [](json& proof) { proof["lower"] = "99/100"; }), "smallest");
  rejects(edit(g, [](json& proof) { proof["lower"] = 0; }), "smallest");
  rejects(edit(g, [](json& proof) { proof["equal"][0] = {1, 2}; }), "not-equal");
  rejects(edit(g, [](json& proof) { proof.erase("equal"); }), "relations");
  rejects(edit(g, [](json& proof) { proof["zero"] = {0}; }), "unknown-key", 4);
  rejects(edit(g, [](json& proof) { proof["kernel"] = {{0, 1, 0, -1, 0}}; }), "unknown-key", 4);
  rejects(edit(g, [](json& proof) { proof["through"] = "sigmoid1"; }), "irrational");
  rejects(edit(g, [](json& proof) { proof["rows"].push_back(4); }), "unexpected", 4);
  // Nothing at all is no submatrix.
  rejects(g.forge([](json& claim, json& certificate) {
    claim["claims"][0]["rank"] = 0;
    certificate["proofs"][0]["rows"] = certificate["proofs"][0]["columns"] = json::array();
    for (const char* key : {"bits", "lower"}) certificate["proofs"][0].erase(key);
  }),
          "relations");
  // Rank 5: the two equal samples make the submatrix singular.
  rejects(g.forge([](json& claim, json& certificate) {
    claim["claims"][0]["rank"] = 5;
    certificate["proofs"][0]["rows"] = {0, 1, 2, 3, 4};
    certificate["proofs"][0].erase("equal");
  }),
          "smallest");
  rejects(g.forge([](json& claim, json&) { claim["data"]["samples"][3][1] = 1; }), "not-equal");
  // Equal columns are those of the activation's own input.
  rejects(edit(twins, [](json& proof) { proof["through"] = "x"; }), "unexpected", 4);  // has two only
  rejects(twins.forge([](json& claim, json&) {
    claim["network"]["nodes"].push_back({{"name", "tanh2"}, {"op", "activation"}, {"function", "tanh"}});
    claim["claims"][0]["node"] = "tanh2";
  }),
          "through");
  // Rows that are equal there may differ above, where the input comes in again.
  rejects(g.forge([](json& claim, json&) {
    claim["network"]["nodes"].push_back({{"name", "join"}, {"op", "concat"}, {"inputs", {"sigmoid1", "x"}}});
    claim["claims"][0]["node"] = "join";
  }),
          "through");
  rejects(
      twins.forge([](json& claim, json&) { claim["claims"][0]["parameters"]["dense1"]["weights"]["rows"][2][0] = 2; }),
      "not-equal");
}

TEST_CASE("forged ranks: units that are said to be 0") {
  const Genuine dead("dependent/dead-units-above-sigmoids"), still("dependent/zero-at-zero");
  const auto edit = [](const Genuine& genuine, const std::function<void(json & proof)>& change) {
    return genuine.forge([&](json&, json& certificate) { change(certificate["proofs"][0]); });
  };
  const auto node = [](json& claim, std::size_t k) -> json& { return claim["network"]["nodes"][k]; };
  REQUIRE(dead.certificate()["proofs"][0]["zero"] == json({1, 3}));
  REQUIRE(still.certificate()["proofs"][0]["zero"] == json({0, 3}));
  // A living unit; one that lives on one sample; one that is 0 within the enclosure, but not decided.
  rejects(edit(dead, [](json& proof) { proof["zero"] = {1, 2, 3}; }), "not-zero");
  rejects(dead.forge([&](json& claim, json&) { node(claim, 2)["frozen-bias"]["rows"][0][1] = "5/2"; }), "not-zero");
  rejects(dead.forge([&](json& claim, json&) {
    node(claim, 2)["frozen-weights"]["rows"][3] = {0, 0, 0, 0};
    node(claim, 2)["frozen-bias"]["rows"][0][3] = "1/1000000000000000000000";
  }),
          "not-zero");
  // Only relu is 0 below 0; at enclosures nothing is equal; twice is once too often; another layer tells nothing.
  for (const char* function : {"tanh", "gelu", "silu", "leaky-relu", "softplus"}) {
    INFO(function);
    const Verdict verdict = dead.forge([&](json& claim, json&) { node(claim, 3)["function"] = function; });
    CHECK(verdict.exit != 0);
  }
  rejects(dead.forge([&](json& claim, json&) { node(claim, 3)["function"] = "tanh"; }), "irrational");
  rejects(dead.forge([&](json& claim, json&) { node(claim, 3)["function"] = "sigmoid"; }), "irrational");
  rejects(edit(dead, [](json& proof) { proof["equal"] = {{1, 3}}; }), "relations");
  rejects(edit(dead,
               [](json& proof) {
                 proof["zero"] = {1};
                 proof["equal"] = {{2, 3}};
               }),
          "irrational");
  rejects(edit(dead, [](json& proof) { proof["through"] = "sigmoid1"; }), "through");
  rejects(edit(dead, [](json& proof) { proof["through"] = "dense1"; }), "through");
  // Exact zeros: a weight, a bias, a function that is not 0 there, a unit that is not 0.
  rejects(still.forge([&](json& claim, json&) { node(claim, 0)["frozen-weights"]["rows"][3][1] = 1; }), "not-zero");
  rejects(still.forge([&](json& claim, json&) {
    node(claim, 0)["frozen-bias"] = {{"fill", "1/1000000000000"}};
  }),
          "not-zero");
  rejects(edit(still, [](json& proof) { proof["zero"] = {0, 3, 4}; }), "not-zero");
  rejects(edit(still, [](json& proof) { proof["zero"] = {0, 1, 3}; }), "relations");
  for (const char* function : {"sigmoid", "softplus", "gaussian", "one-minus-sigmoid"})
    rejects(still.forge([&](json& claim, json&) { node(claim, 1)["function"] = function; }), "relations");
  // Rank 0 of what is not 0.
  rejects(still.forge([](json& claim, json& certificate) {
    json& proof = certificate["proofs"][0];
    claim["claims"][0]["rank"] = 0;
    for (const char* key : {"rows", "columns"}) proof[key] = json::array();
    for (const char* key : {"bits", "lower", "precision"}) proof.erase(key);
  }),
          "relations");
}
