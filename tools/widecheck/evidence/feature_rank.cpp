#include "evidence/feature_rank.h"

#include <cstdint>
#include <optional>

#include "evaluate/features.h"
#include "evaluate/residues.h"
#include "kernel/clones.h"
#include "kernel/integers.h"
#include "kernel/parallel.h"
#include "kernel/verdict.h"

namespace widecheck {
namespace {

// out = v / 2 modulo 2 for even v. Returns an odd number if some v is odd.
WIDECHECK_CLONES std::int64_t halve(const std::vector<std::int64_t>& v, std::vector<std::uint32_t>& out) {
  std::int64_t any = 0;
  for (std::size_t h = 0; h < v.size(); ++h) {
    any |= v[h];
    out[h] = static_cast<std::uint32_t>(v[h] >> 1 & 1);
  }
  return any;
}

WIDECHECK_CLONES void parities(const std::vector<std::int64_t>& v, std::vector<std::uint32_t>& out) {
  for (std::size_t h = 0; h < v.size(); ++h) out[h] = static_cast<std::uint32_t>(v[h] & 1);
}

}  // namespace

namespace {

// Values of hundreds of bits by their residues, a block of samples after the other on all cores; samples on which a
// sign stays open in big integers.
void by_residues(const Context& c, const Network& network, const Forward& forward, RankEvidence& evidence) {
  constexpr std::size_t kBlock = 64, kExamples = 4;
  std::optional<ResidueForward> residues;
  std::vector<std::size_t> samples;
  std::vector<std::vector<mpz_class>> xs;
  const auto flush = [&] {
    if (xs.empty()) return;
    if (!residues) {
      c.budget.spend(forward.work() * kExamples);
      const auto end = xs.begin() + static_cast<std::ptrdiff_t>(std::min(kExamples, xs.size()));
      residues.emplace(network, forward, evidence.prime(), std::vector<std::vector<mpz_class>>(xs.begin(), end));
    }
    c.budget.spend((residues->work() + 100 * Products(network.node(0).width)) * xs.size());
    std::vector<ResidueForward::Shadow> shadows;
    for (const auto& x : xs) shadows.push_back(residues->enter(x));
    std::vector<std::optional<std::vector<std::uint32_t>>> rows(xs.size());
    in_parallel(xs.size(),
                [&]() -> Task { return [&](std::size_t k) { rows[k] = (*residues)(std::move(shadows[k])); }; });
    for (std::size_t k = 0; k < xs.size(); ++k) {
      if (!rows[k]) {
        c.budget.spend(forward.work());
        rows[k].emplace();
        for (const mpz_class& v : forward(xs[k]).v)
          rows[k]->push_back(static_cast<std::uint32_t>(mpz_fdiv_ui(v.get_mpz_t(), evidence.prime())));
      }
      evidence.row(samples[k], *rows[k]);
    }
    samples.clear();
    xs.clear();
  };
  c.data.for_each([&](std::size_t sample, const std::vector<mpz_class>& x) {
    if (!evidence.needs(sample)) return;
    samples.push_back(sample);
    xs.push_back(x);
    if (xs.size() == kBlock) flush();
  });
  flush();
}

}  // namespace

unsigned verify_rank(const Context& c, const Network& network, std::size_t node,
                     const std::map<std::size_t, Parameters>& theta, RankEvidence& evidence, bool halved) {
  const std::uint64_t p = evidence.prime();
  const Forward forward(network, node, theta, c.data.divisor(), c.data.largest(), 1);
  const bool narrow = forward.small() && c.data.small();
  if (!narrow && !halved && forward.exact()) {
    by_residues(c, network, forward, evidence);
    return evidence.finish();
  }
  c.budget.spend((narrow ? forward.small_work() : forward.work()) * c.data.size());
  const Products value = (p == 2 ? 2 : 10) + (narrow ? 0 : 20);  // for its residue
  c.budget.spend(value * network.node(node).width * c.data.size());
  require(forward.exact(), "irrational", "the values of the layer are not rational");
  std::vector<std::uint32_t> residues(network.node(node).width);
  const auto reject_odd = [](std::size_t sample) {
    throw Rejected("zero-pre-activation",
                   "sample " + number(sample + 1) + ": a pre-activation is 0; GF(2) cannot take 1/2");
  };
  if (narrow) {
    const auto modulus = static_cast<std::int64_t>(p);
    c.data.for_each_small([&](std::size_t sample, const std::vector<std::int64_t>& x) {
      if (!halved && !evidence.needs(sample)) return;
      const std::vector<std::int64_t> v = forward(x);
      if (halved) {
        if (halve(v, residues) % 2 != 0) reject_odd(sample);
      } else if (p == 2) {
        parities(v, residues);
      } else {
        for (std::size_t h = 0; h < v.size(); ++h) {
          const std::int64_t r = v[h] % modulus;
          residues[h] = static_cast<std::uint32_t>(r < 0 ? r + modulus : r);
        }
      }
      evidence.row(sample, residues);
    });
  } else {
    c.data.for_each([&](std::size_t sample, const std::vector<mpz_class>& x) {
      if (!halved && !evidence.needs(sample)) return;
      Values values = forward(x);
      for (std::size_t h = 0; h < values.v.size(); ++h) {
        mpz_class& v = values.v[h];
        if (halved && mpz_odd_p(v.get_mpz_t())) reject_odd(sample);
        if (halved) v /= 2;
        residues[h] = static_cast<std::uint32_t>(mpz_fdiv_ui(v.get_mpz_t(), p));
      }
      evidence.row(sample, residues);
    });
  }
  return evidence.finish();
}

}  // namespace widecheck
