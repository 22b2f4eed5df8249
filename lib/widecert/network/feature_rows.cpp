#include <gmp.h>
#include <widecert/network/feature_rows.h>
#include <widecert/network/filtered_forward.h>
#include <widecert/number/clones.h>

#include <cmath>

namespace widecert {
namespace {

// Returns an odd number if some value is odd.
WIDECERT_CLONES std::int64_t halve(std::int64_t* v, std::size_t count) {
  std::int64_t any = 0;
  for (std::size_t h = 0; h < count; ++h) {
    any |= v[h];
    v[h] >>= 1;
  }
  return any;
}

WIDECERT_CLONES void parities(const std::int64_t* v, std::uint32_t* out, std::size_t count) {
  for (std::size_t h = 0; h < count; ++h) out[h] = static_cast<std::uint32_t>(v[h]) & 1u;
}

// Residues of |v| < 2^52: the quotient in double is right or one off.
WIDECERT_CLONES void residues(const std::int64_t* v, std::uint32_t* out, std::size_t count, std::int64_t p) {
  const double inverse = 1.0 / static_cast<double>(p);
  for (std::size_t h = 0; h < count; ++h) {
    const auto quotient = static_cast<std::int64_t>(static_cast<double>(v[h]) * inverse);
    std::int64_t r = v[h] - quotient * p;
    r += r < 0 ? p : 0;
    r += r < 0 ? p : 0;
    r -= r >= p ? p : 0;
    out[h] = static_cast<std::uint32_t>(r);
  }
}

std::vector<std::int64_t> small_sample(const Dataset& data, std::size_t i) {
  const auto begin = data.small_numerators()->begin() + static_cast<std::ptrdiff_t>(i * data.width());
  return {begin, begin + static_cast<std::ptrdiff_t>(data.width())};
}

}  // namespace

std::vector<Integer> exact_values(const ExactForward& forward, const Dataset& data, std::size_t sample) {
  if (forward.is_small() && data.small_numerators() != nullptr) {
    const auto values = forward.small(small_sample(data, sample));
    return {values.begin(), values.end()};
  }
  std::vector<Integer> x;
  for (std::size_t j = 0; j < data.width(); ++j) x.push_back(data.numerator(sample, j));
  return forward.large(std::move(x));
}

ResidueRows feature_rows(std::shared_ptr<const ExactForward> forward, const Dataset& data, std::uint64_t prime,
                         Encoding encoding) {
  const bool small = forward->is_small() && data.small_numerators() != nullptr;
  const bool precise = forward->bound() < Integer(1) << 52;
  const auto p = static_cast<std::int64_t>(prime);
  ResidueRows rows{data.size(), forward->width(), prime, {}};
  // Large values come from weights with many digits: signs by filter, values modulo the prime.
  if (!small && encoding == Encoding::as_is && prime % 2 == 1 && prime < (1u << 23)) {
    const auto filtered = std::make_shared<const FilteredForward>(forward, data, prime);
    rows.write = [filtered](std::size_t first, std::span<std::uint32_t> out) { (*filtered)(first, out); };
    return rows;
  }
  rows.write = one_by_one(rows.cols, [=, &data](std::size_t i, std::span<std::uint32_t> out) {
    if (small) {
      std::vector<std::int64_t> values = forward->small(small_sample(data, i));
      if (encoding == Encoding::halved && halve(values.data(), values.size()) % 2 != 0) {
        throw OddValue{i};
      }
      if (p == 2) {
        parities(values.data(), out.data(), values.size());
      } else if (precise) {
        residues(values.data(), out.data(), values.size(), p);
      } else {
        for (std::size_t h = 0; h < values.size(); ++h) {
          out[h] = static_cast<std::uint32_t>((values[h] % p + p) % p);
        }
      }
      return;
    }
    const std::vector<Integer> values = exact_values(*forward, data, i);
    for (std::size_t h = 0; h < values.size(); ++h) {
      const Integer v = encoding == Encoding::halved ? Integer(values[h] / 2) : values[h];
      if (encoding == Encoding::halved && values[h] % 2 != 0) throw OddValue{i};
      out[h] = static_cast<std::uint32_t>(mpz_fdiv_ui(v.backend().data(), prime));
    }
  });
  return rows;
}

}  // namespace widecert
