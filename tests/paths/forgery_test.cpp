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
  rejects(moves([](json& m) { m[0]["bias"]["rows"][0][0] = 1000; }), "level");
  rejects(moves([](json& m) { m[2]["bias"]["rows"][0][0] = -1000; }), "level");
  const auto at_level = [&](const std::function<void(json&)>& edit) {
    return with([&](json& c) { claim(c, k)["level"] = "1345169/32768", edit(c); });
  };
  rejects(at_level([](json&) {}), "", 0);
  rejects(at_level([&](json& c) { claim(c, k)["loss"]["cross-entropy"][0] = 1; }), "level");  // another class
  rejects(at_level([](json& c) { c["data"]["samples"][0][0] = 9; }), "level");
  // "max": one top move may end above it, the last one, and only at the second point.
  CHECK(g.claim()["claims"][k]["level"] == "max");
  const json last = list[4];
  rejects(moves([&](json& m) { m.insert(m.begin() + 4, last), m[4]["bias"]["rows"][0][0] = 1000; }), "level");
  rejects(moves([&](json& m) { m.push_back(m[2]), m.push_back(last); }), "", 0);
  rejects(moves([&](json& m) { m.back()["bias"]["rows"][0][0] = 1000; }), "end-point");
  rejects(moves([&](json& m) {  // up, down and to the end
            json high = m[0];
            high["bias"]["rows"][0][0] = 1000;
            m.insert(m.begin(), high);
          }),
          "level");
  rejects(with([&](json& c) { claim(c, k)["level"] = "min"; }), "unexpected", 4);
  rejects(with([&](json& c) { std::swap(claim(c, k)["from"]["out"], claim(c, k)["to"]["out"]); }), "end-point");
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
  rejects(moves([](json& m) { m[0]["move"] = "straight"; }), "missing-key", 4);
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
  CHECK(g.claim()["claims"][hinge]["level"] == "max");
  rejects(forge(g, hinge, [&](json& c, json&) { claim(c, hinge)["level"] = 0; }), "", 0);
  rejects(forge(g, hinge, [&](json&, json& p) { proof(p, hinge)["moves"][0]["bias"]["rows"][0][1] = 1000; }), "level");
}

TEST_CASE("forged descents: floors, moves that rise") {
  const Genuine g("paths/small");
  const std::size_t k = of_kind(g, "descends-to");
  const auto with = [&](const char* key, const json& value) {
    return forge(g, k, [&](json& c, json&) { claim(c, k)[key] = value; });
  };
  const auto moves = [&](const std::function<void(json&)>& edit) {
    return forge(g, k, [&](json&, json& p) { edit(proof(p, k)["moves"]); });
  };
  rejects(with("floor", 0), "floor");
  rejects(with("floor", -1), "floor");
  rejects(with("floor", 1000), "", 0);
  rejects(moves([](json& m) { m = json::array(); }), "floor");
  // A detour over a hill, and the way back; a step past the lowest point.
  rejects(moves([](json& m) {
            json away = m[0];
            away["bias"]["rows"][0][0] = 1000;
            m.insert(m.begin(), away);
          }),
          "rises");
  rejects(moves([](json& m) { std::swap(m.front(), m.back()), m.push_back(m.front()); }), "rises");
  rejects(with("to", g.claim()["claims"][k]["from"]), "unknown-key", 4);
  rejects(with("level", 1), "unknown-key", 4);
  rejects(moves([](json& m) {
            m[0] = {{"move", "straight"},
                    {"layers", {{"out", {{"weights", m[0]["weights"]}, {"bias", m[0]["bias"]}}}}},
                    {"cells", 4},
                    {"bits", 40}};
          }),
          "unexpected", 4);
}

TEST_CASE("forged exact moves: kernels, scales, rays") {
  const Genuine g("paths/exact");
  const std::size_t k = of_kind(g, "path-below"), ray = of_kind(g, "level-component-unbounded");
  const auto before = [&](std::initializer_list<json> more) {
    return forge(g, k, [&](json&, json& p) {
      json& moves = proof(p, k)["moves"];
      std::size_t at = 0;
      for (const json& move : more) moves.insert(moves.begin() + static_cast<std::ptrdiff_t>(at++), move);
    });
  };
  const json from = g.claim()["claims"][k]["from"];
  const auto out = [&](const json& corner, const char* move = "kernel") {
    json tensors = from["out"];
    tensors["weights"]["rows"][0][2] = corner;
    return json{{"move", move}, {"layer", "out"}, {"weights", tensors["weights"]}, {"bias", tensors["bias"]}};
  };
  const auto scale = [](const json& unit, const json& factor, const char* layer = "hidden") {
    return json{{"move", "scale"}, {"layer", layer}, {"unit", unit}, {"factor", factor}};
  };
  // The third unit is 0 on all samples: its out-weight moves freely. There and back is allowed.
  rejects(before({out(5), out(0)}), "", 0);
  rejects(before({scale(0, 3), scale(0, "1/3"), scale(1, "2/7"), scale(1, "7/2")}), "", 0);
  rejects(before({out(5)}), "unit-is-used");
  rejects(before({[&] {
            json move = out(0);
            move["bias"]["rows"][0][0] = "1/1000000000";
            return move;
          }()}),
          "not-a-kernel-direction");
  rejects(before({[&] {
            json move = out(0);
            move["weights"]["rows"][0][0] = "1000000001/1000000000";
            return move;
          }()}),
          "not-a-kernel-direction");
  rejects(before({scale(0, 3)}), "unit-is-used");  // the next move brings back the unit alone
  rejects(before({scale(0, 0)}), "unexpected", 4);
  rejects(before({scale(0, -1)}), "unexpected", 4);
  rejects(before({scale(3, 2)}), "unexpected", 4);
  rejects(before({scale(0, 2, "out")}), "not-a-chain");
  rejects(before({scale(0, 2, "x")}), "layer-kind");
  const auto with = [&](std::size_t which, const std::function<void(json&, json&)>& edit) {
    return forge(g, which, [&](json& c, json& p) { edit(c, p); });
  };
  const auto function = [](json& c, const char* name) { c["network"]["nodes"][1]["function"] = name; };
  // Not positively homogeneous; values that are irrational.
  rejects(with(k,
               [&](json& c, json& p) {
                 function(c, "softplus");
                 claim(c, k)["level"] = 1000;
                 proof(p, k)["moves"] = json::array({scale(0, 3)});
               }),
          "activation");
  rejects(with(k,
               [&](json& c, json& p) {
                 function(c, "tanh");
                 claim(c, k)["level"] = 1000;
                 proof(p, k)["moves"] = json::array({out(5)});
               }),
          "not-rational");
  rejects(with(k,
               [&](json& c, json& p) {  // a step: unused units and kernels are right for it, scales are not
                 function(c, "step");
                 claim(c, k)["level"] = 1000;
                 proof(p, k)["moves"] = json::array({scale(0, 3)});
               }),
          "activation");
  // A later move does not change an earlier point: to the end and back, and to the end where the claim ends elsewhere.
  const auto there_and_back = [&](json& c, json& p, bool back) {
    json& moves = proof(p, k)["moves"];
    const json way = moves;
    json home{{"move", "top"}, {"weights", from["out"]["weights"]}, {"bias", from["out"]["bias"]}};
    claim(c, k)["level"] = 100;
    if (!back) return;
    for (std::size_t j = way.size(); j-- > 1;) {
      // The point before move j: layers as they were then.
      json now = from;
      for (std::size_t i = 0; i < j; ++i)
        now[way[i]["move"] == "top" ? "out" : "hidden"] = {{"weights", way[i]["weights"]}, {"bias", way[i]["bias"]}};
      json move = way[j];
      const json& layer = now[move["move"] == "top" ? "out" : "hidden"];
      move["weights"] = layer["weights"];
      move["bias"] = layer["bias"];
      moves.push_back(move);
    }
    json first = way[0];
    first["weights"] = from["hidden"]["weights"];
    first["bias"] = from["hidden"]["bias"];
    moves.push_back(first);
    moves.push_back(home);
  };
  rejects(with(k,
               [&](json& c, json& p) {
                 there_and_back(c, p, true);
                 claim(c, k)["to"] = from;
               }),
          "", 0);
  rejects(with(k, [&](json& c, json& p) { there_and_back(c, p, true); }), "end-point");
  rejects(with(k,
               [&](json& c, json& p) {
                 there_and_back(c, p, false);
                 claim(c, k)["to"] = from;
               }),
          "end-point");

  // Rays.
  const auto direction = [&](const std::function<void(json&)>& edit) {
    return with(ray, [&](json&, json& p) { edit(proof(p, ray)["ray"]); });
  };
  rejects(direction([](json& r) { r["weights"] = {{"fill", 0}}; }), "direction");
  rejects(direction([](json& r) { r["bias"]["rows"][0][0] = 1; }), "not-a-kernel-direction");
  rejects(direction([](json& r) { r["weights"]["rows"][0][0] = 1; }), "not-a-kernel-direction");
  rejects(direction([](json& r) { r["move"] = "top"; }), "unexpected", 4);
  rejects(direction([](json& r) { r["move"] = "scale"; }), "unexpected", 4);
  rejects(
      direction([](json& r) {
        r = {
            {"move", "unused"}, {"layer", "hidden"}, {"weights", {{"rows", {{0}, {0}, {1}}}}}, {"bias", {{"fill", 0}}}};
      }),
      "", 0);
  rejects(
      direction([](json& r) {
        r = {
            {"move", "unused"}, {"layer", "hidden"}, {"weights", {{"rows", {{1}, {0}, {0}}}}}, {"bias", {{"fill", 0}}}};
      }),
      "unit-is-used");
  const auto more_data = [](json& c) {
    c["data"]["samples"].push_back({-1});
    c["data"]["count"] = 4;
  };
  rejects(with(ray, [&](json& c, json&) { more_data(c); }), "", 0);
  rejects(with(ray,
               [&](json& c, json&) {  // the third unit is 1 there
                 claim(c, ray)["from"]["hidden"]["weights"]["rows"][2][0] = -1;
                 more_data(c);
               }),
          "not-a-kernel-direction");
  rejects(with(ray,
               [&](json& c, json&) {
                 c["network"]["nodes"][2]["frozen-bias"] = from["out"]["bias"];
                 claim(c, ray)["from"]["out"].erase("bias");
               }),
          "frozen");
  rejects(with(ray, [&](json&, json& p) { proof(p, ray)["moves"] = json::array({out(1, "top")}); }), "unexpected", 4);
}

TEST_CASE("forged bounds on polygons: levels, corners, pieces, losses, functions") {
  const Genuine g("paths/polygon");
  const std::size_t k = of_kind(g, "max-loss-on-path"), smooth = of_kind(g, "max-loss-on-path", 1);
  const auto with = [&](const std::function<void(json&, json&)>& edit) {
    return forge(g, k, [&](json& c, json& p) { edit(claim(c, k), proof(p, k)); });
  };
  const auto network = [&](const std::function<void(json&)>& edit) {
    return forge(g, k, [&](json& c, json&) { edit(c); });
  };
  CHECK(g.check().exit == 0);
  rejects(with([](json& c, json&) { c["level"] = 0; }), "level");
  // Ends that are low say nothing about what lies between: with one cell the bound is far above them.
  rejects(with([](json&, json& p) { p["pieces"][0]["cells"] = 1; }), "level");
  rejects(with([](json&, json& p) { p["pieces"][0]["bits"] = 8; }), "level");
  rejects(with([](json& c, json&) { c["corners"][0]["one"]["weights"]["rows"][0][0] = 100; }), "level");
  rejects(with([](json& c, json&) { c["from"]["one"]["weights"]["rows"][0][0] = 100; }), "level");
  rejects(network([](json& c) { c["data"]["samples"][0][0] = 100; }), "level");
  rejects(with([](json& c, json&) { c["targets"]["rows"][0][0] = 100; }), "level");
  rejects(with([](json& c, json&) { std::swap(c["corners"][0], c["corners"][1]); }), "level");
  rejects(with([](json& c, json&) { c["corners"].push_back(c["corners"][0]); }), "unexpected", 4);
  rejects(with([](json&, json& p) { p["pieces"].erase(0); }), "unexpected", 4);
  rejects(with([](json& c, json& p) { c["corners"] = json::array(), p["pieces"] = json::array(); }), "end-point");
  for (const json& cells : {json(0), json(3), json(131072), json(-4)})
    rejects(with([&](json&, json& p) { p["pieces"][0]["cells"] = cells; }), "unexpected", 4);
  for (const json& bits : {json(7), json(49)})
    rejects(with([&](json&, json& p) { p["pieces"][0]["bits"] = bits; }), "unexpected", 4);
  rejects(with([](json& c, json&) { c["corners"][0]["nowhere"] = c["corners"][0]["one"]; }), "no-such-node", 4);
  rejects(with([](json& c, json&) { c["corners"][0]["relu"] = c["corners"][0]["one"]; }), "unexpected", 4);
  rejects(with([](json& c, json&) { c["corners"][0]["one"].erase("bias"); }), "missing-key", 4);
  rejects(with([](json& c, json&) { c["loss"] = {{"cross-entropy", {0, 1, 0}}}; }), "unknown-key", 4);
  // Functions: a step has no chords; another slope is another network; values and weights beyond the range.
  rejects(network([](json& c) { c["network"]["nodes"][1]["function"] = "step"; }), "unsupported");
  rejects(network([](json& c) { c["network"]["nodes"][1]["function"] = "hard-swish"; }), "unsupported");
  rejects(network([](json& c) {
            c["network"]["nodes"][1]["function"] = "leaky-relu";
            c["network"]["nodes"][1]["slope"] = -100;
          }),
          "level");
  rejects(with([](json& c, json& p) {
            c["level"] = "1000000000000000000000000000000";
            c["corners"][0]["one"]["weights"]["rows"][0][0] = "1000000000000";
            p["pieces"][0]["bits"] = 48;
          }),
          "range");
  rejects(network([&](json& c) {
            c["network"]["nodes"][0]["frozen-bias"] = claim(c, k)["from"]["one"]["bias"];
            claim(c, k)["from"]["one"].erase("bias");
            for (json& corner : claim(c, k)["corners"])
              if (corner.contains("one")) corner["one"].erase("bias");
          }),
          "frozen");
  // The loss of classes.
  rejects(forge(g, smooth, [&](json& c, json&) { claim(c, smooth)["loss"]["cross-entropy"][1] = 0; }), "level");
  rejects(forge(g, smooth, [&](json& c, json&) { claim(c, smooth)["loss"]["cross-entropy"][0] = 2; }), "unexpected", 4);
  rejects(forge(g, smooth, [&](json& c, json&) { claim(c, smooth)["level"] = 0; }), "level");
}

TEST_CASE("forged straight moves: levels, layers, cells") {
  const Genuine g("paths/three-layers");
  const std::size_t k = of_kind(g, "path-below");
  const auto moves = [&](const std::function<void(json&)>& edit) {
    return forge(g, k, [&](json&, json& p) { edit(proof(p, k)["moves"]); });
  };
  const json list = g.certificate()["proofs"][k]["moves"];
  const auto at = [&](const char* move) {
    std::size_t j = 0;
    while (list.at(j)["move"] != move) ++j;
    return j;
  };
  const std::size_t straight = at("straight");
  CHECK(g.check().exit == 0);
  rejects(moves([&](json& m) { m[straight]["layers"]["two"]["bias"] = {{"fill", 1000}}; }), "level");
  rejects(moves([&](json& m) { m.erase(straight); }), "unit-is-used");
  rejects(moves([&](json& m) { m[straight]["cells"] = 6; }), "unexpected", 4);
  rejects(moves([&](json& m) { m[straight]["bits"] = 100; }), "unexpected", 4);
  rejects(moves([&](json& m) { m[straight]["layers"] = {{"relu1", m[straight]["layers"]["two"]}}; }), "unexpected", 4);
  // As a top or unused move it would be another claim.
  rejects(moves([&](json& m) {
            json tensors = m[straight]["layers"]["two"];
            m[straight] = {
                {"move", "unused"}, {"layer", "two"}, {"weights", tensors["weights"]}, {"bias", tensors["bias"]}};
          }),
          "unit-is-used");
  rejects(moves([&](json& m) {
            json tensors = m[straight]["layers"]["two"];
            m[straight] = {
                {"move", "kernel"}, {"layer", "two"}, {"weights", tensors["weights"]}, {"bias", tensors["bias"]}};
          }),
          "not-a-kernel-direction");
  rejects(moves([&](json& m) { m.erase(m.size() - 1); }), "end-point");
}

// Networks that prove nothing, with claims that are false.
TEST_CASE("paths through patches out of order, functions that bend too far, layers beside the output") {
  const Genuine g("paths/exact");
  const auto file = [&](const json& nodes, const json& samples, const json& claim, const json& proof) {
    json c = g.claim(), p = g.certificate();
    c["network"] = {{"input", {{"name", "x"}, {"shape", {samples[0].size()}}}}, {"nodes", nodes}};
    c["data"] = {{"format", "inline"}, {"samples", samples}, {"count", samples.size()}};
    c["claims"] = json::array({claim});
    p["proofs"] = json::array({proof});
    return g.write(c.dump(), p, true);
  };
  const auto rows = [](const json& r) { return json{{"weights", {{"rows", r}}}}; };
  const auto layer = [](const char* name, const json& more) {
    json node{{"name", name}, {"op", "dense"}, {"filters", 1}, {"bias", "none"}};
    node.update(more);
    return node;
  };
  const auto function = [](const char* name, const char* what) {
    return json{{"name", name}, {"op", "activation"}, {"function", what}};
  };
  // z = one neuron, read in another order: from 5 to -5, where e^(-z^2) is small, past z = 0.
  const json bell =
      json::array({layer("one", {{"filters", 2}}), function("act", "identity"),
                   json{{"name", "mid"}, {"op", "linear"}, {"patches", {{1, 0}}}, {"filters", 1}, {"bias", "none"}},
                   function("bell", "gaussian"), layer("out", {{"frozen-weights", {{"rows", {{1}}}}}})});
  const auto barrier = [&](const json& from, const json& to, const json& move) {
    return file(bell, json::array({json::array({1})}),
                {{"kind", "path-below"},
                 {"output", "out"},
                 {"loss", "square"},
                 {"targets", {{"rows", json::array({json::array({0})})}}},
                 {"from", from},
                 {"to", to},
                 {"level", "1/8"}},
                {{"rule", "moves"}, {"moves", json::array({move})}});
  };
  const json mid = rows(json::array({json::array({0, 1})}));
  rejects(barrier({{"one", rows({{5}, {0}})}, {"mid", mid}}, {{"one", rows({{-5}, {0}})}, {"mid", mid}},
                  {{"move", "unused"}, {"layer", "one"}, {"weights", {{"rows", {{-5}, {0}}}}}}),
          "layer-kind");
  rejects(barrier({{"one", rows({{8}, {4}})}, {"mid", rows(json::array({json::array({-1, 1})}))}},
                  {{"one", rows({{1}, {4}})}, {"mid", rows(json::array({json::array({-8, 1})}))}},
                  {{"move", "scale"}, {"layer", "one"}, {"unit", 0}, {"factor", "1/8"}}),
          "layer-kind");
  // softplus that is a kink: bend and step do not fit into 128 bits together.
  json sharp = function("sp", "softplus");
  sharp["sharpness"] = "2251799813685248";
  rejects(file(json::array({layer("one", json::object()), sharp,
                            json{{"name", "cat"}, {"op", "concat"}, {"inputs", {"one", "sp"}}},
                            layer("out", json::object())}),
               json::array({json::array({8})}),
               {{"kind", "max-loss-on-path"},
                {"output", "out"},
                {"loss", "square"},
                {"targets", {{"rows", json::array({json::array({"1073741824"})})}}},
                {"from",
                 {{"one", rows(json::array({json::array({-268435456})}))},
                  {"out", rows(json::array({json::array({"-1/2", 1})}))}}},
                {"corners", json::array({{{"one", rows(json::array({json::array({268435456})}))}}})},
                {"level", "1300000000000"}},
               {{"rule", "chords"}, {"pieces", json::array({{{"cells", 1}, {"bits", 8}}})}}),
          "range");
  // A layer beside the output.
  const json beside = json::array({layer("one", json::object()), function("act", "relu"),
                                   layer("side", {{"input", "x"}}), layer("out", {{"input", "act"}})});
  for (const char* move : {"kernel", "unused"}) {
    rejects(file(beside, json::array({json::array({1})}),
                 {{"kind", "level-component-unbounded"},
                  {"output", "out"},
                  {"from",
                   {{"one", rows(json::array({json::array({1})}))}, {"out", rows(json::array({json::array({1})}))}}}},
                 {{"rule", "moves"},
                  {"moves", json::array()},
                  {"ray", {{"move", move}, {"layer", "side"}, {"weights", {{"fill", 1}}}}}}),
            "not-a-chain");
  }
}
