// Certified rank against what one would use today, as ratios in one run: M4RI, FFPACK::Rank, FLINT,
// OpenBLAS dgetrf. Results are recorded in RESULTS.md beside this file. Peers that are absent when
// the program is built are left out of its table, and it says so.
//
//   rank_bench              sizes that take some minutes
//   rank_bench 60000        the GF(2) elimination of N x (N + 164) too, and so on
//   rank_bench 0 SECTION    one of binary, prime, doubles, today, trained
#include <flint/fmpz_mat.h>
#include <flint/nmod_mat.h>
#include <fmt/format.h>
#include <m4ri/m4ri.h>
#include <widecert/linalg/binary_elimination.h>
#include <widecert/linalg/double_rank.h>
#include <widecert/linalg/prime_elimination.h>
#include <widecert/network/filtered_forward.h>
#include <widecert/network/point.h>
#include <widecert/number/parallel.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <random>
#include <string>
#include <vector>

#ifdef WIDECERT_BENCH_FFPACK
#include <fflas-ffpack/ffpack/ffpack.h>
#include <givaro/modular-balanced.h>
#endif

// (FFLAS-FFPACK brings a cblas.h of its own, which clashes with that of OpenBLAS.)
extern "C" {
void dgetrf_(int*, int*, double*, int*, int*, int*);
void dgemm_(const char*, const char*, const int*, const int*, const int*, const double*, const double*, const int*,
            const double*, const int*, const double*, double*, const int*);
}

namespace {

using namespace widecert;

const auto kQuiet = [](std::size_t, std::size_t) {};

// Median of a few runs; `prepare` is not timed.
template <class Prepare, class Run>
double median_seconds(int runs, const Prepare& prepare, const Run& run) {
  std::vector<double> times;
  for (int r = 0; r < runs; ++r) {
    prepare();
    const auto start = std::chrono::steady_clock::now();
    run();
    times.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  std::sort(times.begin(), times.end());
  return times[times.size() / 2];
}

void row(const std::string& what, std::size_t n, double seconds, double work, const char* unit, double peer) {
  fmt::print("| {} | {} | {:.3f} | {:.1f} {} | {} |\n", what, n, seconds, work / seconds, unit,
             peer == 0 ? "" : fmt::format("{:.2f}", seconds / peer));
  std::fflush(stdout);
}

void binary(std::size_t n, int runs, bool with_peer) {
  std::mt19937_64 random(1);
  const std::size_t cols = n + 164;
  const double work = 2.0 / 3 * static_cast<double>(n) * static_cast<double>(n) * static_cast<double>(n) / 1e12;
  double peer = 0;
  if (with_peer) {
    mzd_t* m = mzd_init(static_cast<rci_t>(n), static_cast<rci_t>(cols));
    peer = median_seconds(
        runs,
        [&]() {
          for (rci_t i = 0; i < m->nrows; ++i) {
            for (rci_t j = 0; j + 64 <= m->ncols; j += 64) {
              mzd_xor_bits(m, i, j, 64, random());
            }
          }
        },
        [&]() {
          mzp_t* p = mzp_init(m->nrows);
          mzp_t* q = mzp_init(m->ncols);
          mzd_pluq(m, p, q, 0);
          mzp_free(p);
          mzp_free(q);
        });
    mzd_free(m);
    row("M4RI mzd_pluq, one thread", n, peer, work, "Tbit-op/s", 0);
  }
  BinaryMatrix a(n, cols, 192);
  const double own = median_seconds(
      runs,
      [&]() {
        for (std::size_t s = 0; s < a.stripes(); ++s) {
          std::uint8_t* out = a.stripe(s);
          for (std::size_t j = 0; j < a.rhs() + 192; ++j) {
            out[j] = j < cols || j >= a.rhs() ? static_cast<std::uint8_t>(random()) : 0;
          }
        }
      },
      [&]() { solve_in_place(a, kQuiet); });
  row(fmt::format("widecert, W with A W = B for 192 columns, {} threads{}", threads(),
                  binary_kernel_available() ? "" : " (M4RI inside: no GFNI here)"),
      n, own, work, "Tbit-op/s", peer);
}

void odd(std::size_t n, std::uint64_t p, int runs) {
  std::mt19937_64 random(2);
  const double work = 2.0 / 3 * static_cast<double>(n) * static_cast<double>(n) * static_cast<double>(n) / 1e9;
  std::vector<std::uint32_t> entries(n * n);
  for (auto& v : entries) v = static_cast<std::uint32_t>(random() % p);
  double peer = 0;
#ifdef WIDECERT_BENCH_FFPACK
  const auto ffpack = [&](auto field) {
    using Element = typename decltype(field)::Element;
    std::vector<Element> a(n * n);
    return median_seconds(
        runs,
        [&]() {
          for (std::size_t k = 0; k < a.size(); ++k) field.init(a[k], entries[k]);
        },
        [&]() { FFPACK::Rank(field, n, n, a.data(), n); });
  };
  peer = p <= 127 ? ffpack(Givaro::ModularBalanced<float>(static_cast<float>(p)))
                  : ffpack(Givaro::ModularBalanced<double>(static_cast<double>(p)));
  row(fmt::format("FFPACK::Rank, p = {}", p), n, peer, work, "Gop/s", 0);
#endif
  if (n <= 4000) {
    nmod_mat_t m;
    nmod_mat_init(m, static_cast<slong>(n), static_cast<slong>(n), p);
    const double flint = median_seconds(
        runs,
        [&]() {
          for (std::size_t k = 0; k < entries.size(); ++k) m->entries[k] = entries[k];
        },
        [&]() { nmod_mat_rank(m); });
    nmod_mat_clear(m);
    row(fmt::format("FLINT nmod_mat_rank, p = {}", p), n, flint, work, "Gop/s", 0);
    if (peer == 0) peer = flint;
  }
  std::optional<PrimeSystem> system;
  const double own = median_seconds(
      runs,
      [&]() {
        system.emplace(n, n, 0, p);
        for (std::size_t i = 0; i < n; ++i) {
          system->set(i, 0, std::span<const std::uint32_t>(&entries[i * n], n));
        }
      },
      [&]() { system->solve(kQuiet); });
  row(fmt::format("widecert, rank, p = {}", p), n, own, work, "Gop/s", peer);
}

// Exact rank of a matrix of doubles against the usual floating-point factorisation: doubles are
// integers times powers of two, which are units modulo an odd prime.
void doubles(std::size_t n, int runs) {
  std::mt19937_64 random(3);
  std::normal_distribution<double> normal;
  std::vector<double> entries(n * n), a;
  for (double& v : entries) v = normal(random);
  const double work = 2.0 / 3 * static_cast<double>(n) * static_cast<double>(n) * static_cast<double>(n) / 1e9;
  std::vector<int> pivots(n);
  const double lapack = median_seconds(
      runs, [&]() { a = entries; },
      [&]() {
        int size = static_cast<int>(n), info = 0;
        dgetrf_(&size, &size, a.data(), &size, pivots.data(), &info);
      });
  row("OpenBLAS dgetrf", n, lapack, work, "Gflop/s", 0);
  DoubleRank found;
  const double own = median_seconds(
      runs, []() {}, [&]() { found = rank_of_doubles(entries, n, n, kQuiet); });
  row(fmt::format("widecert, exact rank of doubles ({} of {}{})", found.rank, n, found.exact ? ", exact" : ""), n, own,
      work, "Gop/s", lapack);
}

// The seconds that a command prints; nothing if it fails or is not there.
std::optional<double> seconds_of(const std::string& command) {
  FILE* pipe = popen((command + " 2> /dev/null").c_str(), "r");
  if (pipe == nullptr) return std::nullopt;
  char text[64] = {};
  const bool any = std::fgets(text, sizeof text, pipe) != nullptr;
  const bool well = pclose(pipe) == 0;
  if (!any || !well) return std::nullopt;
  return std::strtod(text, nullptr);
}

// The exact rank of an n x n matrix of 53-bit integers (as doubles) against what one would use today.
void today(std::size_t n, const std::string& programs) {
  std::mt19937_64 random(3);
  std::vector<std::int64_t> integers(n * n);
  for (auto& v : integers) {
    v = static_cast<std::int64_t>(random() >> 11) - (std::int64_t{1} << 52);
  }
  const std::vector<double> entries(integers.begin(), integers.end());
  const double own = median_seconds(
      3, []() {}, [&]() { rank_of_doubles(entries, n, n, kQuiet); });
  const auto line = [&](const std::string& what, std::optional<double> seconds) {
    fmt::print("| {} | {} | {} | {} |\n", what, n, seconds ? fmt::format("{:.3f}", *seconds) : "absent",
               seconds ? fmt::format("{:.1f}", *seconds / own) : "");
    std::fflush(stdout);
  };
  line("widecert, exact rank of doubles", own);
  line("numpy.linalg.matrix_rank (SVD, an estimate)",
       seconds_of(fmt::format("/usr/bin/python3 -c 'import numpy as n, time; a = n.random.default_rng(3)"
                              ".integers(-2**52, 2**52, ({0}, {0})).astype(float); t = time.time(); "
                              "n.linalg.matrix_rank(a); print(time.time() - t)'",
                              n)));
  if (n <= 4000) {
    line("LinBox rank over Z", seconds_of(fmt::format("{}/linbox_rank {}", programs, n)));
    fmpz_mat_t m;
    fmpz_mat_init(m, static_cast<slong>(n), static_cast<slong>(n));
    for (std::size_t k = 0; k < integers.size(); ++k) fmpz_set_si(m->entries + k, integers[k]);
    line("FLINT fmpz_mat_rank", median_seconds(
                                    1, []() {}, [&]() { fmpz_mat_rank(m); }));
    fmpz_mat_clear(m);
  }
  if (n <= 2000) {
    line("PARI matrank", seconds_of(fmt::format("echo 'm=matrix({0},{0},i,j,random(2^53)-2^52); gettime(); matrank(m); "
                                                "print(gettime()/1000.)' | gp -q -s 4G",
                                                n)));
  }
}

// A network with float weights at N = 10,000 samples: the filtered modular pass against a plain double
// pass, and both with the elimination that follows.
void trained(std::size_t n) {
  Architecture network("x", {28, 28, 1});
  const auto conv = [](std::size_t filters) {
    ConvSpec spec;
    spec.window.size = {3, 3};
    spec.filters = filters;
    return LinearSpec{spec, BiasMode::channel, {}, {}};
  };
  WindowSpec pool;
  pool.size = pool.stride = {2, 2};
  network.add("conv1", conv(16), {"x"});
  network.add("relu1", ActivationSpec{{ActivationKind::relu, 1}}, {"conv1"});
  network.add("pool1", PoolSpec{PoolSpec::Kind::max, pool}, {"relu1"});
  network.add("conv2", conv(90), {"pool1"});
  network.add("relu2", ActivationSpec{{ActivationKind::relu, 1}}, {"conv2"});
  const std::size_t target = network.index_of("relu2");

  std::mt19937_64 random(5);
  std::normal_distribution<float> normal;
  const auto draw = [&](const TensorShape& shape) {
    ExplicitTensor tensor;
    for (std::size_t length : shape) {
      auto& values = tensor.rows.emplace_back();
      for (std::size_t k = 0; k < length; ++k) values.push_back(exactly(normal(random)));
    }
    return tensor;
  };
  PointSpec point;
  for (std::size_t i : linear_nodes(network, target)) {
    point[network.node(i).name] = {draw(network.weights_shape(i)), draw(network.bias_shape(i))};
  }
  std::vector<std::vector<Rational>> samples(n);
  std::uniform_real_distribution<float> pixel;
  for (auto& x : samples)
    for (int j = 0; j < 784; ++j) x.push_back(exactly(pixel(random)));
  const Dataset data = Dataset::from_samples(samples);
  samples.clear();

  const auto exact = std::make_shared<const ExactForward>(network, integer_point(network, point, target), target,
                                                          data.divisor(), data.largest());
  constexpr std::uint64_t kPrime = 8388593;
  const FilteredForward filtered(exact, data, kPrime);
  const std::size_t cols = exact->width();
  constexpr std::size_t kBlock = 32;
  const auto blocks = [&](const auto& work) {
    parallel_for((n + kBlock - 1) / kBlock, [&](std::size_t b) { work(b * kBlock, std::min(n, (b + 1) * kBlock)); });
  };

  // The plain pass, by the same BLAS: patches of a block of samples times the filters.
  const PatchLayout::Flat first = network.node(1).patches->flat(), second = network.node(4).patches->flat();
  std::vector<double> pixels(n * 784), w1(9 * 16), w2(144 * 90), b1(16), b2(90);
  for (std::size_t k = 0; k < pixels.size(); ++k) {
    pixels[k] = data.numerator(k / 784, k % 784).convert_to<double>() / data.divisor().convert_to<double>();
  }
  const auto fill = [&](const char* name, std::vector<double>& w, std::vector<double>& b) {
    const auto& rows = std::get<ExplicitTensor>(*point[name].weights).rows;
    const auto& bias = std::get<ExplicitTensor>(*point[name].bias).rows[0];
    for (std::size_t t = 0; t < rows.size(); ++t) {
      b[t] = bias[t].convert_to<double>();
      for (std::size_t r = 0; r < rows[t].size(); ++r) w[r * rows.size() + t] = rows[t][r].convert_to<double>();
    }
  };
  fill("conv1", w1, b1);
  fill("conv2", w2, b2);
  const auto layer = [](const std::vector<double>& x, std::size_t width, std::size_t rows,
                        const PatchLayout::Flat& patches, const std::vector<double>& w, const std::vector<double>& b) {
    const std::size_t count = patches.begin.size() - 1, length = patches.begin[1], filters = b.size();
    std::vector<double> gathered(rows * count * length), y(rows * count * filters);
    for (std::size_t k = 0; k < rows * count; ++k) {
      for (std::size_t r = 0; r < length; ++r) {
        gathered[k * length + r] =
            x[k / count * width + static_cast<std::size_t>(patches.entries[patches.begin[k % count] + r])];
      }
    }
    // Row major: the transposed product.
    const int m = static_cast<int>(rows * count), f = static_cast<int>(filters), l = static_cast<int>(length);
    const double one = 1, zero = 0;
    dgemm_("N", "N", &f, &m, &l, &one, w.data(), &f, gathered.data(), &l, &zero, y.data(), &f);
    for (std::size_t k = 0; k < y.size(); ++k) y[k] = std::max(0.0, y[k] + b[k % filters]);
    return y;
  };
  std::vector<double> features(n * cols);
  const double plain = median_seconds(
      3, []() {},
      [&]() {
        blocks([&](std::size_t begin, std::size_t end) {
          const std::size_t rows = end - begin;
          const std::vector<double> x(pixels.begin() + static_cast<std::ptrdiff_t>(begin * 784),
                                      pixels.begin() + static_cast<std::ptrdiff_t>(end * 784));
          const std::vector<double> f = layer(x, 784, rows, first, w1, b1);
          std::vector<double> pooled(rows * 13 * 13 * 16);
          for (std::size_t i = 0; i < rows; ++i)
            for (std::size_t y = 0; y < 13; ++y)
              for (std::size_t z = 0; z < 13; ++z)
                for (std::size_t c = 0; c < 16; ++c) {
                  const auto at = [&](std::size_t u, std::size_t v) {
                    return f[i * 26 * 26 * 16 + ((2 * y + u) * 26 + 2 * z + v) * 16 + c];
                  };
                  pooled[((i * 13 + y) * 13 + z) * 16 + c] =
                      std::max(std::max(at(0, 0), at(0, 1)), std::max(at(1, 0), at(1, 1)));
                }
          const std::vector<double> g = layer(pooled, 13 * 13 * 16, rows, second, w2, b2);
          std::copy(g.begin(), g.end(), features.begin() + static_cast<std::ptrdiff_t>(begin * cols));
        });
      });
  features = {};
  const double work = static_cast<double>(n) * (676.0 * 9 * 16 + 121.0 * 144 * 90) * 2 / 1e9;
  row("plain double forward pass by OpenBLAS", n, plain, work, "Gflop/s", 0);

  PrimeSystem system(n, cols, 0, kPrime);
  const double own = median_seconds(
      1, []() {},
      [&]() {
        blocks([&](std::size_t begin, std::size_t end) {
          std::vector<std::uint32_t> out((end - begin) * cols);
          filtered(begin, out);
          for (std::size_t i = begin; i < end; ++i) {
            system.set(i, 0, std::span<const std::uint32_t>(out).subspan((i - begin) * cols, cols));
          }
        });
      });
  row(fmt::format("widecert, filtered modular pass ({} of {} samples by integers)", filtered.undecided(), n), n, own,
      work, "Gflop/s", plain);
  std::size_t rank = 0;
  const double elimination = median_seconds(
      1, []() {}, [&]() { rank = system.solve(kQuiet).rank; });
  fmt::print("| elimination of {} x {} modulo {}: rank {} | {} | {:.3f} |  |  |\n", n, cols, kPrime, rank, n,
             elimination);
  fmt::print("| filtered pass and elimination against plain pass and elimination | {} | {:.3f} |  | {:.2f} |\n", n,
             own + elimination, (own + elimination) / (plain + elimination));
}

}  // namespace

int main(int argc, char** argv) {
  const std::size_t largest = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 0;
  fmt::print("| what | n | seconds | rate | ratio to the peer above |\n|---|---|---|---|---|\n");
  const std::string only = argc > 2 ? argv[2] : "";
  const auto wanted = [&](const char* section) { return only.empty() || only == section; };
  if (wanted("binary")) {
    binary(10'000, 3, true);
    binary(20'000, 3, true);
    if (largest >= 60'000) binary(60'000, 1, true);
  }
  if (wanted("prime")) {
    for (std::size_t n : {std::size_t{2000}, std::size_t{4000}, std::size_t{8000}}) odd(n, 127, 3);
    if (largest >= 16'000) odd(16'000, 127, 1);
    odd(4000, 8388593, 3);
    odd(8000, 8388593, 1);
  }
  if (wanted("doubles")) {
    for (std::size_t n : {1000, 1500, 2000, 4000, 8000}) doubles(n, n <= 2000 ? 15 : 5);
  }
  if (wanted("trained")) trained(10'000);
  if (wanted("today")) {
    fmt::print("\n| what | n | seconds | times widecert |\n|---|---|---|---|\n");
    const std::string self = argv[0];
    const auto slash = self.rfind('/');
    const std::string programs = slash == std::string::npos ? "." : self.substr(0, slash);
    for (std::size_t n : {500, 1000, 2000, 4000}) today(n, programs);
  }
#ifndef WIDECERT_BENCH_FFPACK
  fmt::print("\nbuilt without FFLAS-FFPACK (apt-get install fflas-ffpack): no such rows\n");
#endif
  return 0;
}
