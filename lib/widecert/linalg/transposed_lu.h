// The elimination A^T = P L U as floating point finds it (dgetrf), and the preconditioner X = U^-T from it, which gains
// about 10^15 in condition at once (Rump's way with inverses, "Inversion of extremely ill-conditioned matrices in
// floating-point", Japan J. Indust. Appl. Math. 26, 2009). X A is about W = L^T P^T, whose entries are at most 1 and
// whose Gram matrix costs less than that of X A. Nothing is assumed of P, L and U: W is an exact matrix of doubles,
// and what is claimed of X A is sigma_min(X A) >= sigma_min(W) - ||X A - W||, both evaluated rigorously.
//
// Internal to singular_bounds.h.
#pragma once

#include <widecert/linalg/preconditioner.h>

#include <cstddef>
#include <optional>
#include <vector>

namespace widecert {

class TransposedLu {
 public:
  // Of A, m x n with m <= n. Cost: m^2 n - m^3 / 3 products and additions.
  explicit TransposedLu(const Matrix<double>& a);

  // U^-T, pivots that are noise made larger; nothing if it is not finite. m^3 / 3 products
  // and additions.
  std::optional<Preconditioner> preconditioner() const;

  // An estimate of sigma_min(W), not rigorous; 0 if there is none.
  double estimated_sigma_min() const;

  // W, exactly.
  Matrix<double> w() const;

  // Contains W W^T = L^T L. Cost: m^2 n - 2/3 m^3 products and additions.
  SymmetricEnclosure gram() const;

 private:
  Matrix<double> lu_;                // as dgetrf leaves them: our rows are its columns
  std::vector<Eigen::Index> place_;  // where the rows of L come from
};

}  // namespace widecert
