// The number that proofs/critical/README.md gives for cases/critical/non-degenerate: the full Hessian there.
#include <widecert/network/activation.h>

#include "../catch.h"

using namespace widecert;

namespace {

using Square = std::vector<std::vector<Rational>>;

Rational determinant(Square m) {
  Rational product = 1;
  for (std::size_t k = 0; k < m.size(); ++k) {
    std::size_t pivot = k;
    while (pivot < m.size() && m[pivot][k] == 0) ++pivot;
    if (pivot == m.size()) return 0;
    if (pivot != k) {
      std::swap(m[pivot], m[k]);
      product = -product;
    }
    product *= m[k][k];
    for (std::size_t i = k + 1; i < m.size(); ++i) {
      const Rational factor = m[i][k] / m[k][k];
      for (std::size_t j = k; j < m.size(); ++j) m[i][j] -= factor * m[k][j];
    }
  }
  return product;
}

}  // namespace

TEST_CASE("a critical point with F_L other than Y whose full Hessian is nonsingular") {
  // x = -1, 0, 1, 2; three units with w = ln 2, b = 0; W_2 = b_2 = 0, so that R = -Y.
  const std::vector<std::vector<Rational>> residual{{1, Rational(9, 5)}, {-2, Rational(-14, 5)}, {1, 0}, {0, 1}};
  const Activation sigmoid{ActivationKind::sigmoid, 1};
  Rational phi = 0;
  // Parameters: w_j and b_j of three units, W_2 (unit j, output h), b_2. Phi = ||R + F||^2 / 2 with F = S(g) W_2 + b_2:
  // second derivatives are J^T J for W_2 and b_2, and for (w_j or b_j, W_2 at (j, h)) sums of R s'(g) x or R s'(g).
  Square hessian(14, std::vector<Rational>(14));
  std::vector<Rational> gradient(14);
  for (int i = 0; i < 4; ++i) {
    const Rational x = i - 1;
    const Ln2 g(std::vector<Rational>{0, x});
    const Rational s = evaluate(sigmoid, g).constant(), slope = derivative(sigmoid, g).constant();
    for (std::size_t h = 0; h < 2; ++h) {
      const Rational& r = residual[static_cast<std::size_t>(i)][h];
      phi += r * r / 2;
      const auto place = [&](std::size_t j) { return j < 3 ? 6 + 2 * j + h : 12 + h; };  // j = 3: the bias
      const auto value = [&](std::size_t j) { return j < 3 ? s : Rational(1); };
      for (std::size_t j = 0; j < 4; ++j) {
        gradient[place(j)] += r * value(j);
        for (std::size_t k = 0; k < 4; ++k) hessian[place(j)][place(k)] += value(j) * value(k);
        if (j == 3) continue;
        for (const auto& [at, factor] : {std::pair(j, x), std::pair(3 + j, Rational(1))}) {
          hessian[at][place(j)] += r * slope * factor;
          hessian[place(j)][at] += r * slope * factor;
        }
      }
    }
  }
  CHECK(gradient == std::vector<Rational>(14));
  CHECK(phi == Rational(226, 25));
  CHECK(determinant(hessian) == Rational(16) / Rational(Integer("129746337890625")));
}
