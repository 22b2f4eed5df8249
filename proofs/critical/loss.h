// Losses, exactly over Q[ln 2], as entries and claims name them.
#pragma once

#include <widecert/network/ln2_values.h>
#include <widecert/network/targets.h>

#include "proofs/prover.h"

namespace widecert {

struct LossSpec {
  std::string kind = "square";       // "one-sided", or one of the others
  std::vector<Rational> parameters;  // of the others
  std::optional<Classes> classes;    // of one-sided
};
LossSpec read_loss(JsonReader in);
Value loss_value(const LossSpec& loss);
inline const std::pair<std::string, std::string> kLossKey{
    "loss",
    "\"square\" (default), {\"one-sided\": classes}; or where F_L = Y {\"pseudo-huber\": d}, {\"blake-zisserman\": d}, "
    "{\"corrupted-gaussian\": [alpha, w]}, {\"cauchy\": d}"};

// R = F_L - Y.
Ln2Rows residuals_of(const Ln2Rows& values, const Tensor& targets);
// Phi, its derivatives for F_L, and whether every sample has the least loss. Throw InputError where the loss is not
// polynomial (of the others: unless the residuals are 0).
Ln2 loss_of(const LossSpec& loss, const Ln2Rows& residuals);
Ln2Rows loss_derivative(const LossSpec& loss, const Ln2Rows& residuals);
bool has_least_loss(const LossSpec& loss, const Ln2Rows& residuals);

}  // namespace widecert
