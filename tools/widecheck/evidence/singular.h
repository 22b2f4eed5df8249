// Singular values of real matrices, which are kept as integers A over a power of two with a bound of the
// distance of A / 2^bits from what is spoken of; then |sigma(F) - sigma(A) / 2^bits| is at most that
// distance for each singular value (Weyl).
#pragma once

#include <map>
#include <string>

#include "evaluate/bounds.h"
#include "evaluate/forward.h"
#include "evidence/definite.h"
#include "kernel/rule.h"

namespace widecheck {

// What is spoken of differs from rows / scale by at most `slack` in the Frobenius norm, so that
// each singular value differs by at most that (Weyl).
struct ScaledMatrix {
  IntegerRows rows;
  mpz_class scale;
  mpq_class slack;
};

// [low, high] of a claim, 0 <= low <= high.
Interval read_range(const Value& json);
std::string show(const Interval& range);

// At most 2^25 entries, or Malformed("too-large").
void require_size(std::size_t rows, std::size_t cols);
// More than the root of rows * cols: what a bound for the entries becomes for the Frobenius norm.
mpz_class root_up(std::size_t rows, std::size_t cols);
// floor(v 2^bits / divisor). Pays for itself.
std::vector<mpz_class> scaled(const std::vector<mpz_class>& v, const mpz_class& divisor, unsigned bits, Budget& budget);

// The values of a node on all samples, one added after the other; with a column of ones.
class FeatureScaler {
 public:
  FeatureScaler(const Context& c, std::size_t samples, std::size_t width, unsigned bits, bool ones);
  void add(const Values& values);
  ScaledMatrix take();  // no more rows than columns: transposed if need be

 private:
  const Context& c_;
  ScaledMatrix matrix_;
  unsigned bits_;
  bool ones_;
  mpz_class root_;
};

// F of a node, or [F, 1].
ScaledMatrix feature_matrix(const Context& c, std::size_t node, const std::map<std::size_t, Parameters>& theta,
                            unsigned precision, unsigned bits, bool ones);
// U = M(W) of a linear node.
ScaledMatrix weight_matrix(const Context& c, const Node& node, const Tensor& weights, unsigned bits);

// A lower bound of sigma_min that says something, or Rejected("smallest").
void require_positive(const mpq_class& low);
// sigma_min >= low, sigma_max <= high, or Rejected("smallest"), Rejected("largest").
void require_smallest(const Context& c, const ScaledMatrix& m, const mpq_class& low);
void require_largest(const Context& c, const ScaledMatrix& m, const mpq_class& high);
// Both ends of both ranges; "smallest" and "largest" of the proof are vectors that show the inner ones.
void require_bounds(const Context& c, const ScaledMatrix& m, const Interval& smallest, const Interval& largest,
                    const Value& proof);

}  // namespace widecheck
