#include "proofs/regions/factor.h"

namespace widecert {
namespace {

using Vector = std::vector<Rational>;

std::size_t first_entry(const Vector& v) {
  std::size_t i = 0;
  while (i < v.size() && v[i] == 0) ++i;
  return i;
}

}  // namespace

// Forms are kept reduced: each is 1 at a pivot of its own, where the others are 0, so that unit vectors are dual to
// them.
std::optional<Factor> factor_of(const Units& network) {
  std::vector<Vector> forms;
  std::vector<std::size_t> pivots;
  for (const Units::Layer& layer : network.layers) {
    for (const Units::Row& row : layer.rows) {
      Vector reads(network.inputs);
      for (const auto& [source, weight] : row.terms)
        if (source < network.inputs) reads[source] = weight;
      for (std::size_t k = 0; k < forms.size(); ++k) {
        const Rational by = reads[pivots[k]];
        if (by == 0) continue;
        for (std::size_t i = 0; i < reads.size(); ++i) reads[i] -= by * forms[k][i];
      }
      const std::size_t pivot = first_entry(reads);
      if (pivot == reads.size()) continue;
      if (forms.size() == 2) return std::nullopt;
      const Rational scale = reads[pivot];
      for (Rational& v : reads) v /= scale;
      for (Vector& form : forms) {
        const Rational by = form[pivot];
        for (std::size_t i = 0; i < form.size(); ++i) form[i] -= by * reads[i];
      }
      forms.push_back(std::move(reads));
      pivots.push_back(pivot);
    }
  }
  Factor factor;
  for (std::size_t k = 0; k < forms.size(); ++k) {
    Vector unit(network.inputs);
    unit[pivots[k]] = 1;
    factor.directions.push_back(std::move(unit));
  }
  factor.forms = std::move(forms);
  return factor;
}

CellPlane plane_of(const Factor& factor, std::size_t inputs) {
  CellPlane plane;
  plane.inputs.resize(inputs);
  for (std::size_t k = 0; k < factor.directions.size(); ++k)
    for (std::size_t i = 0; i < inputs; ++i) plane.inputs[i][k] = factor.directions[k][i];
  return plane;
}

}  // namespace widecert
