// Filters with few weights other than 0 and biases about which the values of every neuron lie on both sides, for layers
// of many neurons: one that has one sign on all samples says nothing, and of N neurons for N samples none may.
#pragma once

#include <widecert/network/feature_rows.h>

namespace widecert {

struct CentredLayer {
  SparseTensor weights;
  ExplicitTensor bias;  // one row
};

// For a linear node with free filters, patches of one bank and one free bias for each filter, `below` the pass for
// what enters it, whose values on some samples are looked at. Weights are integers up to `range`, of alternating signs;
// biases multiples of 1 over the divisor of the layer's sums, with `odd` odd multiples of half of that. Nothing where
// values do not fit into 64 bits. Cost: some forward passes of 512 samples.
std::optional<CentredLayer> centred_layer(const Node& node, const FeaturePass& below, const Dataset& data,
                                          std::int64_t range, bool odd, std::uint64_t seed);

}  // namespace widecert
