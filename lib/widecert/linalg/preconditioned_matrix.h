// B = X_k ... X_1 A', the matrix of scaled rows after k preconditioners, with a rigorous bound of its error. With P =
// X_k ... X_1, for every A' of the enclosure
//   ||B - P A'|| <= radius + product + low,
// where the radius of A' and the errors of former products grow by ||X_i|| with each step, each product adds its own,
// and `low` is what the sum of two doubles has beside the double that is further worked with. So sigma_min(B) >= b >
// error() proves that every A' has full rank, and sigma_min(A') ||X_1|| ... ||X_k|| >= b - error().
//
// Internal to singular_bounds.h.
#pragma once

#include <widecert/linalg/preconditioner.h>
#include <widecert/linalg/row_scaling.h>

#include <vector>

namespace widecert {

// What B differs from P A' by, at most, in the spectral norm.
struct PreconditioningError {
  double radius = 0;   // for A' is only known so well
  double product = 0;  // rounding of the products
  double low = 0;      // of the part of B that is not in high()
};

// A value that is moved, never copied; `a` has to outlive it.
class PreconditionedMatrix {
 public:
  PreconditionedMatrix(PreconditionedMatrix&&) = default;
  PreconditionedMatrix& operator=(PreconditionedMatrix&&) = default;

  // B = A'. Nothing is copied.
  explicit PreconditionedMatrix(const ScaledRows& a);
  // Costs a product accurate_product(x, lower_triangular, ..., slices) for each x.
  PreconditionedMatrix(const ScaledRows& a, std::vector<Preconditioner> x, int slices);

  // With x joined to the preconditioners (preconditioner.h). If `slices` is that of the products so far, all but the
  // last of these are still right and taken over.
  PreconditionedMatrix with(Preconditioner x, int slices) &&;
  // The same preconditioners, all products anew.
  PreconditionedMatrix with_slices(int slices) &&;

  const Matrix<double>& high() const { return products_.empty() ? a_->middle().high : products_.back().value.high; }
  // Applied one after the other, the first first.
  const std::vector<Preconditioner>& preconditioners() const { return x_; }
  const PreconditioningError& errors() const { return products_.empty() ? given_ : products_.back().errors; }
  // At least ||high() - P A'|| in the spectral norm for every A' of the enclosure; infinite or NaN after an overflow.
  double error() const;

 private:
  struct Product {
    SplitMatrix value;
    PreconditioningError errors;
  };
  // Computes the products from that number on; those before it stand.
  void multiply_from(std::size_t first, int slices);

  const ScaledRows* a_;
  PreconditioningError given_;  // of B = A'
  std::vector<Preconditioner> x_;
  std::vector<Product> products_;  // after each of x_
  int slices_ = 0;                 // of these products
};

}  // namespace widecert
