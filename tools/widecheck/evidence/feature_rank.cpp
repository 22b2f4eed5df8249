#include "evidence/feature_rank.h"

#include <algorithm>
#include <cstdint>
#include <optional>

#include "evaluate/block_forward.h"
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

[[noreturn]] void reject_odd(std::size_t sample) {
  throw Rejected("zero-pre-activation",
                 "sample " + number(sample + 1) + ": a pre-activation is 0; GF(2) cannot take 1/2");
}

// Rows of residues, a block of samples after the other on all cores, each sample by the cheapest way that decides: many
// at once in machine integers; residues beside numbers in fixed point, which have hundreds of bits exactly, and twice
// as long where a sign stays open; big integers.
class Rows {
 public:
  // `halved`: of v / 2 modulo 2, for even v.
  Rows(const Context& c, const Network& network, const Forward& forward, std::optional<BlockForward> blocks,
       RankEvidence& evidence, bool halved)
      : c_(c),
        network_(network),
        forward_(forward),
        blocks_(std::move(blocks)),
        evidence_(evidence),
        halved_(halved),
        at_once_(std::clamp(kMostWaiting / network.node(0).width, kLanes, kMostRows) / kLanes * kLanes) {}

  // All samples that the evidence needs; once.
  void read() {
    const auto needed = [&](std::size_t sample) { return halved_ || evidence_.needs(sample); };
    std::size_t count = 0;
    for (std::size_t sample = 0; sample < c_.data.size(); ++sample) count += needed(sample) ? 1 : 0;
    if (blocks_) c_.budget.spend(blocks_->work() * ((count + kLanes - 1) / kLanes));
    const auto wait = [&](std::size_t sample, const auto& x, auto& waiting) {
      if (!needed(sample)) return;
      samples_.push_back(sample);
      waiting.push_back(x);
      if (samples_.size() == at_once_) flush();
    };
    if (c_.data.small())
      c_.data.for_each_small([&](std::size_t i, const std::vector<std::int64_t>& x) { wait(i, x, small_); });
    else
      c_.data.for_each([&](std::size_t i, const std::vector<mpz_class>& x) { wait(i, x, large_); });
    flush();
  }

 private:
  // Rows that wait at most, and values of the data in them, but for one block of rows.
  static constexpr std::size_t kLanes = BlockForward::kSamples, kMostRows = 128, kMostWaiting = std::size_t{1} << 24,
                               kExamples = 4;

  std::vector<mpz_class> sample(std::size_t k) const {
    if (small_.empty()) return large_[k];
    std::vector<mpz_class> x;
    x.reserve(small_[k].size());
    for (const std::int64_t v : small_[k]) x.emplace_back(static_cast<long>(v));
    return x;
  }
  void flush() {
    rows_.assign(samples_.size(), std::nullopt);
    if (blocks_) together();
    if (!halved_) {
      decide(short_);
      decide(long_);
    }
    for (std::size_t k = 0; k < samples_.size(); ++k) {
      if (!rows_[k]) {
        c_.budget.spend(forward_.work());
        rows_[k].emplace();
        for (const mpz_class& v : forward_(sample(k)).v) rows_[k]->push_back(residue(samples_[k], v));
      }
      evidence_.row(samples_[k], *rows_[k]);
    }
    samples_.clear();
    small_.clear();
    large_.clear();
  }

  std::uint32_t residue(std::size_t sample, const mpz_class& v) const {
    if (halved_ && mpz_odd_p(v.get_mpz_t())) reject_odd(sample);
    const mpz_class part = halved_ ? mpz_class(v / 2) : v;
    return static_cast<std::uint32_t>(mpz_fdiv_ui(part.get_mpz_t(), evidence_.prime()));
  }
  std::uint32_t residue(std::size_t sample, std::int64_t v) const {
    if (halved_ && v % 2 != 0) reject_odd(sample);
    const std::int64_t part = halved_ ? v / 2 : v, p = static_cast<std::int64_t>(evidence_.prime());
    return static_cast<std::uint32_t>((part % p + p) % p);
  }

  // The last block is filled up with its first sample. Paid for by read().
  void together() {
    const std::size_t blocks = (samples_.size() + kLanes - 1) / kLanes, width = network_.node(0).width;
    in_parallel(blocks, [&]() -> Task {
      return [&](std::size_t block) {
        const std::size_t first = block * kLanes, count = std::min(kLanes, samples_.size() - first);
        std::vector<std::int64_t> x(width * kLanes);
        for (std::size_t e = 0; e < width; ++e)
          for (std::size_t s = 0; s < kLanes; ++s) x[e * kLanes + s] = small_[first + (s < count ? s : 0)][e];
        const auto values = (*blocks_)(x);
        if (!values) return;
        for (std::size_t s = 0; s < count; ++s) {
          auto& row = rows_[first + s].emplace(values->size() / kLanes);
          for (std::size_t h = 0; h < row.size(); ++h) row[h] = residue(samples_[first + s], (*values)[h * kLanes + s]);
        }
      };
    });
    // Values that are too long for the first samples are so for most.
    if (std::none_of(rows_.begin(), rows_.end(), [](const auto& row) { return row.has_value(); })) blocks_.reset();
  }
  // The rows that are missing, as far as no sign stays open.
  template <class Near>
  void decide(std::optional<ResidueForward<Near>>& residues) {
    std::vector<std::size_t> open;
    for (std::size_t k = 0; k < samples_.size(); ++k)
      if (!rows_[k]) open.push_back(k);
    if (open.empty()) return;
    if (!residues) {
      c_.budget.spend(forward_.work() * kExamples);
      std::vector<std::vector<mpz_class>> examples;
      for (std::size_t k = 0; k < std::min(kExamples, samples_.size()); ++k) examples.push_back(sample(k));
      residues.emplace(network_, forward_, evidence_.prime(), examples);
    }
    c_.budget.spend((residues->work() + 100 * Products(network_.node(0).width)) * open.size());
    in_parallel(open.size(), [&]() -> Task {
      return [&](std::size_t task) { rows_[open[task]] = (*residues)(residues->enter(sample(open[task]))); };
    });
  }

  const Context& c_;
  const Network& network_;
  const Forward& forward_;
  std::optional<BlockForward> blocks_;
  RankEvidence& evidence_;
  bool halved_;
  std::size_t at_once_;
  std::optional<ResidueForward<std::int32_t>> short_;
  std::optional<ResidueForward<std::int64_t>> long_;
  std::vector<std::size_t> samples_;  // that wait
  std::vector<std::vector<std::int64_t>> small_;
  std::vector<std::vector<mpz_class>> large_;  // one of the two
  std::vector<std::optional<std::vector<std::uint32_t>>> rows_;
};

}  // namespace

unsigned verify_rank(const Context& c, const Network& network, std::size_t node,
                     const std::map<std::size_t, Parameters>& theta, RankEvidence& evidence, bool halved) {
  const std::uint64_t p = evidence.prime();
  const Forward forward(network, node, theta, c.data.divisor(), c.data.largest(), 1);
  require(forward.exact(), "irrational", "the values of the layer are not rational");
  const bool narrow = forward.small() && c.data.small();
  std::optional<BlockForward> blocks;
  if (c.data.small()) {
    c.budget.spend(forward.work());
    blocks.emplace(network, forward);
    if (!(narrow ? blocks->worthwhile() : blocks->possible())) blocks.reset();
  }
  if (blocks || !narrow) {
    Rows rows(c, network, forward, std::move(blocks), evidence, halved);
    rows.read();
    return evidence.finish();
  }
  c.budget.spend(forward.small_work() * c.data.size());
  c.budget.spend(Products(p == 2 ? 2 : 10) * network.node(node).width * c.data.size());  // for residues
  std::vector<std::uint32_t> residues(network.node(node).width);
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
  return evidence.finish();
}

}  // namespace widecheck
