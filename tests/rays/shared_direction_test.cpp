// Filters along a shared direction: what is found is confirmed on every pair of sample and neuron.
#include <widecert/number/error.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "../catch.h"
#include "../random.h"
#include "proofs/rays/shared_direction.h"
#include "proofs/rays/theorem_3_4.h"

using namespace widecert;

namespace {

// All z_ij of the neurons that are used, by rows of the order.
void confirm(const Architecture& network, const Dataset& data, const SharedDirection& found, std::size_t neurons,
             bool saturated) {
  const Node& node = network.node(1);
  std::vector<std::size_t> used;
  for (std::size_t p = 0; p < node.patches->count(); ++p)
    if (!std::binary_search(found.skipped.begin(), found.skipped.end(), p))
      for (std::size_t t = 0; t < node.filters; ++t) used.push_back(p * node.filters + t);
  const Separation& s = found.gaps;
  REQUIRE(s.centres.size() == neurons + (saturated ? 1 : 0));
  REQUIRE(used.size() >= s.centres.size());
  std::vector<bool> seen(data.size(), false);
  for (std::size_t i : s.order) seen[i] = true;
  CHECK(std::count(seen.begin(), seen.end(), true) == static_cast<std::ptrdiff_t>(data.size()));
  CHECK(s.delta > 0);
  int wrong = 0;
  for (std::size_t j = 0; j < s.centres.size(); ++j) {
    const auto entries = node.patches->entries(used[j] / node.filters);
    const auto& filter = found.filters[network.filter_index(1, used[j])];
    for (std::size_t r = 0; r < data.size(); ++r) {
      Rational z = s.centres[j];
      for (std::size_t k = 0; k < entries.size(); ++k)
        if (entries[k] != kPadding)
          z += Rational(filter[k]) * data.at(s.order[r], static_cast<std::size_t>(entries[k]));
      const bool holds = j == neurons ? z >= s.delta
                         : r > j      ? z <= -s.delta
                         : r < j      ? z <= s.upper
                                      : s.diagonal_low <= z && z <= s.diagonal_high;
      wrong += holds ? 0 : 1;
    }
  }
  CHECK(wrong == 0);
}

}  // namespace

TEST_CASE("filters along a shared direction order the samples as the argument asks") {
  test::Random random(154);
  int found = 0, none = 0, skipped = 0;
  for (int round = 0; round < test::rounds(400); ++round) {
    const auto pick = [&](int low, int high) { return static_cast<std::size_t>(random.integer(low, high)); };
    const std::size_t samples = pick(1, 40), width = pick(2, 6), filters = pick(1, 9), range = pick(1, 30);
    Architecture network("x", {width, 1});
    LinearSpec conv;
    WindowSpec window;
    window.dimensions = 1;
    window.size = {1, pick(1, 2)};
    window.padding.kind = Padding::Kind::given;
    window.padding.amount = {0, pick(0, 2), 0, pick(0, 1)};
    conv.form = ConvSpec{window, filters, 1};
    conv.bias = BiasMode::neuron;
    network.add("conv", conv, {"x"});
    std::vector<std::vector<Rational>> rows(samples, std::vector<Rational>(width));
    for (auto& row : rows)
      for (Rational& v : row)
        v = Rational(random.integer(-static_cast<int>(range), static_cast<int>(range)),
                     random.integer(0, 3) == 0 ? 3 : 1);
    const Dataset data = Dataset::from_samples(rows);
    const bool row_difference = samples > 1 && random.integer(0, 1) == 1,
               saturated = row_difference && random.integer(0, 1) == 1;
    const std::size_t neurons = samples - (row_difference ? 1 : 0);
    const Centre centre = random.integer(0, 1) == 1 ? Centre::mid_gap : Centre::at_minimum;
    const auto result =
        separate_along(network, 1, layer_input(data), neurons, centre, saturated, static_cast<std::uint64_t>(round),
                       random.integer(0, 1) == 1, 1000, [](const std::string&, std::size_t, std::size_t) {});
    (result ? found : none) += 1;
    if (!result) continue;
    skipped += result->skipped.empty() ? 0 : 1;
    INFO("round " << round);
    confirm(network, data, *result, neurons, saturated);
  }
  CHECK(found > 50);
  CHECK(none > 20);
  CHECK(skipped > 10);
}

TEST_CASE("order and biases of many samples go to files") {
  constexpr std::size_t kSamples = kMostInText + 1;
  Architecture network("x", {2});
  LinearSpec dense;
  dense.form = DenseSpec{kSamples};
  dense.bias = BiasMode::neuron;
  network.add("dense1", dense, {"x"});
  network.add("f", ActivationSpec{{ActivationKind::relu, 1}}, {"dense1"});
  std::vector<std::vector<Rational>> rows;
  for (std::size_t i = 0; i < kSamples; ++i) rows.push_back({Rational(Integer(i * i % 30011)), Rational(Integer(i))});
  const Instance instance{network, {}, Dataset::from_samples(rows)};
  const Json entry = parse_json(R"({"filters": "shared-direction"})", "test");
  JsonReader in(entry, "test");
  const Theorem theorem = theorems::theorem_3_4();
  Options options;
  options.file_prefix = "a.1.";
  const Outcome outcome = theorem.read({in, network, 2, "independent-on-ray"})(instance, options);
  REQUIRE(outcome.verdict == Verdict::proved);
  REQUIRE(outcome.files.size() == 3);
  for (const Attachment& file : outcome.files) {
    INFO(file.path);
    CHECK_THAT(file.path, Catch::Matchers::StartsWith("a.1."));
    CHECK((outcome.findings[0].claim.text() + outcome.findings[0].proof.text()).find(file.sha256()) !=
          std::string::npos);
  }
  CHECK(outcome.findings[0].claim.text().size() < 10'000);
  CHECK(outcome.findings[0].proof.text().size() < 10'000);
}
