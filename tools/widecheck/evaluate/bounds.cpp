#include "evaluate/bounds.h"

#include <map>

#include "kernel/integers.h"

namespace widecheck {
namespace {

// Fixed point: a non-negative real in [low, high] / 2^w, with w known from the context.
struct Fix {
  mpz_class low, high;
};

Fix from_rational(const mpq_class& x, unsigned w) {
  const mpz_class scaled = x.get_num() << w;
  return {floor_div(scaled, x.get_den()), ceil_div(scaled, x.get_den())};
}
Fix multiply(const Fix& a, const Fix& b, unsigned w) {
  return {floor_shift(a.low * b.low, w), ceil_shift(a.high * b.high, w)};
}
Interval to_interval(const Fix& a, unsigned w) {
  const mpz_class one = mpz_class(1) << w;
  Interval result{mpq_class(a.low, one), mpq_class(a.high, one)};
  result.low.canonicalize();
  result.high.canonicalize();
  return result;
}

// 2 atanh(t) = 2 sum t^(2k+1)/(2k+1) for 0 <= t <= 1/3. All terms are positive; what follows the
// last term t^(2K+1)/(2K+1) is at most its eighth (ratio at most 1/9), so adding it once more
// covers that.
Fix twice_atanh(const mpq_class& t, unsigned w) {
  const Fix x = from_rational(t, w);
  const Fix square = multiply(x, x, w);
  Fix power = x, sum{0, 0};
  for (unsigned k = 0;; ++k) {
    const mpz_class low = power.low / (2 * k + 1), high = ceil_div(power.high, 2 * k + 1);
    sum.low += low;
    sum.high += high;
    if (high <= 1) {
      sum.high += high;
      break;
    }
    power = multiply(power, square, w);
  }
  return {2 * sum.low, 2 * sum.high};
}

// atan(1/n) for n >= 2: alternating with decreasing terms, so the partial sums enclose it.
Fix atan_inverse(unsigned n, unsigned w) {
  const mpz_class one = mpz_class(1) << w;
  mpz_class power = n;
  Fix sum{0, 0};
  for (unsigned k = 0;; ++k) {
    const mpz_class d = power * (2 * k + 1);
    const mpz_class low = floor_div(one, d), high = ceil_div(one, d);
    if (k % 2 == 0) {
      sum.low += low;
      sum.high += high;
    } else {
      sum.low -= high;
      sum.high -= low;
    }
    if (low == 0) {  // this and all later terms are at most 1 in fixed point
      sum.low -= 1;
      sum.high += 1;
      return sum;
    }
    power *= n * n;
  }
}

const Fix& log_two(unsigned w) {
  static std::map<unsigned, Fix> known;
  const auto found = known.find(w);
  if (found != known.end()) return found->second;
  return known[w] = twice_atanh(mpq_class(1, 3), w);  // 2 = (1 + 1/3)/(1 - 1/3)
}

}  // namespace

Interval exp_minus(const mpq_class& q, unsigned bits) {
  const mpq_class tiny(1, mpz_class(1) << bits);
  // e^-q <= 2^-q <= 2^-bits.
  if (q >= bits) return {0, tiny};
  // e^-q = (e^-y)^(2^m) with y = q/2^m <= 2^-8. Each squaring of a number in [0, 1] doubles its
  // error.
  unsigned m = 0;
  for (mpq_class y = q; y * 256 > 1; y /= 2) ++m;
  const unsigned w = bits + m + 16;
  const Fix y = from_rational(q / mpq_class(mpz_class(1) << m), w);
  // e^y = sum y^k/k!; all terms positive, and what follows a term is at most that term (ratio <
  // 1/2).
  const mpz_class one = mpz_class(1) << w;
  Fix term{one, one}, sum{one, one};
  for (unsigned k = 1;; ++k) {
    term = multiply(term, y, w);
    term.low /= k;
    term.high = ceil_div(term.high, k);
    sum.low += term.low;
    sum.high += term.high;
    if (term.high <= 1) {
      sum.high += term.high;
      break;
    }
  }
  const mpz_class square = one << w;
  Fix e{floor_div(square, sum.high), ceil_div(square, sum.low)};
  for (unsigned k = 0; k < m; ++k) e = multiply(e, e, w);
  return to_interval(e, w);
}

Interval log(const mpq_class& x, unsigned bits) {
  // x = 2^e m with 1 <= m < 2, and ln m = 2 atanh((m-1)/(m+1)).
  long e =
      static_cast<long>(mpz_sizeinbase(x.get_num_mpz_t(), 2)) - static_cast<long>(mpz_sizeinbase(x.get_den_mpz_t(), 2));
  mpq_class m = x;
  const auto scale = [](mpq_class v, long by) {
    mpq_class r;
    if (by >= 0)
      mpq_mul_2exp(r.get_mpq_t(), v.get_mpq_t(), static_cast<unsigned long>(by));
    else
      mpq_div_2exp(r.get_mpq_t(), v.get_mpq_t(), static_cast<unsigned long>(-by));
    return r;
  };
  m = scale(x, -e);
  while (m >= 2) m /= 2, ++e;
  while (m < 1) m *= 2, --e;
  const unsigned w = bits + 32;
  const Fix fraction = twice_atanh((m - 1) / (m + 1), w);
  const Fix& two = log_two(w);
  const mpz_class factor = e;
  Fix result;
  if (e >= 0)
    result = {fraction.low + factor * two.low, fraction.high + factor * two.high};
  else
    result = {fraction.low + factor * two.high, fraction.high + factor * two.low};
  return to_interval(result, w);
}

Interval pi(unsigned bits) {
  static std::map<unsigned, Interval> known;
  const auto found = known.find(bits);
  if (found != known.end()) return found->second;
  // Machin: pi = 16 atan(1/5) - 4 atan(1/239).
  const unsigned w = bits + 16;
  const Fix a = atan_inverse(5, w), b = atan_inverse(239, w);
  return known[bits] = to_interval({16 * a.low - 4 * b.high, 16 * a.high - 4 * b.low}, w);
}

Interval normal_density(const mpq_class& t, unsigned bits) {
  // phi(t) <= e^{-t^2/2} <= 2^-bits.
  if (t * t / 2 >= bits) return {0, mpq_class(1, mpz_class(1) << bits)};
  const unsigned w = bits + 8;
  const Interval e = exp_minus(t * t / 2, w), two_pi = pi(w);
  // sqrt of 2 pi in fixed point.
  mpz_class root_low, root_high;
  const mpz_class low = floor_div(2 * two_pi.low.get_num() << (2 * w), two_pi.low.get_den());
  const mpz_class high = ceil_div(2 * two_pi.high.get_num() << (2 * w), two_pi.high.get_den());
  mpz_sqrt(root_low.get_mpz_t(), low.get_mpz_t());
  mpz_sqrt(root_high.get_mpz_t(), high.get_mpz_t());
  root_high += 1;
  const mpq_class one(mpz_class(1) << w);
  return {e.low * one / mpq_class(root_high), e.high * one / mpq_class(root_low)};
}

Interval normal_tail(const mpq_class& t, unsigned bits) {
  const mpq_class half(1, 2), exponent = t * t / 2;
  // Phi(-t) <= e^{-t^2/2}/2 <= 2^-bits.
  if (exponent >= bits) return {0, mpq_class(1, mpz_class(1) << bits)};
  // Phi(-t) = 1/2 - phi(t) R, R = sum t^(2n+1)/(1 3 5 ... (2n+1)), phi(t) = e^{-t^2/2}/sqrt(2 pi).
  // R <= e^{t^2/2} sqrt(pi/2), so t^2 extra bits keep the product accurate.
  const mpq_class squared = t * t;
  const mpz_class reach = floor_div(squared.get_num(), squared.get_den()) + 1;
  const unsigned w = bits + 2 * static_cast<unsigned>(reach.get_ui()) + 32;
  const Fix x = from_rational(t, w), square = multiply(x, x, w);
  Fix term = x, sum = x;
  for (unsigned n = 1;; ++n) {
    term = multiply(term, square, w);
    term.low /= 2 * n + 1;
    term.high = ceil_div(term.high, 2 * n + 1);
    sum.low += term.low;
    sum.high += term.high;
    // Once 2n+3 >= 2 t^2 the ratio stays at most 1/2, and what follows is at most the term itself.
    if (term.high <= 1 && mpz_class(2 * n + 3) >= 2 * reach) {
      sum.high += term.high;
      break;
    }
  }
  const Interval density = normal_density(t, w);
  const mpq_class one(mpz_class(1) << w);
  const mpq_class product_low = density.low * mpq_class(sum.low) / one;
  const mpq_class product_high = density.high * mpq_class(sum.high) / one;
  Interval result{half - product_high, half - product_low};
  if (result.low < 0) result.low = 0;
  return result;
}

}  // namespace widecheck
