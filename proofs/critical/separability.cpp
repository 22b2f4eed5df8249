#include "proofs/critical/separability.h"

#include <fmt/format.h>
#include <widecert/certificate/model_json.h>
#include <widecert/linalg/exact_program.h>
#include <widecert/network/scaled_features.h>
#include <widecert/number/error.h>

#include <algorithm>

#include "proofs/interpolation/exact.h"

namespace widecert {
namespace {

struct Asked {
  std::size_t node;
  std::string claim;
  PointSpec parameters;
  Classes classes;
};

using Rows = std::vector<std::vector<Rational>>;  // [f_i, 1]

// Of values that are irrational: on a grid of 2^-kNear. A margin of 1 in the programs is far more than that.
constexpr int kNear = 40;
Rows near_rows(const Instance& instance, const Asked& asked, const Options& options) {
  const ScaledFeatures f =
      scaled_features(instance.network, asked.parameters, instance.data, asked.node, kNear,
                      [&](std::size_t done) { options.progress("values", done, instance.data.size()); });
  Rows rows;
  for (std::size_t i = 0; i < f.samples; ++i) {
    auto& row = rows.emplace_back();
    for (std::size_t k = 0; k < f.width; ++k) {
      const std::size_t at = i * f.width + k;
      row.emplace_back(f.is_small() ? Integer(f.small[at]) : f.large[at], f.divisor);
    }
    row.emplace_back(1);
  }
  return rows;
}

std::vector<Integer> integers(const std::vector<Rational>& v) {
  Integer common = 1;
  for (const Rational& x : v) common = lcm(common, Integer(denominator(x)));
  std::vector<Integer> out;
  for (const Rational& x : v) out.push_back(numerator(Rational(x * common)));
  return out;
}

// h with e_i <h, [f_i, 1]> >= 1 for every sample.
std::optional<std::vector<Integer>> hyperplane(const Rows& rows, const std::vector<int>& side) {
  const std::size_t width = rows[0].size(), n = rows.size();
  std::vector<ProgramColumn> columns(2 * width + n);
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t k = 0; k < width; ++k) {
      if (rows[i][k] == 0) continue;
      columns[k].emplace_back(i, side[i] * rows[i][k]);
      columns[width + k].emplace_back(i, -side[i] * rows[i][k]);
    }
    columns[2 * width + i].emplace_back(i, -1);
  }
  const auto x = nonnegative_solution(columns, std::vector<Rational>(n, 1));
  if (!x) return std::nullopt;
  std::vector<Rational> h;
  for (std::size_t k = 0; k < width; ++k) h.push_back((*x)[k] - (*x)[width + k]);
  return integers(h);
}

// q >= 0 with sum q_i = 1 and sum q_i e_i [f_i, 1] = 0.
std::optional<std::vector<Integer>> meeting_means(const Rows& rows, const std::vector<int>& side) {
  const std::size_t width = rows[0].size(), n = rows.size();
  std::vector<ProgramColumn> columns(n);
  std::vector<bool> used(width, false);
  for (const auto& row : rows)
    for (std::size_t k = 0; k < width; ++k) used[k] = used[k] || row[k] != 0;
  std::vector<std::size_t> place(width, 0);
  std::size_t count = 1;
  for (std::size_t k = 0; k < width; ++k)
    if (used[k]) place[k] = count++;
  for (std::size_t i = 0; i < n; ++i) {
    columns[i].emplace_back(0, 1);
    for (std::size_t k = 0; k < width; ++k)
      if (rows[i][k] != 0) columns[i].emplace_back(place[k], side[i] * rows[i][k]);
  }
  std::vector<Rational> b(count, 0);
  b[0] = 1;
  const auto q = nonnegative_solution(columns, b);
  if (!q) return std::nullopt;
  return integers(*q);
}

Outcome prove(const Instance& instance, const Asked& asked, const Options& options) {
  const Node& layer = instance.network.node(asked.node);
  const std::vector<std::size_t> classes = expand_classes(asked.classes, instance.data.size());
  std::string why;
  const auto values = exact_values(instance, asked.parameters, asked.node, options, why);
  Rows rows;
  if (values) {
    for (const auto& row : *values) {
      auto& out = rows.emplace_back();
      for (const Ln2& v : row) {
        if (!v.is_rational())
          return not_applicable("irrational", fmt::format("values of layer {} have multiples of ln 2", layer.name));
        out.push_back(v.constant());
      }
      out.emplace_back(1);
    }
  } else {
    rows = near_rows(instance, asked, options);
  }
  const bool wants_separation = asked.claim == "separable-at";
  const std::size_t m = *std::max_element(classes.begin(), classes.end()) + 1;
  std::vector<Value> normals;
  for (std::size_t j = 0; j < m; ++j) {
    options.progress("classes", j, m);
    std::vector<int> side;
    for (std::size_t c : classes) side.push_back(c == j ? 1 : -1);
    if (auto h = hyperplane(rows, side)) {
      normals.emplace_back(*h);
      continue;
    }
    if (!values)
      return undecided("irrational",
                       "no hyperplanes are found, and means that meet are looked for exactly only: " + why);
    const auto q = meeting_means(rows, side);
    if (!q) return undecided("no-program", fmt::format("the linear programs of class {} were not solved", j));
    const std::string text =
        fmt::format("a mean of {} samples of class {} and of the others is the same in F({})",
                    std::count_if(q->begin(), q->end(), [](const Integer& x) { return x != 0; }), j, layer.name);
    const Finding finding{
        Claim("not-separable-at",
              {{"node", layer.name}, {"parameters", asked.parameters}, {"classes", asked.classes}, {"class", j}}),
        Proof("gordan", {{"weights", *q}})};
    return wants_separation ? refuted("not-separable", text, {finding}) : proved(text, {finding});
  }
  const std::string text = fmt::format("hyperplanes separate each of {} classes in F({})", m, layer.name);
  Keys proof{{"normals", normals}};
  if (!values) proof.emplace_back("precision", 2 * kNear);
  const Finding finding{
      Claim("separable-at", {{"node", layer.name}, {"parameters", asked.parameters}, {"classes", asked.classes}}),
      Proof("separating-hyperplanes", proof)};
  return wants_separation ? proved(text, {finding}) : refuted("separable", text, {finding});
}

}  // namespace

Theorem theorems::separability() {
  return {.id = "separable",
          .title = "Features that hyperplanes separate by classes",
          .source = "Nguyen & Hein, ICML 2017, section 5; Gordan's alternative",
          .statement =
              "At the given parameters, for each class a hyperplane in F_k separates its samples strictly from the "
              "others; or for "
              "some class none does, since a mean of its samples is a mean of others. Exactly one of the two holds.",
          .hypotheses = {"rational values (sigmoid and tanh at multiples of ln 2)"},
          .claims = {"separable-at", "not-separable-at"},
          .rules = {"separating-hyperplanes", "gordan"},
          .reasons = {"irrational", "separable", "not-separable", "no-program"},
          .keys = {{"parameters", "tensors of the linear nodes up to the layer; none where the layer is the input"},
                   {"classes", "a class for each sample, from 0 on: a list, or data with one column"}},
          .read = [](const Entry& entry) -> Prover {
            const auto parameters = read_parameters(entry);
            const auto classes = entry.json.find("classes");
            if (!classes) throw InputError(entry.json.place() + ": " + entry.claim + " needs \"classes\"");
            const Asked asked{entry.node, entry.claim, parameters.value_or(PointSpec{}), read_classes(*classes)};
            return
                [asked](const Instance& instance, const Options& options) { return prove(instance, asked, options); };
          }};
}

}  // namespace widecert
