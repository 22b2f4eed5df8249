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

// Values of hundreds of bits by their residues, a block of samples after the other on all cores; samples on which a
// sign stays open with numbers twice as long, and then in big integers.
class ByResidues {
 public:
  ByResidues(const Context& c, const Network& network, const Forward& forward, RankEvidence& evidence)
      : c_(c), network_(network), forward_(forward), evidence_(evidence) {}

  void add(std::size_t sample, const std::vector<mpz_class>& x) {
    samples_.push_back(sample);
    xs_.push_back(x);
    if (xs_.size() == kBlock) flush();
  }
  void flush() {
    rows_.assign(xs_.size(), std::nullopt);
    decide(short_);
    decide(long_);
    for (std::size_t k = 0; k < xs_.size(); ++k) {
      if (!rows_[k]) {
        c_.budget.spend(forward_.work());
        rows_[k].emplace();
        for (const mpz_class& v : forward_(xs_[k]).v)
          rows_[k]->push_back(static_cast<std::uint32_t>(mpz_fdiv_ui(v.get_mpz_t(), evidence_.prime())));
      }
      evidence_.row(samples_[k], *rows_[k]);
    }
    samples_.clear();
    xs_.clear();
  }

 private:
  static constexpr std::size_t kBlock = 64, kExamples = 4;
  // The rows that are missing, as far as no sign stays open.
  template <class Near>
  void decide(std::optional<ResidueForward<Near>>& residues) {
    std::vector<std::size_t> open;
    for (std::size_t k = 0; k < xs_.size(); ++k)
      if (!rows_[k]) open.push_back(k);
    if (open.empty()) return;
    if (!residues) {
      c_.budget.spend(forward_.work() * kExamples);
      const auto end = xs_.begin() + static_cast<std::ptrdiff_t>(std::min(kExamples, xs_.size()));
      residues.emplace(network_, forward_, evidence_.prime(), std::vector<std::vector<mpz_class>>(xs_.begin(), end));
    }
    c_.budget.spend((residues->work() + 100 * Products(network_.node(0).width)) * open.size());
    in_parallel(open.size(), [&]() -> Task {
      return [&](std::size_t task) { rows_[open[task]] = (*residues)(residues->enter(xs_[open[task]])); };
    });
  }

  const Context& c_;
  const Network& network_;
  const Forward& forward_;
  RankEvidence& evidence_;
  std::optional<ResidueForward<std::int32_t>> short_;
  std::optional<ResidueForward<std::int64_t>> long_;
  std::vector<std::size_t> samples_;  // that wait
  std::vector<std::vector<mpz_class>> xs_;
  std::vector<std::optional<std::vector<std::uint32_t>>> rows_;
};

}  // namespace

unsigned verify_rank(const Context& c, const Network& network, std::size_t node,
                     const std::map<std::size_t, Parameters>& theta, RankEvidence& evidence, bool halved) {
  const std::uint64_t p = evidence.prime();
  const Forward forward(network, node, theta, c.data.divisor(), c.data.largest(), 1);
  const bool narrow = forward.small() && c.data.small();
  if (!narrow && !halved && forward.exact()) {
    ByResidues rows(c, network, forward, evidence);
    c.data.for_each([&](std::size_t sample, const std::vector<mpz_class>& x) {
      if (evidence.needs(sample)) rows.add(sample, x);
    });
    rows.flush();
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
  // Otherwise the values are big, and those that are halved.
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
      const Values values = forward(x);
      for (std::size_t h = 0; h < values.v.size(); ++h) {
        if (mpz_odd_p(values.v[h].get_mpz_t())) reject_odd(sample);
        residues[h] = static_cast<std::uint32_t>(mpz_fdiv_ui(mpz_class(values.v[h] / 2).get_mpz_t(), p));
      }
      evidence.row(sample, residues);
    });
  }
  return evidence.finish();
}

}  // namespace widecheck
