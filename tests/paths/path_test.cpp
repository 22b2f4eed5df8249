// Random small networks: at random points of a path that is accepted, Phi, evaluated exactly, is at most the level.
#include <widecert/network/forward.h>
#include <widecert/network/point.h>

#include <nlohmann/json.hpp>

#include "../catch.h"
#include "../random.h"
#include "proofs/catalogue.h"

using namespace widecert;
using widecert::test::Random;

namespace {

Rational number(const Json& v) {
  return v.is_string() ? parse_rational(v.get<std::string>()) : Rational(v.get<std::int64_t>());
}
Tensor tensor(const Json& json, std::size_t rows, std::size_t columns) {
  if (json.contains("fill")) return Tensor(rows, std::vector<Rational>(columns, number(json["fill"])));
  Tensor out;
  for (const Json& row : json.at("rows")) {
    auto& values = out.emplace_back();
    for (const Json& v : row) values.push_back(number(v));
  }
  return out;
}

}  // namespace

TEST_CASE("at random points of paths between random networks Phi is at most the level") {
  Random random(181);
  std::size_t paths = 0, points = 0;
  for (int round = 0; round < test::rounds(150); ++round) {
    const auto n = static_cast<std::size_t>(random.integer(2, 6)),
               width = static_cast<std::size_t>(random.integer(3, 14)),
               outputs = static_cast<std::size_t>(random.integer(1, 3));
    Architecture network("x", {2});
    LinearSpec hidden, out;
    hidden.form = DenseSpec{width};
    out.form = DenseSpec{outputs};
    network.add("hidden", hidden, {"x"});
    network.add("relu", ActivationSpec{{ActivationKind::relu, 1}}, {"hidden"});
    network.add("out", out, {"relu"});
    std::vector<std::vector<Rational>> samples(n);
    for (auto& x : samples) x = {random.rational(5), random.rational(5)};
    const Instance instance{network, DatasetSpec{InlineSource{samples}, {}, 0, {}, 1, 1, {}},
                            Dataset::from_samples(samples)};
    const auto rows = [&](std::size_t r, std::size_t c) {
      Json all = Json::array();
      for (std::size_t i = 0; i < r; ++i) {
        Json row = Json::array();
        for (std::size_t j = 0; j < c; ++j) row.push_back(random.integer(-4, 4));
        all.push_back(row);
      }
      return Json{{"rows", all}};
    };
    const auto point = [&] {
      return Json{{"hidden", {{"weights", rows(width, 2)}, {"bias", rows(1, width)}}},
                  {"out", {{"weights", rows(outputs, width)}, {"bias", rows(1, outputs)}}}};
    };
    const Json entry{
        {"theorem", "path-below"}, {"node", "out"}, {"targets", rows(n, outputs)}, {"from", point()}, {"to", point()}};
    const Outcome outcome = prove_entry(instance, entry.dump());
    if (outcome.verdict != Verdict::proved) {
      CHECK((outcome.reason == "no-path" || outcome.reason == "level"));
      continue;
    }
    ++paths;
    const Json& claim = outcome.findings[0].claim.json();
    const Json moves = outcome.findings[0].proof.json().at("moves");
    const Tensor targets = tensor(claim.at("targets"), n, outputs);
    const auto read = [&](const Json& p) {
      return std::map<std::string, Tensor>{{"hidden.weights", tensor(p["hidden"]["weights"], width, 2)},
                                           {"hidden.bias", tensor(p["hidden"]["bias"], 1, width)},
                                           {"out.weights", tensor(p["out"]["weights"], outputs, width)},
                                           {"out.bias", tensor(p["out"]["bias"], 1, outputs)}};
    };
    auto now = read(claim.at("from"));
    const Rational level = number(claim.at("level"));
    for (const Json& move : moves) {
      auto next = now;
      const bool top = move.at("move") == "top";
      next[top ? "out.weights" : "hidden.weights"] = tensor(move.at("weights"), top ? outputs : width, top ? width : 2);
      next[top ? "out.bias" : "hidden.bias"] = tensor(move.at("bias"), 1, top ? outputs : width);
      for (int k = 0; k < 4; ++k) {
        const Rational t(random.integer(0, 16), 16);
        auto between = now;
        for (auto& [name, values] : between)
          for (std::size_t r = 0; r < values.size(); ++r)
            for (std::size_t c = 0; c < values[r].size(); ++c) values[r][c] += t * (next[name][r][c] - values[r][c]);
        Parameters<Rational> theta;
        theta[1] = {between["hidden.weights"], between["hidden.bias"][0]};
        theta[3] = {between["out.weights"], between["out.bias"][0]};
        Rational phi = 0;
        for (std::size_t i = 0; i < n; ++i) {
          const auto values = forward(network, theta, samples[i], 3);
          for (std::size_t j = 0; j < outputs; ++j)
            phi += (values[3][j] - targets[i][j]) * (values[3][j] - targets[i][j]) / 2;
        }
        INFO("seed 181, round " << round);
        CHECK(phi <= level);
        ++points;
      }
      now = next;
    }
    CHECK(now == read(claim.at("to")));
  }
  CHECK(paths > 40);
  CHECK(points > 800);
}
