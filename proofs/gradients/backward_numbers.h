// Values, slopes and weight matrices in double: what the claims about gradients take their numbers from. The checker
// verifies them by other means.
#pragma once

#include <widecert/linalg/matrix.h>

#include "proofs/gradients/layers_above.h"

namespace widecert {

using Mat = Matrix<double>;

struct BackwardNumbers {
  Mat features, output;
  std::vector<Mat> slopes;  // s' of each activation above, a sample a row
  std::vector<Mat> u;       // weight matrices above
};
BackwardNumbers backward_numbers(const Instance& instance, const IntegerPoint& point, std::size_t node,
                                 std::size_t output, const LayersAbove& above, const Options& options);

// Rows D_{k+1} from rows on the outputs, all with the slopes of one sample (or row by row of all samples).
Mat backward(Mat d, const BackwardNumbers& numbers, std::optional<Eigen::Index> sample);

// Short numbers a little above and below.
Rational above_of(double x);
Rational below_of(double x);

}  // namespace widecert
