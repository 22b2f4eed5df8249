#include <m4ri/m4ri.h>
#include <widecert/linalg/binary_elimination.h>
#include <widecert/number/error.h>
#include <widecert/number/parallel.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <numeric>
#include <utility>

#if defined(__x86_64__)
#include <immintrin.h>
#define WIDECERT_GFNI __attribute__((target("avx512f,avx512bw,gfni")))
#endif

namespace widecert {
namespace {

using Tick = std::function<void(std::size_t, std::size_t)>;

#if defined(__x86_64__)

constexpr std::size_t kPanel = 128;  // stripes: 1024 pivots at a time
constexpr std::size_t kLeaf = 8;     // stripes eliminated one by one
constexpr std::size_t kTile = 8;     // stripes of a register tile
constexpr std::size_t kStrip = 128;  // columns of a register tile
constexpr std::size_t kBlock = 64;   // stripes of a task

// Column r of an 8 x 8 matrix is byte r; vgf2p8affineqb wants row i in byte 7 - i.
std::uint64_t for_instruction(std::uint64_t columns) { return __builtin_bswap64(transpose_8x8(columns)); }

std::uint64_t load(const std::uint8_t* bytes) {
  std::uint64_t word;
  std::memcpy(&word, bytes, 8);
  return word;
}

// x <- T x for `size` bytes (a multiple of 64).
WIDECERT_GFNI void transform(std::uint8_t* x, std::size_t size, std::uint64_t t) {
  const __m512i matrix = _mm512_set1_epi64(static_cast<long long>(t));
  for (std::size_t j = 0; j < size; j += 64) {
    const __m512i v = _mm512_loadu_si512(x + j);
    _mm512_storeu_si512(x + j, _mm512_gf2p8affine_epi64_epi8(v, matrix, 0));
  }
}

// y <- y + T x for `size` bytes (a multiple of 64).
WIDECERT_GFNI void add_transformed(std::uint8_t* y, const std::uint8_t* x, std::size_t size, std::uint64_t t) {
  const __m512i matrix = _mm512_set1_epi64(static_cast<long long>(t));
  for (std::size_t j = 0; j < size; j += 64) {
    const __m512i v = _mm512_gf2p8affine_epi64_epi8(_mm512_loadu_si512(x + j), matrix, 0);
    _mm512_storeu_si512(y + j, _mm512_xor_si512(v, _mm512_loadu_si512(y + j)));
  }
}

// One register tile: y[r] <- y[r] + sum_q m[q][r] u[q], for kTile stripes and kStrip columns.
WIDECERT_GFNI void tile(std::uint8_t* const* y, const std::uint8_t* u, const std::uint64_t* m, std::size_t sources) {
  __m512i sum[kTile][2];
#pragma GCC unroll 8
  for (std::size_t r = 0; r < kTile; ++r) {
    sum[r][0] = _mm512_loadu_si512(y[r]);
    sum[r][1] = _mm512_loadu_si512(y[r] + 64);
  }
  for (std::size_t q = 0; q < sources; ++q, u += kStrip, m += kTile) {
    const __m512i u0 = _mm512_loadu_si512(u), u1 = _mm512_loadu_si512(u + 64);
#pragma GCC unroll 8
    for (std::size_t r = 0; r < kTile; ++r) {
      const __m512i matrix = _mm512_set1_epi64(static_cast<long long>(m[r]));
      sum[r][0] = _mm512_xor_si512(sum[r][0], _mm512_gf2p8affine_epi64_epi8(u0, matrix, 0));
      sum[r][1] = _mm512_xor_si512(sum[r][1], _mm512_gf2p8affine_epi64_epi8(u1, matrix, 0));
    }
  }
#pragma GCC unroll 8
  for (std::size_t r = 0; r < kTile; ++r) {
    _mm512_storeu_si512(y[r], sum[r][0]);
    _mm512_storeu_si512(y[r] + 64, sum[r][1]);
  }
}

// Block Gauss-Jordan by panels of rows. Every row finds its pivot among the columns that are left,
// so rows never move; pivot columns are exchanged to the front. A stripe with fewer than eight
// pivots keeps zero rows, whose coefficients never matter.
class Kernel {
 public:
  explicit Kernel(BinaryMatrix& a) : a_(a), order_(a.cols()) {
    std::iota(order_.begin(), order_.end(), std::size_t{0});
  }

  std::size_t eliminate(const Tick& tick) {
    const std::size_t total = a_.stripes();
    for (std::size_t first = 0; first < total; first += kPanel) {
      const std::size_t last = std::min(first + kPanel, total), swaps = swaps_.size();
      tick(first, total);
      panel_first_ = first;
      panel_last_ = last;
      reduce(first, last);
      // The other stripes exchange their columns now, all at once.
      parallel_for(total, [&](std::size_t s) {
        if (s >= first && s < last) return;
        std::uint8_t* row = a_.stripe(s);
        for (std::size_t k = swaps; k < swaps_.size(); ++k) {
          std::swap(row[swaps_[k].first], row[swaps_[k].second]);
        }
      });
      update(last, total, first, last);
    }
    tick(total, total);
    return rank_;
  }

  std::optional<std::vector<std::uint64_t>> solve() {
    const std::size_t k = a_.extra(), words = (k + 63) / 64, width = 64 * words;
    for (std::size_t s = a_.stripes(); s-- > 0;) {
      std::uint8_t* x = a_.stripe(s) + a_.rhs();
      for (std::size_t later = (s / kPanel + 1) * kPanel; later < a_.stripes(); ++later) {
        add_transformed(x, a_.stripe(later) + a_.rhs(), width, for_instruction(load(a_.stripe(s) + base_[later])));
      }
      for (std::size_t j = 0; j < k; ++j) {
        if (x[j] >> count_[s] != 0) return std::nullopt;
      }
    }
    std::vector<std::uint64_t> w(a_.cols() * words, 0);
    for (std::size_t s = 0; s < a_.stripes(); ++s) {
      const std::uint8_t* x = a_.stripe(s) + a_.rhs();
      for (std::size_t r = 0; r < count_[s]; ++r) {
        std::uint64_t* row = &w[order_[base_[s] + r] * words];
        for (std::size_t j = 0; j < k; ++j) {
          row[j / 64] |= std::uint64_t{x[j] >> r & 1u} << j % 64;
        }
      }
    }
    return w;
  }

 private:
  // Gauss-Jordan of the stripes first..last-1 among themselves; rows above the panel are done with,
  // rows below it follow later.
  void reduce(std::size_t first, std::size_t last) {
    if (last - first > kLeaf) {
      const std::size_t middle = first + std::bit_ceil(last - first) / 2;
      reduce(first, middle);
      update(middle, last, first, middle);
      reduce(middle, last);
      update(first, middle, middle, last);
      return;
    }
    for (std::size_t s = first; s < last; ++s) {
      for (std::size_t q = first; q < s; ++q) single_update(s, q);
      find_pivots(s);
      for (std::size_t q = first; q < s; ++q) single_update(q, s);
    }
  }

  void single_update(std::size_t target, std::size_t source) {
    const std::uint64_t m = for_instruction(load(a_.stripe(target) + base_[source]));
    const std::size_t from = base_[source] / 64 * 64;
    add_transformed(a_.stripe(target) + from, a_.stripe(source) + from, a_.pitch() - from, m);
  }

  // Finds the pivots of one stripe, left to right, and reduces its rows to the identity there.
  void find_pivots(std::size_t s) {
    std::uint8_t* row = a_.stripe(s);
    std::uint8_t t[8];  // columns of the transformation of the eight rows so far
    for (int i = 0; i < 8; ++i) t[i] = static_cast<std::uint8_t>(1u << i);
    const auto apply = [&t](std::uint8_t byte) {
      std::uint8_t out = 0;
      for (int i = 0; i < 8; ++i) out ^= byte >> i & 1 ? t[i] : 0;
      return out;
    };
    std::size_t pivot[8];
    std::uint8_t position[8];
    std::uint8_t used = 0;
    std::size_t found = 0;
    for (std::size_t j = rank_; j < a_.cols() && found < 8; ++j) {
      if (row[j] == 0) continue;
      const std::uint8_t v = apply(row[j]);
      const auto free = static_cast<std::uint8_t>(v & ~used);
      if (free == 0) continue;
      const auto bit = static_cast<std::uint8_t>(free & -free);
      for (std::uint8_t& column : t) column ^= column & bit ? v ^ bit : 0;
      used |= bit;
      position[found] = bit;
      pivot[found++] = j;
    }
    // Rows with a pivot first, in the order of their pivots.
    std::uint8_t place[8];
    std::size_t next = found;
    for (int i = 0; i < 8; ++i) {
      const auto bit = static_cast<std::uint8_t>(1u << i);
      const auto* at = std::find(position, position + found, bit);
      const std::size_t to = at == position + found ? next++ : static_cast<std::size_t>(at - position);
      place[i] = static_cast<std::uint8_t>(1u << to);
    }
    std::uint64_t columns = 0;
    for (int i = 0; i < 8; ++i) {
      std::uint8_t permuted = 0;
      for (int b = 0; b < 8; ++b) permuted |= t[i] >> b & 1 ? place[b] : 0;
      columns |= std::uint64_t{permuted} << 8 * i;
    }
    const std::size_t from = rank_ / 64 * 64;
    transform(row + from, a_.pitch() - from, for_instruction(columns));
    base_.push_back(rank_);
    count_.push_back(static_cast<std::uint8_t>(found));
    for (std::size_t k = 0; k < found; ++k, ++rank_) {
      if (pivot[k] == rank_) continue;
      swaps_.emplace_back(rank_, pivot[k]);
      std::swap(order_[rank_], order_[pivot[k]]);
      for (std::size_t other = panel_first_; other < panel_last_; ++other) {
        std::swap(a_.stripe(other)[rank_], a_.stripe(other)[pivot[k]]);
      }
    }
  }

  // Clears the pivot columns of the stripes source.. in the stripes target...
  void update(std::size_t target, std::size_t target_end, std::size_t source, std::size_t source_end) {
    const std::size_t targets = target_end - target, sources = source_end - source;
    if (targets == 0) return;
    const std::size_t from = base_[source] / 64 * 64, width = a_.pitch() - from;
    const std::size_t strips = (width + kStrip - 1) / kStrip;
    // The sources once more, strip by strip, so that a strip lies in the nearest cache.
    packed_.resize(strips * sources * kStrip);
    parallel_for(strips, [&](std::size_t strip) {
      const std::size_t begin = strip * kStrip, size = std::min(kStrip, width - begin);
      for (std::size_t q = 0; q < sources; ++q) {
        std::uint8_t* out = &packed_[(strip * sources + q) * kStrip];
        std::memcpy(out, a_.stripe(source + q) + from + begin, size);
        std::memset(out + size, 0, kStrip - size);
      }
    });
    parallel_for((targets + kBlock - 1) / kBlock, [&](std::size_t block) {
      const std::size_t begin = target + block * kBlock;
      const std::size_t end = std::min(begin + kBlock, target_end);
      const std::size_t tiles = (end - begin + kTile - 1) / kTile;
      std::vector<std::uint64_t> m(tiles * sources * kTile, 0);
      for (std::size_t s = begin; s < end; ++s) {
        std::uint64_t* out = &m[(s - begin) / kTile * sources * kTile + (s - begin) % kTile];
        for (std::size_t q = 0; q < sources; ++q) {
          out[q * kTile] = for_instruction(load(a_.stripe(s) + base_[source + q]));
        }
      }
      std::uint8_t unused[kStrip];
      for (std::size_t strip = 0; strip < strips; ++strip) {
        const std::size_t at = from + strip * kStrip;
        const std::uint8_t* u = &packed_[strip * sources * kStrip];
        for (std::size_t g = 0; g < tiles; ++g) {
          std::uint8_t* y[kTile];
          const bool whole = begin + (g + 1) * kTile <= end && at + kStrip <= a_.pitch();
          std::uint8_t edge[kTile][kStrip];  // where the tile sticks out of the matrix
          const std::size_t size = std::min(kStrip, a_.pitch() - at);
          for (std::size_t r = 0; r < kTile; ++r) {
            const std::size_t s = begin + g * kTile + r;
            y[r] = s < end ? a_.stripe(s) + at : unused;
            if (whole) continue;
            std::memset(edge[r], 0, kStrip);
            if (s < end) std::memcpy(edge[r], y[r], size);
          }
          if (whole) {
            tile(y, u, &m[g * sources * kTile], sources);
            continue;
          }
          std::uint8_t* copies[kTile];
          for (std::size_t r = 0; r < kTile; ++r) copies[r] = edge[r];
          tile(copies, u, &m[g * sources * kTile], sources);
          for (std::size_t r = 0; r < kTile; ++r) {
            if (begin + g * kTile + r < end) std::memcpy(y[r], edge[r], size);
          }
        }
      }
    });
  }

  BinaryMatrix& a_;
  std::size_t rank_ = 0, panel_first_ = 0, panel_last_ = 0;
  std::vector<std::size_t> order_;   // the column of A at each place
  std::vector<std::size_t> base_;    // of each stripe: the place of its first pivot
  std::vector<std::uint8_t> count_;  // of each stripe: its pivots
  std::vector<std::pair<std::size_t, std::size_t>> swaps_;
  std::vector<std::uint8_t> packed_;
};

BinarySolution by_kernel(BinaryMatrix& a, const Tick& tick) {
  Kernel kernel(a);
  BinarySolution result{kernel.eliminate(tick), std::nullopt};
  if (a.extra() != 0) result.solution = kernel.solve();
  return result;
}

#endif

struct Mzd {
  mzd_t* m;
  Mzd(std::size_t rows, std::size_t cols) : m(mzd_init(static_cast<rci_t>(rows), static_cast<rci_t>(cols))) {}
  ~Mzd() { mzd_free(m); }
  Mzd(const Mzd&) = delete;
  Mzd& operator=(const Mzd&) = delete;
  void set(std::size_t i, std::size_t j) { mzd_write_bit(m, static_cast<rci_t>(i), static_cast<rci_t>(j), 1); }
};

BinarySolution by_m4ri(BinaryMatrix& a, const Tick& tick) {
  Mzd left(a.rows(), a.cols());
  // M4RI puts the solution where the right-hand side was.
  Mzd right(std::max(a.rows(), a.cols()), std::max<std::size_t>(a.extra(), 1));
  for (std::size_t s = 0; s < a.stripes(); ++s) {
    tick(s, 2 * a.stripes());
    const std::uint8_t* row = a.stripe(s);
    for (std::size_t j = 0; j < a.cols(); ++j) {
      for (unsigned rest = row[j]; rest != 0; rest &= rest - 1) {
        left.set(8 * s + static_cast<std::size_t>(std::countr_zero(rest)), j);
      }
    }
    for (std::size_t j = 0; j < a.extra(); ++j) {
      for (unsigned rest = row[a.rhs() + j]; rest != 0; rest &= rest - 1) {
        right.set(8 * s + static_cast<std::size_t>(std::countr_zero(rest)), j);
      }
    }
  }
  mzp_t* p = mzp_init(left.m->nrows);
  mzp_t* q = mzp_init(left.m->ncols);
  const rci_t rank = mzd_pluq(left.m, p, q, 0);
  BinarySolution result{static_cast<std::size_t>(rank), std::nullopt};
  if (a.extra() != 0 && mzd_pluq_solve_left(left.m, rank, p, q, right.m, 0, 1) == 0) {
    const std::size_t words = (a.extra() + 63) / 64;
    std::vector<std::uint64_t> w(a.cols() * words, 0);
    for (std::size_t h = 0; h < a.cols(); ++h) {
      for (std::size_t j = 0; j < a.extra(); ++j) {
        const BIT bit = mzd_read_bit(right.m, static_cast<rci_t>(h), static_cast<rci_t>(j));
        w[h * words + j / 64] |= static_cast<std::uint64_t>(bit) << j % 64;
      }
    }
    result.solution = std::move(w);
  }
  mzp_free(p);
  mzp_free(q);
  tick(a.stripes(), a.stripes());
  return result;
}

}  // namespace

bool binary_kernel_available() {
#if defined(__x86_64__)
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("gfni");
#else
  return false;
#endif
}

BinarySolution solve_in_place(BinaryMatrix& a, const Tick& tick, BinaryEngine engine) {
  const bool kernel = binary_kernel_available();
  if (engine == BinaryEngine::kernel && !kernel) {
    throw InputError("this machine has no AVX-512 with GFNI; use M4RI");
  }
#if defined(__x86_64__)
  if (kernel && engine != BinaryEngine::m4ri) return by_kernel(a, tick);
#endif
  return by_m4ri(a, tick);
}

}  // namespace widecert
