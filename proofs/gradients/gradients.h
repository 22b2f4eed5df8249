// Above a wide layer k: gradients by Lemma H.1 (backpropagation), Lemma 4.3 and its sharper form, at given parameters.
// Phi = 1/2 ||F_L - Y||_F^2 (2018, equation 6). The gradient is that for U_{k+1} as a free matrix: for a layer that
// shares filters it is not the gradient for W_{k+1}, and its bounds are none for that one.
#pragma once

#include <widecert/network/backward.h>

#include "proofs/output.h"
#include "proofs/singular/singular_values.h"

namespace widecert {

using Mat = Matrix<double>;

// Short numbers a little above and below.
Rational above_of(double x);
Rational below_of(double x);

// What the three provers start from.
struct GradientSetting {
  const Instance& instance;
  const Options& options;
  std::size_t node, output;
  LayersAbove above;
  PointSpec spec;
  IntegerPoint point;
  BackwardNumbers numbers;
  std::string about;  // a warning, where layer k+1 shares filters or sees patches

  const Node& layer(std::size_t i) const { return instance.network.node(i); }
  const Node& first() const { return layer(above.linear[0]); }  // layer k+1
  std::size_t samples() const { return instance.data.size(); }
  ShownBounds bounds_of(const MatrixSource& source) const;
  // "kind" of F_L over layer k at this point, with the rest.
  Claim claim(const char* kind, const Keys& keys) const;
  // "backpropagation" with so many bits and what they take of the values below.
  Proof proof(long bits, const Keys& keys = {}) const;
};

// "gradient-bounds": lower ||F_L - Y|| <= ||gradient|| <= upper ||F_L - Y|| for every Y, from the singular values of
// F_k and of the weight matrices above, and the slopes of the activations (Lemma 4.3).
Outcome gradient_bounds(const GradientSetting& s);
// "gradient-dominance": Phi <= ||gradient||^2 / (2 mu), mu = lambda_min(F_k F_k^T) min_i lambda_min(D_i D_i^T), D_i = d
// f_L / d g_{k+1}(x_i); with the biases of layer k+1 where it has one for each neuron, and F_k F_k^T + 1 1^T then.
Outcome gradient_dominance(const GradientSetting& s);
// "gradient-enclosure": ||F_L - Y|| and ||gradient|| themselves.
Outcome gradient_enclosure(const GradientSetting& s, const TargetsSpec& targets);

namespace theorems {
Theorem gradients();
}

}  // namespace widecert
