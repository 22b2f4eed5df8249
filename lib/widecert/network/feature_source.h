// The matrix F of a node's values on all samples, or [F, 1], to any precision: what rank_ladder.h climbs.
#pragma once

#include <widecert/data/dataset.h>
#include <widecert/linalg/rank_ladder.h>
#include <widecert/network/exact_forward.h>
#include <widecert/network/forward.h>

namespace widecert {

// Tensors and points as balls at the working precision.
std::vector<std::vector<Ball>> ball_rows(const IntegerTensor& tensor);
Parameters<Ball> ball_parameters(const IntegerPoint& point);

// Keeps references to network and data. Rows are samples. In double by enclosed_forward.h, beyond by balls.
MatrixSource feature_source(const Architecture& network, const IntegerPoint& point, std::size_t node,
                            const Dataset& data, bool ones);

// U = M(W) of a linear node (n_{k-1} x n_k), dense, from filters kept as integers.
MatrixSource weight_source(const Architecture& network, std::size_t node, const IntegerTensor& weights);

}  // namespace widecert
