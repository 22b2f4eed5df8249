// The numbers that cells are made of: integers of fixed length within a layer, with a filter in double precision in
// front of the signs of their products. Details of cells.cpp, apart from it for the sake of the reader.
#pragma once

#include <cmath>
#include <deque>
#include <memory>
#include <numeric>

#include "proofs/regions/cells.h"

namespace widecert::cells {

__extension__ typedef __int128 Int128;
using Near = std::array<double, 3>;
using Narrow = std::array<Int128, 3>;
using Limbs = std::vector<mp_limb_t>;

inline mpz_ptr raw(Integer& v) { return v.backend().data(); }
inline mpz_srcptr raw(const Integer& v) { return v.backend().data(); }

// Scaled to at most 1, each entry up to 2^-51 of the largest; given as mantissas and exponents.
inline Near scaled(Near near, const std::array<long, 3>& exponent) {
  long most = std::numeric_limits<long>::min();
  for (std::size_t k = 0; k < 3; ++k)
    if (near[k] != 0) most = std::max(most, exponent[k] + std::ilogb(near[k]) + 1);
  for (std::size_t k = 0; k < 3; ++k)
    near[k] =
        near[k] == 0 || exponent[k] - most < -1'000 ? 0 : std::ldexp(near[k], static_cast<int>(exponent[k] - most));
  return near;
}
inline Near nearby(const Ray& v) {
  std::array<long, 3> exponent{};
  Near near{};
  for (std::size_t k = 0; k < 3; ++k) near[k] = mpz_get_d_2exp(&exponent[k], raw(v[k]));
  return scaled(near, exponent);
}
template <class Int>
inline Near nearby(const std::array<Int, 3>& v) {
  Near near{static_cast<double>(v[0]), static_cast<double>(v[1]), static_cast<double>(v[2])};
  const double most = std::max({std::abs(near[0]), std::abs(near[1]), std::abs(near[2])});
  if (most > 0)
    for (double& x : near) x /= most;
  return near;
}
inline double near_dot(const Near& a, const Near& b) { return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]; }
// Of products of vectors whose entries are at most 1.
inline constexpr double kError = 0x1p-48;

inline Integer wide(Int128 v) {
  const auto size = static_cast<unsigned __int128>(v < 0 ? -v : v);
  Integer w;
  mp_limb_t* limbs = mpz_limbs_write(raw(w), 2);
  limbs[0] = static_cast<std::uint64_t>(size);
  limbs[1] = static_cast<std::uint64_t>(size >> 64);
  mpz_limbs_finish(raw(w), v < 0 ? -2 : 2);
  return w;
}
template <class Int>
inline Ray wide(const std::array<Int, 3>& v) {
  return {wide(static_cast<Int128>(v[0])), wide(static_cast<Int128>(v[1])), wide(static_cast<Int128>(v[2]))};
}
inline Integer largest_entry(const Ray& v) {
  return std::max({Integer(abs(v[0])), Integer(abs(v[1])), Integer(abs(v[2]))});
}
inline bool fits(const Integer& v, unsigned bits) { return mpz_sizeinbase(raw(v), 2) <= bits; }
inline bool fits(const Ray& v, unsigned bits) { return fits(v[0], bits) && fits(v[1], bits) && fits(v[2], bits); }
inline bool fits(const Narrow& v, unsigned bits) {
  const Int128 bound = static_cast<Int128>(1) << bits;
  return std::all_of(v.begin(), v.end(), [&](Int128 x) { return -bound < x && x < bound; });
}
static_assert(GMP_NUMB_BITS == 64);
// Numbers of 64 size bits, modulo that power of two.
inline Int128 narrow(const Integer& v) {
  unsigned __int128 n = mpz_getlimbn(raw(v), 1);
  n = (n << 64) | mpz_getlimbn(raw(v), 0);
  return static_cast<Int128>(v < 0 ? -n : n);
}
inline void put(const Integer& v, mp_limb_t* to, std::size_t size) {
  for (std::size_t i = 0; i < size; ++i) to[i] = mpz_getlimbn(raw(v), static_cast<mp_size_t>(i));
  if (v < 0) mpn_neg(to, to, static_cast<mp_size_t>(size));
}
inline bool negative(const mp_limb_t* v, std::size_t size) { return v[size - 1] >> 63 != 0; }
inline Integer take(const mp_limb_t* v, std::size_t size) {
  Integer w;
  const auto n = static_cast<mp_size_t>(size);
  mp_limb_t* limbs = mpz_limbs_write(raw(w), n);
  const bool below = negative(v, size);
  if (below)
    mpn_neg(limbs, v, n);
  else
    mpn_copyi(limbs, v, n);
  mpz_limbs_finish(raw(w), below ? -n : n);
  return w;
}
inline double mantissa(const mp_limb_t* v, std::size_t size, long& exponent) {
  const bool below = negative(v, size);
  const mp_limb_t mask = below ? ~mp_limb_t{0} : 0;  // (all bits inverted: one less)
  while (size > 1 && v[size - 1] == mask) --size;
  double sum = static_cast<double>(v[size - 1] ^ mask);
  exponent = 64 * (static_cast<long>(size) - 1);
  if (size > 1) sum += 0x1p-64 * static_cast<double>(v[size - 2] ^ mask);
  if (below && size == 1) sum += 1;
  return below ? -sum : sum;
}

// What the enumeration is made of: integers with a filter, of fixed length within a layer; or doubles.
struct Exact {
  // Primitive, of 62 bits where it fits.
  struct Vector {
    Near near{};
    bool is_narrow = false;
    std::array<std::int64_t, 3> n{};
    Ray v;  // else
    Ray ray() const { return is_narrow ? wide(n) : v; }
  };
  using Shared = std::shared_ptr<const Vector>;  // by several cells
  using Vertex = Shared;
  static Shared shared(Ray r) {
    r = primitive(std::move(r));
    if (fits(r, 62)) return small({narrow(r[0]), narrow(r[1]), narrow(r[2])}, 1);
    const Near near = nearby(r);
    return std::make_shared<const Vector>(Vector{near, false, {}, std::move(r)});
  }
  static Shared small(const Narrow& v, std::int64_t divisor) {
    Vector part{{}, true, {}, {}};
    for (std::size_t k = 0; k < 3; ++k) part.n[k] = static_cast<std::int64_t>(v[k]) / divisor;
    part.near = nearby(part.n);
    return std::make_shared<const Vector>(std::move(part));
  }
  static Shared shared(const Narrow& v) {
    if (!fits(v, 62)) return shared(wide(v));
    const auto a = static_cast<std::int64_t>(v[0]), b = static_cast<std::int64_t>(v[1]),
               c = static_cast<std::int64_t>(v[2]);
    return small(v, std::max<std::int64_t>(std::gcd(std::gcd(a, b), c), 1));
  }
  // One of the sums of a layer, which owns it.
  struct Form {
    Near near{};
    const Narrow* n = nullptr;  // or limbs
    const mp_limb_t* limbs = nullptr;
    std::size_t size = 0;  // of one of the three
    Ray ray() const {
      if (n != nullptr) return wide(*n);
      return {take(limbs, size), take(limbs + size, size), take(limbs + 2 * size, size)};
    }
  };
  // Their length depends on a bound on the sums of all layers.
  struct Sums {
    std::vector<Narrow> n;
    Limbs limbs;  // one of the two
    std::size_t size = 0;
    std::size_t rows() const { return limbs.empty() ? n.size() : limbs.size() / (3 * size); }
    Form form(std::size_t row) const {
      if (limbs.empty()) return {nearby(n[row]), &n[row], nullptr, 0};
      Form form{{}, nullptr, limbs.data() + row * 3 * size, size};
      std::array<long, 3> exponent{};
      for (std::size_t k = 0; k < 3; ++k) form.near[k] = mantissa(form.limbs + k * size, size, exponent[k]);
      form.near = scaled(form.near, exponent);
      return form;
    }
  };
  // Whether they may be narrow, where no sum gets beyond a bound, nor a weight beyond another one.
  static bool narrow_sums(const Integer& most, const Integer& most_weight) {
    return fits(most, 124) && fits(most_weight, 61);
  }
  static Sums sums(const std::vector<Ray>& rows, bool is_narrow, const Integer& most) {
    Sums sums;
    if (is_narrow) {
      for (const Ray& r : rows) sums.n.push_back({narrow(r[0]), narrow(r[1]), narrow(r[2])});
      return sums;
    }
    sums.size = std::max<std::size_t>(2, mpz_sizeinbase(raw(most), 2) / 64 + 1);
    sums.limbs.resize(rows.size() * 3 * sums.size);
    for (std::size_t i = 0; i < rows.size(); ++i)
      for (std::size_t k = 0; k < 3; ++k) put(rows[i][k], &sums.limbs[(3 * i + k) * sums.size], sums.size);
    return sums;
  }
  // A number where the sums that it is for are narrow, else one that is kept elsewhere; nothing where it is 0.
  struct Weight {
    std::int64_t n = 0;
    const Integer* v = nullptr;
    bool zero() const { return n == 0 && v == nullptr; }
  };
  using Kept = std::deque<Integer>;
  static Weight weight(const Integer& w, bool is_narrow, Kept& kept) {
    if (w == 0) return {};
    if (is_narrow) return {static_cast<std::int64_t>(w), nullptr};
    return {0, &kept.emplace_back(w)};
  }
  static void add(Sums& sums, std::size_t row, const Weight& by, const Form& form) {
    if (sums.limbs.empty()) {  // and so is the form, which is smaller
      for (std::size_t k = 0; k < 3; ++k) sums.n[row][k] += by.n * (*form.n)[k];
      return;
    }
    const std::size_t size = sums.size, limbs = std::min(mpz_size(raw(*by.v)), size);
    const auto times = *by.v < 0 ? mpn_submul_1 : mpn_addmul_1;
    static thread_local Limbs longer;
    for (std::size_t k = 0; k < 3; ++k) {
      const mp_limb_t* of = form.limbs + k * size;
      if (form.n != nullptr) {
        const Int128 v = (*form.n)[k];
        longer.assign(size, v < 0 ? ~mp_limb_t{0} : 0);
        longer[0] = static_cast<mp_limb_t>(v);
        longer[1] = static_cast<mp_limb_t>(v >> 64);
        of = longer.data();
      }
      for (std::size_t i = 0; i < limbs; ++i)
        times(&sums.limbs[(3 * row + k) * size + i], of, static_cast<mp_size_t>(size - i),
              mpz_getlimbn(raw(*by.v), static_cast<mp_size_t>(i)));
    }
  }
  static int sign(const Form& form, const Vertex& ray) {
    const double v = near_dot(form.near, ray->near);
    if (v > kError) return 1;
    if (v < -kError) return -1;
    if (form.near == Near{}) return 0;
    return dot(form.ray(), ray->ray()).sign();
  }
  using Line = Shared;
  static Line line(const Form& form) { return form.n != nullptr ? shared(*form.n) : shared(form.ray()); }
  // (a x b, or b x a)
  static Vertex meet(const Line& a, const Line& b, bool swapped) {
    const Line &x = swapped ? b : a, &y = swapped ? a : b;
    if (!x->is_narrow || !y->is_narrow) return shared(cross(x->ray(), y->ray()));
    const auto minor = [&](std::size_t i, std::size_t j) {
      return static_cast<Int128>(x->n[i]) * y->n[j] - static_cast<Int128>(x->n[j]) * y->n[i];
    };
    return shared(Narrow{minor(1, 2), minor(2, 0), minor(0, 1)});
  }
  static Vertex vertex(int s, int t, int z) { return shared(Narrow{s, t, z}); }
};

}  // namespace widecert::cells
