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
  rejects(edit([](json& proof) { proof["rule"] = "bounds-and-relations"; }), "missing-key", 4);
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
  }),
          "minor");
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
