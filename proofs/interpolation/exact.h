// Exact weights: the values of a layer in Q[ln 2], systems on them, and what carries targets through the layers above.
#pragma once

#include <widecert/network/layers_above.h>
#include <widecert/network/ln2_values.h>

#include "proofs/prover.h"

namespace widecert {

// Whether a point says values for a layer's free tensors.
bool speaks_of(const PointSpec& point, const Architecture& network, std::size_t layer);

// The values with progress; nothing where they are not in Q[ln 2], and `why` says which.
std::optional<Ln2Rows> exact_values(const Instance& instance, const PointSpec& point, std::size_t node,
                                    const Options& options, std::string& why);

// Why F_L = Y is not known to hold at a point that has all layers up to the output; nothing if it holds exactly.
std::optional<Outcome> not_zero_loss(const Instance& instance, const PointSpec& point, std::size_t output,
                                     const Tensor& targets, const Options& options);
bool all_rational(const Ln2Rows& values);

// Values for the free tensors of a dense layer with F W + 1 b^T = factor [T, 0], where T has one column or more, as
// many as the layer has neurons at most. F is rational. Nothing if there is no solution modulo a large prime.
std::optional<NodeTensors> solve_layer(const Architecture& network, std::size_t layer, const Ln2Rows& features,
                                       const Tensor& targets, const Ln2& factor, const Options& options);

// Values for all layers above a node whose features have full row rank, so that F_L = Y: Theorem 4.5 with exact
// numbers. A layer keeps alpha + beta T, where Y = shift + scale T. Nothing where an activation or a frozen tensor does
// not allow that; `why` says so.
std::optional<PointSpec> carry(const Architecture& network, const LayersAbove& above, const Ln2Rows& features,
                               const Tensor& targets, const Options& options, std::string& why);

}  // namespace widecert
