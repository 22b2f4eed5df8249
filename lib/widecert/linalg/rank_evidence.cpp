#include <widecert/linalg/binary_elimination.h>
#include <widecert/linalg/independent_lines.h>
#include <widecert/linalg/prime_elimination.h>
#include <widecert/linalg/rank_evidence.h>
#include <widecert/number/clones.h>
#include <widecert/number/error.h>
#include <widecert/number/parallel.h>
#include <widecert/number/rational.h>
#include <widecert/number/stream.h>

#include <algorithm>

namespace widecert {
namespace {

constexpr std::size_t kBlock = 256;  // rows made together

void put_u64be(Sha256& hash, std::uint64_t value) {
  std::uint8_t bytes[8];
  for (int i = 7; i >= 0; --i, value >>= 8) bytes[i] = static_cast<std::uint8_t>(value);
  hash.update(bytes);
}

// Entry j is bit j mod 8 of byte j / 8.
WIDECERT_CLONES void pack_bits(std::span<const std::uint32_t> row, std::uint8_t* out) {
  const std::size_t whole = row.size() / 64;
  for (std::size_t w = 0; w < whole; ++w) {
    std::uint64_t word = 0;
    for (std::size_t b = 0; b < 64; ++b) word |= std::uint64_t{row[64 * w + b]} << b;
    for (std::size_t b = 0; b < 8; ++b) out[8 * w + b] = static_cast<std::uint8_t>(word >> 8 * b);
  }
  for (std::size_t j = 64 * whole; j < row.size(); ++j) {
    if (j % 8 == 0) out[j / 8] = 0;
    out[j / 8] = static_cast<std::uint8_t>(out[j / 8] | row[j] << j % 8);
  }
}

std::size_t bytes_of(std::uint64_t prime) { return prime <= 256 ? 1 : prime <= 65536 ? 2 : 4; }

// Little-endian residues of 1, 2 or 4 bytes.
void pack_residues(std::span<const std::uint32_t> row, std::size_t size, std::uint8_t* out) {
  if (size == 1) {
    for (std::uint32_t v : row) *out++ = static_cast<std::uint8_t>(v);
    return;
  }
  for (std::uint32_t v : row) {
    for (std::size_t b = 0; b < size; ++b) *out++ = static_cast<std::uint8_t>(v >> 8 * b);
  }
}

// Makes all rows, a block at a time on all cores, hashes them in order, and hands each block with
// its canonical bytes to `store`.
template <class Store>
Digest make_rows(const ResidueRows& a, const RankTick& tick, const Store& store) {
  const std::size_t bytes = a.prime == 2 ? (a.cols + 7) / 8 : a.cols * bytes_of(a.prime);
  std::vector<std::uint32_t> residues(kBlock * a.cols);
  std::vector<std::uint8_t> packed(kBlock * bytes);
  Sha256 hash;
  for (std::size_t first = 0; first < a.rows; first += kBlock) {
    tick("features", first, a.rows);
    const std::size_t count = std::min(kBlock, a.rows - first);
    constexpr std::size_t kTask = 32;
    parallel_for((count + kTask - 1) / kTask, [&](std::size_t task) {
      const std::size_t begin = task * kTask, end = std::min(count, begin + kTask);
      a.write(first + begin, std::span(&residues[begin * a.cols], (end - begin) * a.cols));
      for (std::size_t i = begin; i < end; ++i) {
        const std::span row(&residues[i * a.cols], a.cols);
        if (a.prime == 2) {
          pack_bits(row, &packed[i * bytes]);
        } else {
          pack_residues(row, bytes_of(a.prime), &packed[i * bytes]);
        }
      }
    });
    hash.update(std::span(packed.data(), count * bytes));
    store(first, count, std::span<const std::uint32_t>(residues.data(), count * a.cols),
          std::span<const std::uint8_t>(packed.data(), count * bytes), bytes);
  }
  return hash.finish();
}

RankResult binary_rank(const ResidueRows& a, const Digest& claim, std::size_t k, const RankTick& tick) {
  const bool wide = a.rows <= a.cols;
  const std::size_t short_side = std::min(a.rows, a.cols), long_side = std::max(a.rows, a.cols);
  BinaryMatrix m(short_side, long_side, k);
  const Digest digest = make_rows(
      a, tick,
      [&](std::size_t first, std::size_t count, auto, std::span<const std::uint8_t> packed, std::size_t bytes) {
        if (wide) {
          parallel_for((count + 7) / 8, [&](std::size_t s) {
            const std::size_t size = std::min<std::size_t>(8, count - 8 * s);
            m.set_rows(first / 8 + s, packed.subspan(8 * s * bytes, size * bytes), bytes);
          });
        } else {
          m.set_columns(first, packed);
        }
      });
  if (k != 0) {
    const RandomRightSide b(claim, 2, a.rows, a.cols, k, digest);
    parallel_for(m.stripes(), [&](std::size_t s) {
      std::vector<std::uint32_t> row(k);
      for (std::size_t i = 8 * s; i < std::min(short_side, 8 * s + 8); ++i) {
        b.row(i, row);
        for (std::size_t j = 0; j < k; ++j) m.set(i, m.rhs() + j, row[j] != 0);
      }
    });
  }
  BinarySolution solved =
      solve_in_place(m, [&](std::size_t done, std::size_t total) { tick("elimination", done, total); });
  RankResult result{solved.rank, std::nullopt};
  if (k != 0 && solved.rank == short_side) {
    check(solved.solution.has_value(), "independent rows solve every right-hand side");
    RandomSolve evidence{2, k, digest, {}};
    evidence.w.reserve(long_side * k);
    const std::size_t words = (k + 63) / 64;
    for (std::size_t h = 0; h < long_side; ++h) {
      for (std::size_t j = 0; j < k; ++j) {
        evidence.w.push_back((*solved.solution)[h * words + j / 64] >> j % 64 & 1);
      }
    }
    result.random_solve = std::move(evidence);
  }
  return result;
}

RankResult prime_rank(const ResidueRows& a, const Digest& claim, std::size_t k, const RankTick& tick) {
  const bool wide = a.rows <= a.cols;
  const std::size_t short_side = std::min(a.rows, a.cols), long_side = std::max(a.rows, a.cols);
  PrimeSystem m(short_side, long_side, k, a.prime);
  const Digest digest = make_rows(
      a, tick, [&](std::size_t first, std::size_t count, std::span<const std::uint32_t> rows, auto, std::size_t) {
        for (std::size_t i = 0; i < count; ++i) {
          const auto row = rows.subspan(i * a.cols, a.cols);
          wide ? m.set(first + i, 0, row) : m.set_column(first + i, row);
        }
      });
  if (k != 0) {
    const RandomRightSide b(claim, a.prime, a.rows, a.cols, k, digest);
    parallel_for(short_side, [&](std::size_t i) {
      std::vector<std::uint32_t> row(k);
      b.row(i, row);
      m.set_rhs(i, row);
    });
  }
  PrimeSystem::Solution solved =
      m.solve([&](std::size_t done, std::size_t total) { tick("elimination", done, total); });
  RankResult result{solved.rank, std::nullopt};
  if (k != 0 && solved.rank == short_side) {
    check(solved.solution.has_value(), "independent rows solve every right-hand side");
    result.random_solve = RandomSolve{a.prime, k, digest, std::move(*solved.solution)};
  }
  return result;
}

}  // namespace

std::size_t columns_of_b(std::uint64_t prime) {
  std::size_t k = 0;
  for (Integer power = 1; power < Integer(1) << 192; power *= prime) ++k;
  return k;
}

std::size_t rank_memory(std::size_t rows, std::size_t cols, std::uint64_t prime) {
  const std::size_t short_side = std::min(rows, cols), long_side = std::max(rows, cols);
  const std::size_t k = columns_of_b(prime), block = kBlock * cols * 5;
  if (prime == 2) return (short_side + 8) * (long_side + k + 128) / 8 * 9 / 8 + long_side * k * 5 + block;
  return PrimeSystem::memory(short_side, long_side, k, prime) + long_side * k * 8 + block;
}

RankResult find_rank(const ResidueRows& a, const Digest& claim, bool with_solution, const RankTick& tick) {
  const std::size_t k = with_solution ? columns_of_b(a.prime) : 0;
  return a.prime == 2 ? binary_rank(a, claim, k, tick) : prime_rank(a, claim, k, tick);
}

std::optional<Minor> find_minor(const ResidueRows& a, double most_products, const RankTick& tick) {
  Minor minor{a.prime, a.rows > a.cols, {}};
  const std::size_t full = std::min(a.rows, a.cols);
  if (minor.of_rows) {
    tick("minor", 0, 1);
    minor.lines = independent_lines(a.rows, a.cols, a.prime, most_products,
                                    [&](std::size_t i, std::span<std::uint32_t> out) { a.write(i, out); });
  } else {
    std::vector<std::uint32_t> all(a.rows * a.cols);
    for (std::size_t first = 0; first < a.rows; first += kBlock) {
      tick("features", first, a.rows);
      parallel_for(std::min(kBlock, a.rows - first),
                   [&](std::size_t i) { a.write(first + i, std::span(&all[(first + i) * a.cols], a.cols)); });
    }
    minor.lines =
        independent_lines(a.cols, a.rows, a.prime, most_products, [&](std::size_t j, std::span<std::uint32_t> out) {
          for (std::size_t i = 0; i < a.rows; ++i) out[i] = all[i * a.cols + j];
        });
  }
  if (minor.lines.size() < full) return std::nullopt;
  return minor;
}

RandomRightSide::RandomRightSide(const Digest& claim, std::uint64_t prime, std::size_t rows, std::size_t cols,
                                 std::size_t k, const Digest& matrix)
    : prime_(prime) {
  Sha256 hash;
  hash.update("widecert/1/random-solve");
  hash.update(claim);
  for (std::uint64_t number : {prime, std::uint64_t{rows}, std::uint64_t{cols}, std::uint64_t{k}}) {
    put_u64be(hash, number);
  }
  hash.update(matrix);
  name_ = to_hex(hash.finish());
}

void RandomRightSide::row(std::size_t i, std::span<std::uint32_t> out) const {
  SeededIntegers integers("random-solve", 0, name_, 0, static_cast<std::int64_t>(prime_ - 1));
  for (std::size_t j = 0; j < out.size(); ++j) {
    out[j] = static_cast<std::uint32_t>(integers.at(i, j));
  }
}

}  // namespace widecert
