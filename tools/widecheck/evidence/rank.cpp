#include "evidence/rank.h"

#include <gmpxx.h>

#include <algorithm>

#include "kernel/clones.h"
#include "kernel/integers.h"
#include "kernel/seeded.h"
#include "kernel/verdict.h"

namespace widecheck {
namespace {

constexpr unsigned kBitsAsked = 192;     // of k log2 p
constexpr unsigned kBitsOfQueries = 64;  // hash queries granted to a forger: (2^64 + 1) p^-k
constexpr std::uint64_t kMostSteps = std::uint64_t{1} << 38;

std::string big_endian(std::uint64_t v) {
  std::string bytes(8, '\0');
  for (int b = 7; b >= 0; --b, v >>= 8) bytes[static_cast<std::size_t>(b)] = static_cast<char>(v);
  return bytes;
}

// Full rank of M by elimination, here: rows of A are reduced one after the other.
class ByElimination final : public RankEvidence {
 public:
  ByElimination(std::size_t rows, std::size_t cols, std::uint64_t prime, Budget& budget)
      : RankEvidence(prime), full_(std::min(rows, cols)), odd_(cols, prime), binary_(cols) {
    const Products work = Products(rows) * cols * full_ / (prime == 2 ? 64 : 1);
    // A matrix of this size would take more steps than are offered.
    if (Products(3) * kMostSteps < work)
      throw Malformed("too-large", "an elimination of this size is refused; random-solve is offered");
    budget.spend((prime == 2 ? 1 : kStepCost) * work);
  }
  void row(std::size_t, const std::vector<std::uint32_t>& residues) override {
    if (rank() == full_) return;
    if (prime_ != 2) {
      odd_.insert({residues.begin(), residues.end()});
      return;
    }
    std::vector<std::uint64_t> packed(residues.size() / 64 + 1, 0);
    for (std::size_t j = 0; j < residues.size(); ++j) packed[j / 64] |= std::uint64_t{residues[j] & 1} << j % 64;
    binary_.insert(std::move(packed));
  }
  unsigned finish() override {
    require(rank() == full_, "rank",
            "the rank modulo " + std::to_string(prime_) + " is " + std::to_string(rank()) + ", not " +
                std::to_string(full_));
    return 0;
  }

 private:
  std::size_t rank() const { return prime_ == 2 ? binary_.rank() : odd_.rank(); }
  std::size_t full_;
  Echelon odd_;
  BinaryEchelon binary_;
};

// A minor of size min(N, n) that is not 0: all columns of the named rows, or all rows of the named columns.
class ByMinor final : public RankEvidence {
 public:
  ByMinor(const Value& json, std::size_t rows, std::size_t cols, std::uint64_t prime, Budget& budget)
      : RankEvidence(prime), full_(std::min(rows, cols)), tall_(rows > cols), echelon_(full_, prime) {
    const Value list = json.at(tall_ ? "rows" : "columns");
    lines_ = read_indices(list, std::max(rows, cols));
    require(lines_.size() == full_, "minor",
            list.place() + " names " + std::to_string(lines_.size()) + " lines, not " + std::to_string(full_));
    const Products work = Products(full_) * full_ * full_;
    if (Products(3) * kMostSteps < work) throw Malformed("too-large", "a minor of this size is refused");
    budget.spend(kStepCost * work);
  }
  bool needs(std::size_t i) const override { return !tall_ || std::binary_search(lines_.begin(), lines_.end(), i); }
  void row(std::size_t i, const std::vector<std::uint32_t>& residues) override {
    if (!needs(i)) return;
    std::vector<std::uint64_t> part;
    if (tall_) {
      part.assign(residues.begin(), residues.end());
    } else {
      for (std::size_t column : lines_) part.push_back(residues[column]);
    }
    echelon_.insert(std::move(part));
  }
  unsigned finish() override {
    require(echelon_.rank() == full_, "rank",
            "the rank of the minor modulo " + std::to_string(prime_) + " is " + std::to_string(echelon_.rank()) +
                ", not " + std::to_string(full_));
    return 0;
  }

 private:
  std::size_t full_;
  bool tall_;
  std::vector<std::size_t> lines_;
  Echelon echelon_;
};

class ByRandomSolve final : public RankEvidence {
 public:
  ByRandomSolve(RandomSolve solve, std::uint64_t prime, std::string digest, unsigned bits)
      : RankEvidence(prime), solve_(std::move(solve)), digest_(std::move(digest)), bits_(bits) {}
  void row(std::size_t, const std::vector<std::uint32_t>& residues) override { solve_.row(residues); }
  unsigned finish() override {
    // A clear message only: B is derived from the digest found here, never from the stated one.
    const std::string found = to_hex(solve_.matrix_digest());
    require(found == digest_, "matrix-digest",
            "the features have SHA-256 " + found + ", the evidence is for " + digest_);
    require(solve_.solves(), "wrong-solution", "M W = B fails");
    return bits_;
  }

 private:
  RandomSolve solve_;
  std::string digest_;
  unsigned bits_;
};

// One row of W: bits for p = 2 (entry j in bit j mod 8 of byte j / 8), else k numbers of 2, 4 or 8
// digits; all hexadecimal.
void read_row(const Value& json, std::uint64_t prime, std::size_t k, std::vector<std::uint32_t>& out) {
  const std::string text = json.text();
  const std::size_t digits = prime <= 256 ? 2 : prime <= 65536 ? 4 : 8;
  const std::size_t groups = prime == 2 ? (k + 7) / 8 : k;
  if (text.size() != groups * digits) json.bad(std::to_string(groups * digits) + " digits");
  for (std::size_t g = 0; g < groups; ++g) {
    std::uint32_t v = 0;
    for (std::size_t d = 0; d < digits; ++d) {
      const char c = text[g * digits + d];
      if ((c < '0' || c > '9') && (c < 'a' || c > 'f')) json.bad("hexadecimal digits");
      v = v << 4 | static_cast<std::uint32_t>(c <= '9' ? c - '0' : c - 'a' + 10);
    }
    if (prime == 2) {
      for (std::size_t b = 0; b < 8 && 8 * g + b < k; ++b) out.push_back(v >> b & 1);
    } else {
      if (v >= prime) json.bad("residues below the prime");
      out.push_back(v);
    }
  }
}

}  // namespace

std::uint64_t read_prime(const Value& json, Budget& budget) {
  const std::uint64_t prime = json.number((std::uint64_t{1} << 31) - 1);
  budget.spend(500'000);  // divisions by all numbers up to the root
  bool is_prime = prime >= 2;
  for (std::uint64_t d = 2; is_prime && d * d <= prime; ++d) is_prime = prime % d != 0;
  require(is_prime, "not-a-prime", std::to_string(prime) + " is not a prime below 2^31");
  return prime;
}

void Echelon::insert(std::vector<std::uint64_t> row) {
  // Full rank is reached after little more than width^3; only a deficient matrix goes on and on.
  if (work_ > kMostSteps) throw Malformed("too-large", "the elimination took more than 2^38 steps; refused");
  const std::uint64_t p = prime_;
  for (std::size_t col = 0; col < row.size(); ++col) {
    row[col] %= p;
    if (row[col] == 0) continue;
    work_ += row.size() - col;
    if (pivot_row_[col] < 0) {
      // Normalise: multiply by the inverse of the leading entry (Fermat).
      std::uint64_t inverse = 1, base = row[col];
      for (std::uint64_t e = p - 2; e != 0; e >>= 1) {
        if (e & 1) inverse = inverse * base % p;
        base = base * base % p;
      }
      std::vector<std::uint32_t> kept(row.size());
      for (std::size_t k = col; k < row.size(); ++k) kept[k] = static_cast<std::uint32_t>(row[k] % p * inverse % p);
      pivot_row_[col] = static_cast<long>(rows_.size());
      rows_.push_back(std::move(kept));
      return;
    }
    // Entries stay below 2^62 + 2^62: reduce whenever they pass 2^62, so nothing overflows.
    const auto& pivot = rows_[static_cast<std::size_t>(pivot_row_[col])];
    const std::uint64_t factor = p - row[col];
    for (std::size_t k = col; k < row.size(); ++k) {
      std::uint64_t v = row[k] + factor * pivot[k];
      if (v >= (std::uint64_t{1} << 62)) v %= p;
      row[k] = v;
    }
    row[col] = 0;
  }
}

void BinaryEchelon::insert(std::vector<std::uint64_t> row) {
  if (work_ > kMostSteps) throw Malformed("too-large", "the elimination took more than 2^38 steps; refused");
  for (std::size_t word = 0; word < row.size(); ++word) {
    while (row[word] != 0) {
      const std::size_t col = 64 * word + static_cast<std::size_t>(__builtin_ctzll(row[word]));
      work_ += row.size() - word;
      if (pivot_row_[col] < 0) {
        pivot_row_[col] = static_cast<long>(rows_.size());
        rows_.push_back(std::move(row));
        return;
      }
      const auto& pivot = rows_[static_cast<std::size_t>(pivot_row_[col])];
      for (std::size_t k = word; k < row.size(); ++k) row[k] ^= pivot[k];
    }
  }
}

RandomSolve::RandomSolve(std::size_t rows, std::size_t cols, std::uint64_t prime, std::size_t k,
                         std::string claim_digest, std::vector<std::uint32_t> w)
    : rows_(rows), cols_(cols), prime_(prime), k_(k), claim_digest_(std::move(claim_digest)), w_(std::move(w)) {
  const std::size_t short_side = std::min(rows, cols), long_side = std::max(rows, cols);
  if (w_.size() != long_side * k) throw std::logic_error("W has another shape");
  if (prime != 2) {
    product_.assign(short_side * k, 0);
    return;
  }
  w_columns_.assign(k, std::vector<std::uint64_t>(long_side / 64 + 1, 0));
  product_columns_.assign(k, std::vector<std::uint64_t>(short_side / 64 + 1, 0));
  for (std::size_t h = 0; h < long_side; ++h)
    for (std::size_t j = 0; j < k; ++j) w_columns_[j][h / 64] |= std::uint64_t{w_[h * k + j] & 1} << h % 64;
  w_ = {};
}

namespace {

WIDECHECK_CLONES void pack(const std::uint32_t* r, std::size_t count, std::uint64_t* out) {
  for (std::size_t word = 0; word < count / 64; ++word) {
    std::uint64_t bits = 0;
    for (std::size_t b = 0; b < 64; ++b) bits |= std::uint64_t{r[64 * word + b]} << b;
    out[word] = bits;
  }
  for (std::size_t j = count / 64 * 64; j < count; ++j) out[j / 64] |= std::uint64_t{r[j]} << j % 64;
}

WIDECHECK_CLONES std::uint64_t and_xor(const std::uint64_t* a, const std::uint64_t* b, std::size_t count) {
  std::uint64_t sum = 0;
  for (std::size_t w = 0; w < count; ++w) sum ^= a[w] & b[w];
  return sum;
}

WIDECHECK_CLONES void add_bits(std::uint64_t* sum, const std::uint64_t* row, std::size_t count) {
  for (std::size_t w = 0; w < count; ++w) sum[w] ^= row[w];
}

}  // namespace

// The canonical encoding of a row: for p = 2 entry j is bit j mod 8 of byte j / 8, else residues
// of 1, 2 or 4 bytes, little-endian.
void RandomSolve::encode(const std::vector<std::uint32_t>& r) {
  const unsigned bytes = prime_ <= 256 ? 1 : prime_ <= 65536 ? 2 : 4;
  encoded_bytes_ = prime_ == 2 ? (r.size() + 7) / 8 : r.size() * bytes;
  encoded_.assign(prime_ == 2 ? r.size() / 64 + 1 : encoded_bytes_ / 8 + 1, 0);
  if (prime_ == 2) return pack(r.data(), r.size(), encoded_.data());
  auto* out = reinterpret_cast<unsigned char*>(encoded_.data());
  for (std::uint32_t v : r)
    for (unsigned b = 0; b < bytes; ++b) *out++ = static_cast<unsigned char>(v >> 8 * b);
}

// M = A: (M W)_ij is the parity of row i times column j of W; some rows wait, so that a column is
// used for all of them while it is in the cache. M = A^T: row i of A is added to column j of M W
// where W_ij = 1.
void RandomSolve::multiply_bits() {
  if (rows_ > cols_) {
    for (std::size_t j = 0; j < k_; ++j)
      if (w_columns_[j][seen_ / 64] >> seen_ % 64 & 1)
        add_bits(product_columns_[j].data(), encoded_.data(), product_columns_[j].size());
    return;
  }
  waiting_.push_back(encoded_);
  if (waiting_.size() == 64) finish_bits();
}

void RandomSolve::finish_bits() {
  const std::size_t first = seen_ + 1 - waiting_.size();
  for (std::size_t j = 0; j < k_; ++j) {
    for (std::size_t r = 0; r < waiting_.size(); ++r) {
      const std::uint64_t sum = and_xor(waiting_[r].data(), w_columns_[j].data(), waiting_[r].size());
      product_columns_[j][(first + r) / 64] |= static_cast<std::uint64_t>(__builtin_parityll(sum)) << (first + r) % 64;
    }
  }
  waiting_.clear();
}

std::uint64_t RandomSolve::product(std::size_t i, std::size_t j) const {
  return prime_ == 2 ? product_columns_[j][i / 64] >> i % 64 & 1 : product_[i * k_ + j];
}

// Sum is wide enough for `room` products before a reduction.
template <class Sum>
void RandomSolve::multiply(const std::vector<std::uint32_t>& r) {
  const Sum p = static_cast<Sum>(prime_);
  if (rows_ <= cols_) {
    const Sum square = (p - 1) * (p - 1);
    const std::size_t room = static_cast<std::size_t>((static_cast<Sum>(-1) - p) / square);
    std::vector<Sum> sum(k_, 0);
    for (std::size_t h = 0; h < cols_; ++h) {
      if (h % room == 0)
        for (Sum& s : sum) s %= p;
      const Sum factor = r[h];
      const std::uint32_t* w = &w_[h * k_];
      for (std::size_t j = 0; j < k_; ++j) sum[j] += factor * w[j];
    }
    for (std::size_t j = 0; j < k_; ++j) product_[seen_ * k_ + j] = static_cast<std::uint32_t>(sum[j] % p);
  } else {
    const std::uint32_t* w = &w_[seen_ * k_];
    for (std::size_t h = 0; h < cols_; ++h) {
      const Sum factor = r[h];
      std::uint32_t* out = &product_[h * k_];
      for (std::size_t j = 0; j < k_; ++j) out[j] = static_cast<std::uint32_t>((out[j] + factor * w[j]) % p);
    }
  }
}

void RandomSolve::row(const std::vector<std::uint32_t>& residues) {
  if (residues.size() != cols_ || seen_ == rows_) throw std::logic_error("another matrix");
  encode(residues);
  hash_.update(encoded_.data(), encoded_bytes_);
  if (prime_ == 2) {
    multiply_bits();
    if (seen_ + 1 == rows_) finish_bits();
  } else if (prime_ < 4096) {
    multiply<std::uint32_t>(residues);
  } else {
    multiply<std::uint64_t>(residues);
  }
  ++seen_;
}

Products RandomSolve::work() const {
  const Products one = prime_ == 2 ? Products(1) / 64 : rows_ <= cols_ ? 2 : 10;  // of k; a remainder each if A is tall
  return Products(rows_) * cols_ * ((prime_ == 2 ? 2 : 10) + one * k_) +
         Products(std::min(rows_, cols_)) * k_ * kSeededCost;
}

std::string RandomSolve::matrix_digest() {
  if (seen_ != rows_) throw std::logic_error("rows are missing");
  if (digest_.empty()) digest_ = hash_.finish();
  return digest_;
}

bool RandomSolve::solves() {
  Sha256 binding;
  binding.update("widecert/1/random-solve");
  binding.update(claim_digest_);
  for (std::uint64_t v : {prime_, std::uint64_t{rows_}, std::uint64_t{cols_}, std::uint64_t{k_}})
    binding.update(big_endian(v));
  binding.update(matrix_digest());
  Seeded b("random-solve", 0, to_hex(binding.finish()), 0, static_cast<std::int64_t>(prime_ - 1));
  for (std::size_t i = 0; i < std::min(rows_, cols_); ++i) {
    for (std::size_t j = 0; j < k_; ++j)
      if (product(i, j) != static_cast<std::uint64_t>(b.at(i, j))) return false;
  }
  return true;
}

std::unique_ptr<RankEvidence> read_evidence(const Value& json, std::size_t rows, std::size_t cols,
                                            const std::string& claim_text, Budget& budget) {
  const std::uint64_t prime = read_prime(json.at("prime"), budget);
  const std::string method = json.at("method").text();
  if (method == "elimination") return std::make_unique<ByElimination>(rows, cols, prime, budget);
  if (method == "minor") return std::make_unique<ByMinor>(json, rows, cols, prime, budget);
  if (method != "random-solve") json.at("method").bad("elimination, minor or random-solve");
  const std::size_t k = json.at("k").number(4096);
  mpz_class power;
  mpz_ui_pow_ui(power.get_mpz_t(), prime, k);
  const std::size_t bits = mpz_sizeinbase(power.get_mpz_t(), 2) - 1;  // p^k >= 2^bits
  require(bits >= kBitsAsked, "evidence-too-weak",
          "k log2 p is " + std::to_string(bits) + "; at least 192 is asked for");
  const std::string digest = read_digest(json.at("matrix_sha256"));
  const auto list = json.at("w").list();
  const std::size_t long_side = std::max(rows, cols);
  if (list.size() != long_side)
    throw Malformed("shape", json.place() + ".w: expected " + std::to_string(long_side) + " rows");
  std::vector<std::uint32_t> w;
  w.reserve(long_side * k);
  for (const Value& row : list) read_row(row, prime, k, w);
  Sha256 claim;
  claim.update(claim_text);
  RandomSolve solve(rows, cols, prime, k, claim.finish(), std::move(w));
  budget.spend(solve.work());
  // (2^64 + 1) p^-k <= 2^(65 - bits).
  return std::make_unique<ByRandomSolve>(std::move(solve), prime, digest,
                                         static_cast<unsigned>(bits - kBitsOfQueries - 1));
}

}  // namespace widecheck
