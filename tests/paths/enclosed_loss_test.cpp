// Losses of enclosed outputs, against balls of many bits.
#include <widecert/number/ball.h>

#include <Eigen/Core>

#include "../catch.h"
#include "../random.h"
#include "tools/widecert/enclosed_loss.h"

using namespace widecert;

namespace {

// Phi of exact outputs.
Ball loss_of(const std::string& kind, const Matrix<double>& f, const std::vector<std::size_t>& classes) {
  Ball phi(0);
  for (Eigen::Index i = 0; i < f.rows(); ++i) {
    const auto c = static_cast<Eigen::Index>(classes[static_cast<std::size_t>(i)]);
    if (kind == "cross-entropy") {
      Ball sum(0);
      for (Eigen::Index k = 0; k < f.cols(); ++k) sum += exp(Ball::exactly(f(i, k)));
      phi += log(sum) - Ball::exactly(f(i, c));
      continue;
    }
    for (Eigen::Index k = 0; k < f.cols(); ++k) {
      if (kind == "square") {
        const Ball d = Ball::exactly(f(i, k)) - Ball(k == c ? 1 : 0);
        phi += d * d * Ball::exactly(0.5);
      } else if (k != c) {
        const Rational gap = 1 - (exactly(f(i, c)) - exactly(f(i, k)));
        if (gap > 0) phi += Ball::enclosing(gap);
      }
    }
  }
  return phi;
}

}  // namespace

TEST_CASE("enclosed losses hold those of all outputs within the radii") {
  const PrecisionScope precision(200);
  test::Random random(40);
  for (int round = 0; round < test::rounds(300); ++round) {
    const auto n = static_cast<Eigen::Index>(random.integer(1, 6)), m = static_cast<Eigen::Index>(random.integer(1, 5));
    const double scale = std::ldexp(1, static_cast<int>(random.integer(-30, 30))),
                 radius = random.integer(0, 1) == 0 ? 0 : std::ldexp(scale, -static_cast<int>(random.integer(0, 60)));
    const auto number = [&] { return static_cast<double>(random.integer(-1'000'000, 1'000'000)) / 1e6; };
    EnclosedValues values{Matrix<double>(n, m), Matrix<double>::Constant(n, m, radius)};
    Matrix<double> inside(n, m);
    std::vector<std::size_t> classes;
    for (Eigen::Index i = 0; i < n; ++i) {
      classes.push_back(static_cast<std::size_t>(random.integer(0, m - 1)));
      for (Eigen::Index k = 0; k < m; ++k) {
        values.middle(i, k) = scale * number();
        inside(i, k) = values.middle(i, k) + radius * number() * (1 - 0x1p-40);
        // (What was rounded may lie outside.)
        if (abs(exactly(inside(i, k)) - exactly(values.middle(i, k))) > exactly(radius))
          inside(i, k) = values.middle(i, k);
      }
    }
    for (const char* kind : {"cross-entropy", "square", "hinge"}) {
      ConvexLossSpec spec{kind, {}, ClassList{classes}};
      ExplicitTensor rows;
      for (std::size_t c : classes) {
        rows.rows.emplace_back(static_cast<std::size_t>(m), 0);
        rows.rows.back()[c] = 1;
      }
      if (spec.kind == "square") spec.targets = TensorSpec(rows);
      const tool::EnclosedLoss loss(spec, static_cast<std::size_t>(n), static_cast<std::size_t>(m));
      const tool::Enclosure found = loss(values);
      INFO("seed 40, round " << round << ", " << kind);
      const Ball expected = loss_of(kind, inside, classes);
      CHECK(exactly(found.low) <= expected.upper_bound());
      CHECK(exactly(found.high) >= expected.lower_bound());
      if (radius == 0) CHECK(found.high - found.low <= 1e-12 * (found.high + scale * 100 + 10));
    }
  }
}
