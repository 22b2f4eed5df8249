// Matrix<S>: dense, row major, over any scalar (Eigen). Storage and indexing only: elimination over
// exact scalars belongs to FLINT (modular_matrix.h), never to Eigen's solvers.
#pragma once

#include <widecert/number/ball.h>
#include <widecert/number/rational.h>

#include <Eigen/Core>

namespace widecert {

template <class S>
using Matrix = Eigen::Matrix<S, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

}  // namespace widecert

namespace Eigen {
template <>
struct NumTraits<widecert::Ball> : GenericNumTraits<widecert::Ball> {
  using Real = widecert::Ball;
  using NonInteger = widecert::Ball;
  using Nested = widecert::Ball;
  enum {
    IsComplex = 0,
    IsInteger = 0,
    IsSigned = 1,
    RequireInitialization = 1,
    ReadCost = 8,
    AddCost = 32,
    MulCost = 64
  };
};
}  // namespace Eigen
