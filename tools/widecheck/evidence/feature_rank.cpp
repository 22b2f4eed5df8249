#include "evidence/feature_rank.h"

#include <cstdint>

#include "evaluate/features.h"
#include "kernel/clones.h"
#include "kernel/integers.h"
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

unsigned verify_rank(const Context& c, const Network& network, std::size_t node,
                     const std::map<std::size_t, Parameters>& theta, RankEvidence& evidence, bool halved) {
  const Forward forward = make_forward(c, network, node, theta, 1, true);
  const std::uint64_t p = evidence.prime();
  const Products value = (p == 2 ? 2 : 10) + (forward.small() && c.data.small() ? 0 : 20);  // for its residue
  c.budget.spend(value * network.node(node).width * c.data.size());
  require(forward.exact(), "irrational", "the values of the layer are not rational");
  std::vector<std::uint32_t> residues(network.node(node).width);
  const auto reject_odd = [](std::size_t sample) {
    throw Rejected("zero-pre-activation",
                   "sample " + number(sample + 1) + ": a pre-activation is 0; GF(2) cannot take 1/2");
  };
  if (forward.small() && c.data.small()) {
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
