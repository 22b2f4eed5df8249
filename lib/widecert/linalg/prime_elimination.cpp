#include <cblas.h>
#include <flint/nmod_mat.h>
#include <flint/ulong_extras.h>
#include <widecert/linalg/prime_elimination.h>
#include <widecert/number/clones.h>
#include <widecert/number/error.h>
#include <widecert/number/parallel.h>

#include <algorithm>
#include <cstdlib>
#include <new>
#include <numeric>
#include <string>
#include <type_traits>

namespace widecert {

struct PrimeSystem::Engine {
  virtual ~Engine() = default;
  virtual void set(std::size_t row, std::size_t col, std::span<const std::uint32_t> values) = 0;
  virtual void set_column(std::size_t col, std::span<const std::uint32_t> values) = 0;
  virtual void set_rhs(std::size_t row, std::span<const std::uint32_t> values) = 0;
  virtual Solution solve(const std::function<void(std::size_t, std::size_t)>& tick) = 0;
};

namespace {

using Tick = std::function<void(std::size_t, std::size_t)>;

constexpr std::size_t kPanel = 256;  // rows eliminated together
constexpr std::size_t kLeaf = 32;    // rows eliminated entry by entry

// The largest prime whose products, one panel of them, stay exact in T.
template <class T>
constexpr std::uint64_t kLargestPrime = std::is_same_v<T, float> ? 509 : (1u << 23);
template <class T>
constexpr double kExact = std::is_same_v<T, float> ? 16777216.0 : 9007199254740992.0;

// The residue of x nearest 0, for integers below 2^24 (2^53): the quotient is right or one off, which
// the comparisons mend.
template <class T>
[[gnu::always_inline]] inline T nearest_zero(T x, T p, T inverse, T half) {
  // Adding and subtracting it rounds to an integer.
  constexpr T kRound = static_cast<T>(0.75 * kExact<T>);
  T v = x - ((x * inverse + kRound) - kRound) * p;
  v = v > half ? v - p : v;
  return v < -half ? v + p : v;
}

// x <- the residue of x nearest 0.
WIDECERT_CLONES void reduce(float* x, std::size_t count, float p, float inverse, float half) {
  for (std::size_t j = 0; j < count; ++j) x[j] = nearest_zero(x[j], p, inverse, half);
}
WIDECERT_CLONES void reduce(double* x, std::size_t count, double p, double inverse, double half) {
  for (std::size_t j = 0; j < count; ++j) x[j] = nearest_zero(x[j], p, inverse, half);
}

// Residues 0..p-1 (below 2^23) as those nearest 0.
WIDECERT_CLONES void centre(const std::uint32_t* v, float* out, std::size_t count, std::int32_t p) {
  const std::int32_t half = p / 2;
  for (std::size_t j = 0; j < count; ++j) {
    const auto x = static_cast<std::int32_t>(v[j]);
    out[j] = static_cast<float>(x - p * static_cast<std::int32_t>(x > half));
  }
}
WIDECERT_CLONES void centre(const std::uint32_t* v, double* out, std::size_t count, std::int32_t p) {
  const std::int32_t half = p / 2;
  for (std::size_t j = 0; j < count; ++j) {
    const auto x = static_cast<std::int32_t>(v[j]);
    out[j] = static_cast<double>(x - p * static_cast<std::int32_t>(x > half));
  }
}

// to <- to - factor * row, residues nearest 0 again.
WIDECERT_CLONES void subtract(float* to, const float* row, float factor, std::size_t count, float p, float inverse,
                              float half) {
  for (std::size_t j = 0; j < count; ++j) {
    to[j] = nearest_zero(to[j] - factor * row[j], p, inverse, half);
  }
}
WIDECERT_CLONES void subtract(double* to, const double* row, double factor, std::size_t count, double p, double inverse,
                              double half) {
  for (std::size_t j = 0; j < count; ++j) {
    to[j] = nearest_zero(to[j] - factor * row[j], p, inverse, half);
  }
}

// c <- c + alpha a b; row major, with leading dimensions.
void multiply(std::size_t m, std::size_t n, std::size_t k, float alpha, const float* a, std::size_t lda, const float* b,
              std::size_t ldb, float beta, float* c, std::size_t ldc) {
  cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, static_cast<int>(m), static_cast<int>(n), static_cast<int>(k),
              alpha, a, static_cast<int>(lda), b, static_cast<int>(ldb), beta, c, static_cast<int>(ldc));
}
void multiply(std::size_t m, std::size_t n, std::size_t k, double alpha, const double* a, std::size_t lda,
              const double* b, std::size_t ldb, double beta, double* c, std::size_t ldc) {
  cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, static_cast<int>(m), static_cast<int>(n), static_cast<int>(k),
              alpha, a, static_cast<int>(lda), b, static_cast<int>(ldb), beta, c, static_cast<int>(ldc));
}

// Block Gauss-Jordan by panels of rows, as in binary_elimination.cpp: rows never move between
// leaves, pivot columns are exchanged to the front, rows without a pivot are zero and come last in
// their leaf.
template <class T>
class BlasEngine final : public PrimeSystem::Engine {
 public:
  BlasEngine(std::size_t rows, std::size_t cols, std::size_t extra, std::uint64_t prime)
      : rows_(rows),
        cols_(cols),
        extra_(extra),
        pitch_((cols + extra + 15) / 16 * 16),
        prime_(static_cast<long>(prime)),
        p_(static_cast<T>(prime)),
        half_(static_cast<T>((prime - 1) / 2)),
        values_(static_cast<T*>(std::calloc(rows * pitch_, sizeof(T)))),
        order_(cols) {
    if (values_ == nullptr) throw std::bad_alloc();
    std::iota(order_.begin(), order_.end(), std::size_t{0});
  }

  void set(std::size_t row, std::size_t col, std::span<const std::uint32_t> values) override {
    centre(values.data(), at(row) + col, values.size(), static_cast<std::int32_t>(prime_));
  }
  void set_column(std::size_t col, std::span<const std::uint32_t> values) override {
    for (std::size_t i = 0; i < values.size(); ++i) at(i)[col] = centred(values[i]);
  }
  void set_rhs(std::size_t row, std::span<const std::uint32_t> values) override { set(row, cols_, values); }

  PrimeSystem::Solution solve(const Tick& tick) override {
    openblas_set_num_threads(static_cast<int>(threads()));
    const double largest = static_cast<double>(half_) * static_cast<double>(half_);
    // So many panels may be subtracted before a reduction.
    const auto lazy = std::max<std::size_t>(1, static_cast<std::size_t>((kExact<T> - static_cast<double>(half_)) /
                                                                        (static_cast<double>(kPanel) * largest)));
    std::size_t pending = 0;
    for (std::size_t first = 0; first < rows_; first += kPanel) {
      const std::size_t last = std::min(first + kPanel, rows_), swaps = swaps_.size();
      tick(first, rows_);
      reduce_rows(first, last, rank_);
      panel_first_ = first;
      panel_last_ = last;
      eliminate(first, last);
      parallel_for((rows_ + kPanel - 1) / kPanel, [&](std::size_t block) {
        if (block * kPanel == first) return;
        for (std::size_t i = block * kPanel; i < std::min((block + 1) * kPanel, rows_); ++i) {
          for (std::size_t s = swaps; s < swaps_.size(); ++s) {
            std::swap(at(i)[swaps_[s].first], at(i)[swaps_[s].second]);
          }
        }
      });
      update(last, rows_, first, last);
      if (++pending == lazy) {
        reduce_rows(last, rows_, rank_);
        pending = 0;
      }
    }
    tick(rows_, rows_);
    PrimeSystem::Solution result{rank_, std::nullopt};
    if (extra_ != 0) result.solution = substitute_back();
    return result;
  }

 private:
  struct Leaf {
    std::size_t first, base, pivots;  // first row; place of the first pivot; their number
  };

  T* at(std::size_t row) { return values_.get() + row * pitch_; }
  T centred(std::uint32_t v) const {
    const T x = static_cast<T>(v);
    return x > half_ ? x - p_ : x;
  }
  void reduce_rows(std::size_t first, std::size_t last, std::size_t from) {
    // Starting threads costs as much as some 100,000 entries.
    const std::size_t kRows = (last - first) * (cols_ + extra_ - from) < 400'000 ? last - first : 16;
    if (first == last) return;
    parallel_for((last - first + kRows - 1) / kRows, [&](std::size_t block) {
      for (std::size_t i = first + block * kRows; i < std::min(first + (block + 1) * kRows, last); ++i) {
        reduce(at(i) + from, cols_ + extra_ - from, p_, 1 / p_, half_);
      }
    });
  }

  void eliminate(std::size_t first, std::size_t last) {
    if (last - first <= kLeaf) return eliminate_leaf(first, last);
    std::size_t middle = kLeaf;
    while (2 * middle < last - first) middle *= 2;
    middle += first;
    eliminate(first, middle);
    update(middle, last, first, middle);
    reduce_rows(middle, last, rank_);
    const std::size_t from = rank_;
    eliminate(middle, last);
    update(first, middle, middle, last);
    reduce_rows(first, middle, from);
  }

  // Finds the pivots of a few rows in a window of columns that grows until every row has one, then
  // applies the transformation found to the whole rows at once.
  void eliminate_leaf(std::size_t first, std::size_t last) {
    const std::size_t count = last - first;
    std::vector<std::size_t> pivots, position;
    std::vector<T> t;
    for (std::size_t window = 4 * kLeaf;; window *= 4) {
      const std::size_t width = std::min(window, cols_ - rank_);
      find_pivots(first, count, width, pivots, position, t);
      if (pivots.size() == count || width == cols_ - rank_) break;
    }
    // Rows with a pivot first.
    std::vector<bool> used(count, false);
    for (std::size_t r : position) used[r] = true;
    for (std::size_t r = 0; r < count; ++r)
      if (!used[r]) position.push_back(r);
    std::vector<T> transformation(count * count);
    for (std::size_t r = 0; r < count; ++r) {
      std::copy_n(&t[position[r] * count], count, &transformation[r * count]);
    }
    const std::size_t width = cols_ + extra_ - rank_;
    std::vector<T> out(count * width);
    multiply(count, width, count, 1, transformation.data(), count, at(first) + rank_, pitch_, 0, out.data(), width);
    for (std::size_t r = 0; r < count; ++r) {
      reduce(&out[r * width], width, p_, 1 / p_, half_);
      std::copy_n(&out[r * width], width, at(first + r) + rank_);
    }
    leaves_.push_back({first, rank_, pivots.size()});
    for (std::size_t k = 0; k < pivots.size(); ++k, ++rank_) {
      const std::size_t from = leaves_.back().base + pivots[k];
      if (from == rank_) continue;
      swaps_.emplace_back(rank_, from);
      std::swap(order_[rank_], order_[from]);
      for (std::size_t i = panel_first_; i < panel_last_; ++i) std::swap(at(i)[rank_], at(i)[from]);
    }
  }

  // Gauss-Jordan of the rows in `width` columns from the current rank on: pivots[k] is the k-th
  // pivot column, position[k] its row, t the transformation of the rows.
  void find_pivots(std::size_t first, std::size_t count, std::size_t width, std::vector<std::size_t>& pivots,
                   std::vector<std::size_t>& position, std::vector<T>& t) {
    const std::size_t pitch = width + count;
    std::vector<T> w(count * pitch, T(0));
    for (std::size_t r = 0; r < count; ++r) {
      std::copy_n(at(first + r) + rank_, width, &w[r * pitch]);
      w[r * pitch + width + r] = 1;
    }
    pivots.clear();
    position.clear();
    std::vector<bool> used(count, false);
    for (std::size_t j = 0; j < width && pivots.size() < count; ++j) {
      std::size_t r = 0;
      while (r < count && (used[r] || w[r * pitch + j] == 0)) ++r;
      if (r == count) continue;
      used[r] = true;
      pivots.push_back(j);
      position.push_back(r);
      T* row = &w[r * pitch];
      const long pivot = static_cast<long>(row[j]);
      const T inverse = centred(static_cast<std::uint32_t>(
          n_invmod(static_cast<ulong>(pivot < 0 ? pivot + prime_ : pivot), static_cast<ulong>(prime_))));
      for (std::size_t c = j; c < pitch; ++c) row[c] *= inverse;
      reduce(row + j, pitch - j, p_, 1 / p_, half_);
      for (std::size_t o = 0; o < count; ++o) {
        T* other = &w[o * pitch];
        if (o == r || other[j] == 0) continue;
        subtract(other + j, row + j, other[j], pitch - j, p_, 1 / p_, half_);
      }
    }
    t.resize(count * count);
    for (std::size_t r = 0; r < count; ++r) {
      std::copy_n(&w[r * pitch + width], count, &t[r * count]);
    }
  }

  // Subtracts multiples of the source rows (reduced to the identity at their pivots) so that the
  // target rows vanish there. Leaves sums of products unreduced.
  void update(std::size_t target, std::size_t target_end, std::size_t source, std::size_t source_end) {
    const std::size_t targets = target_end - target, sources = source_end - source;
    if (targets == 0) return;
    const auto leaf_begin = std::lower_bound(leaves_.begin(), leaves_.end(), source,
                                             [](const Leaf& leaf, std::size_t row) { return leaf.first < row; });
    const std::size_t from = leaf_begin->base;
    coefficients_.resize(targets * sources);
    const std::size_t rows = targets * sources < 400'000 ? targets : kPanel;
    parallel_for((targets + rows - 1) / rows, [&](std::size_t block) {
      for (std::size_t i = block * rows; i < std::min((block + 1) * rows, targets); ++i) {
        T* out = &coefficients_[i * sources];
        std::fill_n(out, sources, T(0));
        for (auto leaf = leaf_begin; leaf != leaves_.end() && leaf->first < source_end; ++leaf) {
          std::copy_n(at(target + i) + leaf->base, leaf->pivots, out + (leaf->first - source));
        }
        reduce(out, sources, p_, 1 / p_, half_);
      }
    });
    multiply(targets, cols_ + extra_ - from, sources, -1, coefficients_.data(), sources, at(source) + from, pitch_, 1,
             at(target) + from, pitch_);
  }

  std::optional<std::vector<std::uint32_t>> substitute_back() {
    // Rows of the solution in the order of the pivots, filled from below.
    std::vector<T> x(rank_ * extra_);
    const double largest = static_cast<double>(half_) * static_cast<double>(half_);
    const auto chunk = static_cast<std::size_t>((kExact<T> - static_cast<double>(half_)) / largest);
    for (auto leaf = leaves_.rbegin(); leaf != leaves_.rend(); ++leaf) {
      const std::size_t panel_end = std::min((leaf->first / kPanel + 1) * kPanel, rows_);
      const std::size_t leaf_end = std::min(leaf->first + kLeaf, rows_);
      // Pivots of later panels begin here.
      const auto later = std::lower_bound(leaves_.begin(), leaves_.end(), panel_end,
                                          [](const Leaf& l, std::size_t row) { return l.first < row; });
      const std::size_t begin = later == leaves_.end() ? rank_ : later->base;
      T* rhs = at(leaf->first) + cols_;
      const std::size_t count = leaf_end - leaf->first;
      for (std::size_t c = begin; c < rank_; c += chunk) {
        const std::size_t size = std::min(chunk, rank_ - c);
        multiply(count, extra_, size, -1, at(leaf->first) + c, pitch_, &x[c * extra_], extra_, 1, rhs, pitch_);
        for (std::size_t r = 0; r < count; ++r) reduce(rhs + r * pitch_, extra_, p_, 1 / p_, half_);
      }
      for (std::size_t r = 0; r < count; ++r) {
        T* row = rhs + r * pitch_;
        if (r < leaf->pivots) {
          std::copy_n(row, extra_, &x[(leaf->base + r) * extra_]);
        } else if (std::any_of(row, row + extra_, [](T v) { return v != 0; })) {
          return std::nullopt;
        }
      }
    }
    std::vector<std::uint32_t> w(cols_ * extra_, 0);
    for (std::size_t k = 0; k < rank_; ++k) {
      for (std::size_t j = 0; j < extra_; ++j) {
        const long v = static_cast<long>(x[k * extra_ + j]);
        w[order_[k] * extra_ + j] = static_cast<std::uint32_t>(v < 0 ? v + prime_ : v);
      }
    }
    return w;
  }

  std::size_t rows_, cols_, extra_, pitch_;
  long prime_;
  T p_, half_;
  struct Free {
    void operator()(T* p) const { std::free(p); }
  };
  // By calloc: gigabytes of zeros cost nothing until they are touched, in loops that poll.
  std::unique_ptr<T[], Free> values_;
  std::size_t rank_ = 0, panel_first_ = 0, panel_last_ = 0;
  std::vector<std::size_t> order_;
  std::vector<Leaf> leaves_;
  std::vector<std::pair<std::size_t, std::size_t>> swaps_;
  std::vector<T> coefficients_;
};

// FLINT, for primes up to 32 bits: 8 bytes an entry, one thread.
class FlintEngine final : public PrimeSystem::Engine {
 public:
  FlintEngine(std::size_t rows, std::size_t cols, std::size_t extra, std::uint64_t prime) : extra_(extra) {
    nmod_mat_init(a_, static_cast<slong>(rows), static_cast<slong>(cols), prime);
    nmod_mat_init(b_, static_cast<slong>(rows), static_cast<slong>(extra), prime);
  }
  ~FlintEngine() override {
    nmod_mat_clear(a_);
    nmod_mat_clear(b_);
  }
  FlintEngine(const FlintEngine&) = delete;
  FlintEngine& operator=(const FlintEngine&) = delete;
  void set(std::size_t row, std::size_t col, std::span<const std::uint32_t> values) override {
    for (std::uint32_t v : values) {
      nmod_mat_entry(a_, static_cast<slong>(row), static_cast<slong>(col++)) = v;
    }
  }
  void set_column(std::size_t col, std::span<const std::uint32_t> values) override {
    for (std::size_t i = 0; i < values.size(); ++i) set(i, col, values.subspan(i, 1));
  }
  void set_rhs(std::size_t row, std::span<const std::uint32_t> values) override {
    for (std::size_t j = 0; j < values.size(); ++j) {
      nmod_mat_entry(b_, static_cast<slong>(row), static_cast<slong>(j)) = values[j];
    }
  }
  PrimeSystem::Solution solve(const Tick& tick) override {
    tick(0, 1);
    PrimeSystem::Solution result;
    if (extra_ == 0) {
      result.rank = static_cast<std::size_t>(nmod_mat_rank(a_));
      return result;
    }
    nmod_mat_t x;
    nmod_mat_init(x, nmod_mat_ncols(a_), static_cast<slong>(extra_), a_->mod.n);
    // Full row rank shows in the solution; otherwise the rank is asked for by itself.
    const bool solved = nmod_mat_can_solve(x, a_, b_) != 0;
    if (solved) {
      std::vector<std::uint32_t> w;
      for (slong i = 0; i < nmod_mat_nrows(x); ++i) {
        for (slong j = 0; j < nmod_mat_ncols(x); ++j) {
          w.push_back(static_cast<std::uint32_t>(nmod_mat_entry(x, i, j)));
        }
      }
      result.solution = std::move(w);
    }
    nmod_mat_clear(x);
    result.rank = static_cast<std::size_t>(nmod_mat_rank(a_));
    return result;
  }

 private:
  std::size_t extra_;
  nmod_mat_t a_, b_;
};

}  // namespace

PrimeSystem::PrimeSystem(std::size_t rows, std::size_t cols, std::size_t extra, std::uint64_t prime) {
  if (prime >= (std::uint64_t{1} << 32) || prime % 2 == 0 || n_is_prime(prime) == 0) {
    throw InputError(std::to_string(prime) + " is not an odd prime below 2^32");
  }
  if (prime <= kLargestPrime<float>) {
    engine_ = std::make_unique<BlasEngine<float>>(rows, cols, extra, prime);
  } else if (prime < kLargestPrime<double>) {
    engine_ = std::make_unique<BlasEngine<double>>(rows, cols, extra, prime);
  } else {
    engine_ = std::make_unique<FlintEngine>(rows, cols, extra, prime);
  }
}
PrimeSystem::~PrimeSystem() = default;
PrimeSystem::PrimeSystem(PrimeSystem&&) noexcept = default;

std::size_t PrimeSystem::memory(std::size_t rows, std::size_t cols, std::size_t extra, std::uint64_t prime) {
  const std::size_t entries = rows * (cols + extra + 16);
  if (prime <= kLargestPrime<float>) return entries * 4 + rows * kPanel * 4;
  if (prime < kLargestPrime<double>) return entries * 8 + rows * kPanel * 8;
  return 3 * entries * 8;  // FLINT solves on copies
}

void PrimeSystem::set(std::size_t row, std::size_t first, std::span<const std::uint32_t> values) {
  engine_->set(row, first, values);
}
void PrimeSystem::set_column(std::size_t col, std::span<const std::uint32_t> values) {
  engine_->set_column(col, values);
}
void PrimeSystem::set_rhs(std::size_t row, std::span<const std::uint32_t> values) { engine_->set_rhs(row, values); }
PrimeSystem::Solution PrimeSystem::solve(const Tick& tick) { return engine_->solve(tick); }

}  // namespace widecert
