// The backward pass (Nguyen & Hein 2018, Lemma H.1) in double, without bounds: what numbers of claims are chosen from
// before they are verified by other means.
#pragma once

#include <widecert/data/dataset.h>
#include <widecert/linalg/matrix.h>
#include <widecert/network/exact_forward.h>
#include <widecert/network/layers_above.h>

#include <functional>

namespace widecert {

struct BackwardNumbers {
  Matrix<double> features, output;
  // Of each activation s above, a sample a row: the pre-activations G, s(G), s'(G).
  std::vector<Matrix<double>> before, after, slopes;
  std::vector<Matrix<double>> u;  // weight matrices above
};
// `node` and `output` are the ends of `above`; the point has the tensors of all layers up to the output. `tick` is told
// each sample, and may throw. Values are those of balls of 128 bits, rounded. Cost: a forward pass in balls.
BackwardNumbers backward_numbers(const Architecture& network, const Dataset& data, const IntegerPoint& point,
                                 std::size_t node, std::size_t output, const LayersAbove& above,
                                 const std::function<void(std::size_t sample)>& tick);

// Rows D_{k+1} from rows on the outputs, all with the slopes of one sample (or row by row of all samples).
Matrix<double> backward(Matrix<double> d, const BackwardNumbers& numbers, std::optional<Eigen::Index> sample);

}  // namespace widecert
