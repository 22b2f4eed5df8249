// Samples through one dense layer with frozen tensors and an activation: nodes "dense1" and "f".
#pragma once

#include "proofs/prover.h"
#include "random.h"

namespace widecert::test {

inline Instance dense_instance(const Tensor& data, const Tensor& weights, const std::vector<Rational>& bias,
                               ActivationKind kind) {
  Architecture network("x", {data.front().size()});
  LinearSpec dense;
  dense.form = DenseSpec{weights.size()};
  dense.frozen_weights = ExplicitTensor{weights};
  dense.frozen_bias = ExplicitTensor{{bias}};
  network.add("dense1", dense, {"x"});
  network.add("f", ActivationSpec{{kind, 1}}, {"dense1"});
  return {network, {}, Dataset::from_samples(data)};
}

// Fills rows with random integers.
inline void fill(Random& random, Tensor& rows, int low, int high) {
  for (auto& row : rows)
    for (Rational& v : row) v = random.integer(low, high);
}

}  // namespace widecert::test
