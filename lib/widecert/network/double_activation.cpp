#include <widecert/network/double_activation.h>
#include <widecert/number/clones.h>
#include <widecert/number/rounding.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>

namespace widecert {
namespace {

constexpr double kU = kUnitRoundoff, kTiny = 0x1p-1000;
constexpr double kSlack = 1 + 0x1p-40;  // for the rounding of the radii themselves

// See the header. NaN gives NaN.
inline double exp_minus(double q) {
  constexpr double kRound = 0x1.8p52;
  constexpr double kLog2e = 0x1.71547652b82fep0, kLn2High = 0x1.62e42fefa38p-1, kLn2Low = 0x1.ef35793c7673p-45;
  q = q > 708 ? 708 : q;
  const double shifted = q * kLog2e + kRound, k = shifted - kRound;
  const double s = (k * kLn2High - q) + k * kLn2Low;  // -r
  double p = 1.0 / 6227020800;
  p = p * s + 1.0 / 479001600;
  p = p * s + 1.0 / 39916800;
  p = p * s + 1.0 / 3628800;
  p = p * s + 1.0 / 362880;
  p = p * s + 1.0 / 40320;
  p = p * s + 1.0 / 5040;
  p = p * s + 1.0 / 720;
  p = p * s + 1.0 / 120;
  p = p * s + 1.0 / 24;
  p = p * s + 1.0 / 6;
  p = p * s + 0.5;
  p = p * s + 1.0;
  p = p * s + 1.0;
  const std::uint64_t exponent = 1023 - (std::bit_cast<std::uint64_t>(shifted) - std::bit_cast<std::uint64_t>(kRound));
  return p * std::bit_cast<double>(exponent << 52);
}

inline double log1p_unit(double y) {
  const double s = y / (2 + y), z = s * s;
  double p = 1.0 / 33;
  p = p * z + 1.0 / 31;
  p = p * z + 1.0 / 29;
  p = p * z + 1.0 / 27;
  p = p * z + 1.0 / 25;
  p = p * z + 1.0 / 23;
  p = p * z + 1.0 / 21;
  p = p * z + 1.0 / 19;
  p = p * z + 1.0 / 17;
  p = p * z + 1.0 / 15;
  p = p * z + 1.0 / 13;
  p = p * z + 1.0 / 11;
  p = p * z + 1.0 / 9;
  p = p * z + 1.0 / 7;
  p = p * z + 1.0 / 5;
  p = p * z + 1.0 / 3;
  p = p * z + 1.0;
  return 2 * s * p;
}

// Phi(-t) on [j/8, (j + 1)/8], j = 0..127.
struct NormalTail {
  static constexpr std::size_t kCells = 128, kDegree = 10;
  std::array<std::array<double, kCells>, kDegree + 1> coefficient;  // of (t - middle)^n
  std::array<double, kCells> error;

  NormalTail() {
    const PrecisionScope precision(256);
    const Ball half = Ball::enclosing(Rational(1, 2));
    // Taylor coefficients at every point of a ball: Phi(-t)' = -phi(t), phi' = -t phi, so with g_n those of
    // phi: (n + 1) g_{n+1} = -(t g_n + g_{n-1}).
    const auto taylor = [&](const Ball& t) {
      std::vector<Ball> c{erfc(t / sqrt(Ball(2))) * half};
      std::vector<Ball> g{exp(-t * t * half) / sqrt(Ball(2) * Ball::pi())};
      for (std::size_t n = 0; n <= kDegree; ++n) {
        c.push_back(-g[n] / Ball(n + 1));
        g.push_back(-(t * g[n] + (n == 0 ? Ball(0) : g[n - 1])) / Ball(n + 1));
      }
      return c;
    };
    const Ball step = Ball::enclosing(Rational(1, 16));
    for (std::size_t j = 0; j < kCells; ++j) {
      const Ball middle = Ball::enclosing(Rational(2 * j + 1, 16));
      const auto c = taylor(middle);
      Ball cell = middle;
      mag_t width;
      mag_init(width);
      mag_set_ui_2exp_si(width, 1, -4);
      arb_add_error_mag(cell.data(), width);
      mag_clear(width);
      Ball rest = taylor(cell)[kDegree + 1], sum(0), power(1);
      for (std::size_t n = 0; n <= kDegree; ++n) {
        coefficient[n][j] = near_double(c[n]);
        sum += Ball::exactly(magnitude_up(c[n])) * power;
        power *= step;
      }
      error[j] = magnitude_up(rest * power + sum * Ball::exactly(16 * kU));
    }
  }
};
const NormalTail& normal_tail_table() {
  static const NormalTail table;
  return table;
}

// Each function gets v = middle, r = radius and changes both. Kept in one loop per activation, so that
// the compiler vectorises it.
template <class Body>
inline void each(double* middle, double* radius, std::size_t count, const Body& body) {
  for (std::size_t i = 0; i < count; ++i) body(middle[i], radius[i]);
}

// 1/(1 + e^-x): relative error 10 u.
inline double logistic(double x) {
  const double e = exp_minus(std::abs(x)), top = x >= 0 ? 1.0 : e;
  return top / (1 + e);
}

WIDECERT_CLONES void sigmoid(double* middle, double* radius, std::size_t count, double sign) {
  each(middle, radius, count, [sign](double& v, double& r) {
    v = logistic(sign * v);
    r = (0.25 * r + 10 * kU * v) * kSlack + kTiny;
  });
}

WIDECERT_CLONES void hyperbolic_tangent(double* middle, double* radius, std::size_t count) {
  each(middle, radius, count, [](double& v, double& r) {
    // (1 - e)/(1 + e), e = e^-2|x|: 8 u e 2/(1 + e)^2 <= 4 u from e, 3 u |v| from rounding.
    const double e = exp_minus(2 * std::abs(v)), size = (1 - e) / (1 + e);
    v = v >= 0 ? size : -size;
    r = (r + 8 * kU) * kSlack;
  });
}

// a is known up to 2 u.
WIDECERT_CLONES void softplus(double* middle, double* radius, std::size_t count, double a) {
  each(middle, radius, count, [a](double& v, double& r) {
    // (max(y, 0) + log1p(e^-|y|))/a, y = a x known up to 4 u |y|, which changes the value by less than 4 u
    // of it for y >= 0 and 2 u below (|y| e^-|y| < 0.37); e known up to 8 u (the logarithm up to 4 u), log1p
    // 8 u * 0.7; sum and quotient 4 u of the value.
    const double y = a * v, positive = y > 0 ? y : 0, e = exp_minus(std::abs(y));
    v = (positive + log1p_unit(e)) / a;
    r = (r + 13 * kU / a + 9 * kU * v) * kSlack + kTiny;
  });
}

WIDECERT_CLONES void silu(double* middle, double* radius, std::size_t count) {
  each(middle, radius, count, [](double& v, double& r) {
    const double x = v;
    v = x * logistic(x);
    r = (1.1 * r + 12 * kU * std::abs(v)) * kSlack + kTiny * (1 + std::abs(x));
  });
}

WIDECERT_CLONES void mish(double* middle, double* radius, std::size_t count) {
  each(middle, radius, count, [](double& v, double& r) {
    // x w, w = tanh(ln(1 + e^x)): with e = e^-|x|, w = (e^2 + 2e)/(e^2 + 2e + 2) for x <= 0 (relative error 20
    // u) and (1 + 2e)/(1 + 2e + 2e^2) for x > 0 (17 u).
    const double x = v, e = exp_minus(std::abs(x));
    const double top = x > 0 ? 1 + 2 * e : e * e + 2 * e, rest = x > 0 ? 2 * e * e : 2;
    v = x * (top / (top + rest));
    r = (1.1 * r + 24 * kU * std::abs(v)) * kSlack + kTiny * (1 + std::abs(x));
  });
}

WIDECERT_CLONES void gaussian(double* middle, double* radius, std::size_t count) {
  each(middle, radius, count, [](double& v, double& r) {
    // The square is known up to u x^2, and x^2 e^-x^2 <= 0.37; beyond 708 the value is below 2^-1021.
    v = exp_minus(v * v);
    r = (0.86 * r + 8 * kU * v + 0.5 * kU) * kSlack + kTiny;
  });
}

WIDECERT_CLONES void elu(double* middle, double* radius, std::size_t count) {
  each(middle, radius, count, [](double& v, double& r) {
    const double below = exp_minus(v >= 0 ? 0 : -v) - 1;
    const bool linear = v >= 0;
    v = linear ? v : below;
    r = (r + (linear ? 0 : 10 * kU)) * kSlack;
  });
}

WIDECERT_CLONES void gelu(double* middle, double* radius, std::size_t count, const NormalTail& table) {
  each(middle, radius, count, [&table](double& v, double& r) {
    const double x = v, t = std::abs(x);
    const double within = t < 16 ? t : 0;  // also for NaN
    const auto cell = static_cast<std::int32_t>(within * 8);
    const double h = within - (0.125 * cell + 0.0625);
    double q = table.coefficient[NormalTail::kDegree][cell];
    for (std::size_t n = NormalTail::kDegree; n-- > 0;) q = q * h + table.coefficient[n][cell];
    const double q_error = t < 16 ? t * table.error[cell] : 0x1p-180;  // t Phi(-t) <= phi(t)
    q = t < 16 ? q : 0;
    const double phi = x > 0 ? 1 - q : q;
    v = x * phi;
    r = (1.13 * r + q_error + 2 * kU * t * phi + kU * std::abs(v)) * kSlack + kTiny * (1 + t);
  });
}

WIDECERT_CLONES void softsign(double* middle, double* radius, std::size_t count) {
  each(middle, radius, count, [](double& v, double& r) {
    // A sum and a quotient; not a number where v is infinite, and the radius with it.
    v = v / (1 + std::abs(v));
    r = (r + 4 * kU * std::abs(v)) * kSlack + kTiny;
  });
}

WIDECERT_CLONES void hard_swish(double* middle, double* radius, std::size_t count) {
  each(middle, radius, count, [](double& v, double& r) {
    // A sum, a product and a quotient. Exactly 0 where all of the interval is at most -3.
    const double x = v, gate = x + 3;
    const bool dead = x <= -3 && r <= -gate * (1 - 8 * kU) && r < kInfinity && x > -kInfinity;
    const double value = x * (gate > 0 ? (gate < 6 ? gate : 6) : (gate <= 0 ? 0 : gate)) / 6;
    v = dead ? 0 : value;
    r = dead ? 0 : (1.5 * r + 5 * kU * std::abs(value)) * kSlack + kTiny;
  });
}

WIDECERT_CLONES void relu(double* middle, double* radius, std::size_t count) {
  each(middle, radius, count, [](double& v, double& r) {
    const bool dead = v <= 0 && r <= -v && r < kInfinity;
    v = v > 0 ? v : (v <= 0 ? 0 : v);
    r = dead ? 0 : r;
  });
}

WIDECERT_CLONES void leaky_relu(double* middle, double* radius, std::size_t count, double slope) {
  const double most = std::max(1.0, std::abs(slope));
  each(middle, radius, count, [slope, most](double& v, double& r) {
    const bool linear = v >= 0;
    v = linear ? v : slope * v;
    r = (most * r + (linear ? 0 : 4 * kU * std::abs(v) + kTiny)) * kSlack;  // infinite if v is
  });
}

// Values below, at and above 0.
WIDECERT_CLONES void jump(double* middle, double* radius, std::size_t count, double below, double at, double above) {
  each(middle, radius, count, [=](double& v, double& r) {
    const bool up = v > r, down = -v > r, zero = v == 0 && r == 0;
    const double value = up ? above : down ? below : zero ? at : (below + above) / 2;
    r = up || down || zero ? 0 : (v == v && r == r ? (above - below) / 2 : v + r);
    v = value;
  });
}

}  // namespace

void enclose_activation(const Activation& f, std::span<double> middle, std::span<double> radius) {
  if (middle.size() != radius.size()) throw ShapeError("midpoints and radii of different length");
  double* m = middle.data();
  double* r = radius.data();
  const std::size_t count = middle.size();
  const auto parameter = f.parameter.convert_to<double>();
  if (f.parameter != 0 && !(std::abs(parameter) >= 0x1p-1000 && std::abs(parameter) <= 0x1p1000)) {
    std::fill(radius.begin(), radius.end(), kInfinity);  // not known to 2 u
    return;
  }
  switch (f.kind) {
    case ActivationKind::identity:
      return;
    case ActivationKind::relu:
      return relu(m, r, count);
    case ActivationKind::leaky_relu:
      return leaky_relu(m, r, count, parameter);
    case ActivationKind::elu:
      return elu(m, r, count);
    case ActivationKind::softsign:
      return softsign(m, r, count);
    case ActivationKind::hard_swish:
      return hard_swish(m, r, count);
    case ActivationKind::sigmoid:
      return sigmoid(m, r, count, 1);
    case ActivationKind::one_minus_sigmoid:
      return sigmoid(m, r, count, -1);
    case ActivationKind::tanh:
      return hyperbolic_tangent(m, r, count);
    case ActivationKind::softplus:
      return softplus(m, r, count, parameter);
    case ActivationKind::silu:
      return silu(m, r, count);
    case ActivationKind::gelu:
      return gelu(m, r, count, normal_tail_table());
    case ActivationKind::mish:
      return mish(m, r, count);
    case ActivationKind::gaussian:
      return gaussian(m, r, count);
    case ActivationKind::cubic_sigmoid:  // |t^3 - m^3| <= 3 (|m| + r)^2 r, and two rounded products
      for (std::size_t k = 0; k < count; ++k) {
        const double most = std::abs(m[k]) + r[k];
        r[k] = (3 * most * most * r[k] + 0x1p-51 * most * most * most) * (1 + 0x1p-40) + 0x1p-1000;
        m[k] = m[k] * m[k] * m[k];
      }
      return sigmoid(m, r, count, 1);
    case ActivationKind::step:
      return jump(m, r, count, 0, 0, 1);
    case ActivationKind::half_step:
      return jump(m, r, count, 0, 0.5, 1);
    case ActivationKind::sign:
      return jump(m, r, count, -1, 0, 1);
  }
  throw InternalError("an activation missing from the table");
}

}  // namespace widecert
