// Evidence that an integer matrix A (N x n), seen one row at a time modulo a prime, has full rank
// min(N, n). If N <= n let M = A, else M = A^T: the rows of M are to be independent.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "kernel/budget.h"
#include "kernel/digest.h"
#include "kernel/input.h"

namespace widecheck {

// Throws Rejected("not-a-prime") unless it is a prime below 2^31.
std::uint64_t read_prime(const Value& json, Budget& budget);

// What a step of an elimination takes, in products.
constexpr int kStepCost = 3;

// Rank of rows modulo a prime below 2^31, by elimination.
class Echelon {
 public:
  Echelon(std::size_t width, std::uint64_t prime) : prime_(prime), pivot_row_(width, -1) {}
  // Reduces the row and keeps it if it is independent of those before. Throws
  // Malformed("too-large") after 2^38 steps in all.
  void insert(std::vector<std::uint64_t> row);
  std::size_t rank() const { return rows_.size(); }

 private:
  std::uint64_t prime_, work_ = 0;
  std::vector<std::vector<std::uint32_t>> rows_;  // each with leading entry 1
  std::vector<long> pivot_row_;
};

// The same over GF(2), 64 columns at a time.
class BinaryEchelon {
 public:
  explicit BinaryEchelon(std::size_t width) : pivot_row_(width, -1) {}
  void insert(std::vector<std::uint64_t> row);  // entry j in bit j mod 64 of word j / 64
  std::size_t rank() const { return rows_.size(); }

 private:
  std::uint64_t work_ = 0;
  std::vector<std::vector<std::uint64_t>> rows_;
  std::vector<long> pivot_row_;
};

// Random solve: W with M W = B, where B is derived from the SHA-256 of A itself. If rank M is not
// full, such a W exists with probability at most p^-k.
class RandomSolve {
 public:
  // `w` has max(N, n) rows of k residues. Any k: the limit on k log2 p is read_evidence's.
  RandomSolve(std::size_t rows, std::size_t cols, std::uint64_t prime, std::size_t k, std::string claim_digest,
              std::vector<std::uint32_t> w);
  Products work() const;  // what checking takes
  void row(const std::vector<std::uint32_t>& residues);
  // After all rows: the digest of A, and whether M W = B.
  std::string matrix_digest();
  bool solves();

 private:
  void encode(const std::vector<std::uint32_t>& residues);
  void multiply_bits();
  void finish_bits();
  template <class Sum>
  void multiply(const std::vector<std::uint32_t>& residues);
  std::uint64_t product(std::size_t i, std::size_t j) const;  // entry of M W

  std::size_t rows_, cols_, seen_ = 0;
  std::uint64_t prime_;
  std::size_t k_;
  std::string claim_digest_, digest_;
  std::vector<std::uint64_t> encoded_;  // the canonical bytes of the row
  std::size_t encoded_bytes_ = 0;
  std::vector<std::uint32_t> w_, product_;  // p > 2: W, and M W
  // p = 2: columns of W and of M W, packed; rows of A that wait to be multiplied.
  std::vector<std::vector<std::uint64_t>> w_columns_, product_columns_, waiting_;
  Sha256 hash_;
};

class RankEvidence {
 public:
  virtual ~RankEvidence() = default;
  std::uint64_t prime() const { return prime_; }
  // Whether the evidence speaks of row i; others may be left out.
  virtual bool needs(std::size_t) const { return true; }
  virtual void row(std::size_t i, const std::vector<std::uint32_t>& residues) = 0;  // in order
  // After all rows: the bits of the error bound, 0 if unconditional. Throws Rejected.
  virtual unsigned finish() = 0;

 protected:
  explicit RankEvidence(std::uint64_t prime) : prime_(prime) {}
  std::uint64_t prime_;
};

// Reads {"method": "elimination" | "minor" | "random-solve", ...} for an N x n matrix and a claim; pays for checking
// it.
std::unique_ptr<RankEvidence> read_evidence(const Value& json, std::size_t rows, std::size_t cols,
                                            const std::string& claim_text, Budget& budget);

}  // namespace widecheck
