#include <widecert/linalg/preconditioned_matrix.h>

#include <utility>

namespace widecert {

PreconditionedMatrix::PreconditionedMatrix(const ScaledRows& a) : a_(&a), given_{a.radius, 0, a.low_norm} {}

PreconditionedMatrix::PreconditionedMatrix(const ScaledRows& a, std::vector<Preconditioner> x, int slices)
    : PreconditionedMatrix(a) {
  x_ = std::move(x);
  multiply_from(0, slices);
}

PreconditionedMatrix PreconditionedMatrix::with(Preconditioner x, int slices) && {
  x_ = joined(std::move(x_), std::move(x));
  multiply_from(slices == slices_ ? x_.size() - 1 : 0, slices);
  return std::move(*this);
}

PreconditionedMatrix PreconditionedMatrix::with_slices(int slices) && {
  multiply_from(0, slices);
  return std::move(*this);
}

double PreconditionedMatrix::error() const {
  const PreconditioningError& e = errors();
  return add_up(add_up(e.radius, e.product), e.low);
}

void PreconditionedMatrix::multiply_from(std::size_t first, int slices) {
  products_.resize(x_.size());
  for (std::size_t k = first; k < x_.size(); ++k) {
    const auto& [x, norm] = x_[k];
    const PreconditioningError& before = k == 0 ? given_ : products_[k - 1].errors;
    AccurateProduct product =
        accurate_product(x, MatrixShape::lower_triangular, k == 0 ? a_->middle() : products_[k - 1].value, slices);
    const double low = product.value.low.size() == 0 ? 0 : frobenius_up(product.value.low);
    products_[k] = {std::move(product.value),
                    {mul_up(norm, before.radius), add_up(mul_up(norm, before.product), product.error), low}};
  }
  slices_ = slices;
}

}  // namespace widecert
