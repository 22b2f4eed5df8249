// Rigorous floating point against its peers, as ratios within one run. Results are recorded in RESULTS.md.
//
//   float_bench dense [N ...]   sigma_min bounds of dense matrices against OpenBLAS dgetrf and dgemm
//   float_bench ladder          beyond condition 10^15, against the Arb routes
//   float_bench small           small matrices in bulk, one core, against dgetrf, FLINT and mpmath
//   float_bench features        enclosed features against the plain vectorised pass
//   float_bench fraction        how many are certified, by condition number and rung
#include <cblas.h>
#include <flint/fmpz_mat.h>
#include <fmt/format.h>
#include <malloc.h>
#include <widecert/certificate/model_json.h>
#include <widecert/linalg/ball_singular_bounds.h>
#include <widecert/linalg/rank_ladder.h>
#include <widecert/linalg/small_batch.h>
#include <widecert/network/enclosed_forward.h>
#include <widecert/network/random_point.h>
#include <widecert/number/parallel.h>
#include <nlohmann/json.hpp>

#include <Eigen/QR>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <random>

#include "plain_activation.h"

extern "C" void dgetrf_(const int*, const int*, double*, const int*, int*, int*);

namespace {

using namespace widecert;
using Mat = Matrix<double>;

std::mt19937_64 engine(1);

// The best of some rounds.
template <class Work>
double seconds(Work work, int rounds = 3) {
  double best = 1e300;
  for (int r = 0; r < rounds; ++r) {
    const auto start = std::chrono::steady_clock::now();
    work();
    best = std::min(best, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  return best;
}

Eigen::MatrixXd gaussian(Eigen::Index rows, Eigen::Index cols) {
  std::normal_distribution<double> normal;
  Eigen::MatrixXd m(rows, cols);
  for (Eigen::Index k = 0; k < m.size(); ++k) m.data()[k] = normal(engine);
  return m;
}
Eigen::MatrixXd orthogonal(Eigen::Index n) {
  return Eigen::HouseholderQR<Eigen::MatrixXd>(gaussian(n, n)).householderQ();
}
// Singular values in geometric progression from 1 to 1 / condition.
Mat of_condition(const Eigen::MatrixXd& left, const Eigen::MatrixXd& right, double condition) {
  const Eigen::Index n = left.rows();
  Eigen::VectorXd s(n);
  for (Eigen::Index i = 0; i < n; ++i) s[i] = std::pow(condition, -static_cast<double>(i) / static_cast<double>(n - 1));
  return left * s.asDiagonal() * right;
}

double getrf(const Mat& a, int rounds) {
  openblas_set_num_threads(static_cast<int>(threads()));
  const int n = static_cast<int>(a.rows());
  std::vector<int> pivots(a.rows());
  int info = 0;
  Mat lu = a;
  double best = 1e300;
  for (int r = 0; r < rounds; ++r) {
    lu = a;
    best = std::min(best, seconds([&] { dgetrf_(&n, &n, lu.data(), &n, pivots.data(), &info); }, 1));
  }
  return best;
}

void dense(std::vector<Eigen::Index> sizes) {
  if (sizes.empty()) sizes = {500, 1000, 2000, 4000};
  fmt::print(
      "| N | condition | dgetrf | n^3 by dgemm / dgetrf | rank and a bound / dgetrf | all four bounds / dgetrf | "
      "level, slices | "
      "sigma_min enclosed to |\n|---|---|---|---|---|---|---|---|\n");
  for (const Eigen::Index n : sizes) {
    const Eigen::MatrixXd left = orthogonal(n), right = orthogonal(n);
    for (const double condition : {1e2, 1e4, 1e5, 1e8, 1e10, 1e11, 1e12, 1e13, 1e15, 1e17}) {
      const Mat a = of_condition(left, right, condition);
      const int rounds = n <= 1000 ? 5 : 2;
      const double lu = getrf(a, rounds + 2);
      Mat c(n, n);
      const double gemm = seconds(
                              [&] {
                                const int k = static_cast<int>(n);
                                cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, k, k, k, 1, a.data(), k,
                                            a.data(), k, 0, c.data(), k);
                              },
                              rounds) /
                          2;  // n^3 multiplications and additions count once
      SingularBounds rank, sharp;
      const MatrixEnclosure enclosure{{a, {}}, {}};
      const double t_rank = seconds([&] { rank = singular_bounds(enclosure, {.effort = Effort::rank}); }, rounds);
      const double t_sharp = seconds([&] { sharp = singular_bounds(enclosure); }, std::max(1, rounds - 2));
      fmt::print("| {} | {:.0e} | {:.1f} ms | {:.2f} | {}{:.2f} | {:.2f} | {}, {} | {:.0f} % |\n", n, condition,
                 1e3 * lu, gemm / lu, rank.full_rank ? "" : "UNDECIDED ", t_rank / lu, t_sharp / lu, rank.level,
                 rank.slices, 100 * (sharp.smallest_high / sharp.smallest_low - 1));
      std::fflush(stdout);
    }
  }
}

void ladder() {
  for (const Eigen::Index n : {200, 500}) {
    const Eigen::MatrixXd left = orthogonal(n), right = orthogonal(n);
    for (const double condition : {1e12, 1e16, 1e17}) {
      const Mat a = of_condition(left, right, condition);
      const double lu = getrf(a, 5);
      SingularBounds ours;
      const double t = seconds(
          [&] {
            ours = singular_bounds({{a, {}}, {}}, {.effort = Effort::rank, .most_levels = 6, .most_slices = 5});
          },
          2);
      fmt::print("N = {}, condition {:.0e}: doubles {:.3f} s ({:.1f} dgetrf){}\n", n, condition, t, t / lu,
                 ours.full_rank ? "" : ", UNDECIDED");
      arb_mat_t m, factors;
      arb_mat_init(m, n, n);
      arb_mat_init(factors, n, n);
      for (Eigen::Index i = 0; i < n; ++i)
        for (Eigen::Index j = 0; j < n; ++j) arb_set_d(arb_mat_entry(m, i, j), a(i, j));
      std::vector<slong> permutation(static_cast<std::size_t>(n));
      for (long bits = 64; bits <= 2048; bits *= 2) {
        int decided = 0;
        const double lu_time = seconds([&] { decided = arb_mat_lu(permutation.data(), factors, m, bits); }, 1);
        if (decided == 0) continue;
        fmt::print("  arb_mat_lu decides at {} bits: {:.2f} s, {:.0f} times as long\n", bits, lu_time, lu_time / t);
        break;
      }
      arb_mat_clear(m);
      arb_mat_clear(factors);
      Matrix<Ball> balls(n, n);
      for (Eigen::Index i = 0; i < n; ++i)
        for (Eigen::Index j = 0; j < n; ++j) balls(i, j) = Ball::exactly(a(i, j));
      for (long bits = 53; bits <= 1024; bits *= 2) {
        const PrecisionScope precision(bits);
        BallBound bound;
        const double inverse = seconds([&] { bound = ball_singular_bound(balls); }, 1);
        if (!bound.full_rank) continue;
        fmt::print("  arb_mat_approx_inv and residual decide at {} bits: {:.2f} s, {:.0f} times as long\n", bits,
                   inverse, inverse / t);
        break;
      }
      std::fflush(stdout);
    }
  }
}

void small() {
  set_threads(1);
  openblas_set_num_threads(1);
  fmt::print(
      "| size | certified/s | dgetrf/s | ratio | exact rank by FLINT/s | mpmath intervals/s | certified "
      "|\n|---|---|---|---|---|---|---|\n");
  for (const auto& [rows, cols] : {std::pair{8, 8}, {16, 20}, {32, 40}, {64, 80}}) {
    const std::size_t size = static_cast<std::size_t>(rows) * static_cast<std::size_t>(cols), count = 8'000'000 / size;
    std::vector<double> values(size * count), low(count);
    std::normal_distribution<double> normal;
    for (double& v : values) v = normal(engine);
    const double ours =
        seconds([&] { small_batch(values, static_cast<std::size_t>(rows), static_cast<std::size_t>(cols), low); });
    std::vector<int> pivots(static_cast<std::size_t>(cols));
    double plain = 1e300;
    for (int round = 0; round < 3; ++round) {
      std::vector<double> lu = values;
      plain = std::min(plain, seconds(
                                  [&] {
                                    int info = 0;
                                    for (std::size_t k = 0; k < count; ++k)
                                      dgetrf_(&cols, &rows, &lu[k * size], &cols, pivots.data(), &info);
                                  },
                                  1));
    }
    const std::size_t few = std::max<std::size_t>(4, std::min<std::size_t>(count, 200'000 / size));
    fmpz_mat_t m;
    fmpz_mat_init(m, rows, cols);
    const double flint = seconds(
                             [&] {
                               for (std::size_t k = 0; k < few; ++k) {
                                 for (int i = 0; i < rows; ++i)
                                   for (int j = 0; j < cols; ++j) {
                                     const auto scaled = times_power_of_two(
                                         values[k * size + static_cast<std::size_t>(i * cols + j)], 60 + 53);
                                     fmpz_set_mpz(fmpz_mat_entry(m, i, j), scaled.backend().data());
                                   }
                                 if (fmpz_mat_rank(m) != rows) std::abort();
                               }
                             },
                             1) /
                         static_cast<double>(few);
    fmpz_mat_clear(m);
    // Interval elimination in mpmath, if a Python has it: how many in ten seconds.
    double mpmath = 0;
    const std::string program = fmt::format(
        "import random,time\nfrom mpmath import iv\nm,n={},{}\nt=time.time();k=0\n"
        "while time.time()-t<10 or k==0:\n"
        " a=[[iv.mpf(random.gauss(0,1)) for j in range(n)] for i in range(m)]\n"
        " for c in range(m):\n"
        "  p=max(range(c,m),key=lambda i: abs(a[i][c].mid))\n  a[c],a[p]=a[p],a[c]\n"
        "  for i in range(c+1,m):\n   f=a[i][c]/a[c][c]\n   for j in range(c,n): a[i][j]-=f*a[c][j]\n"
        " k+=1\nprint(k/(time.time()-t))\n",
        rows, cols);
    if (FILE* pipe = popen(("timeout 120 python3 -c '" + program +
                            "' 2>/dev/null || timeout 120 /usr/bin/python3 -c '" + program + "' 2>/dev/null")
                               .c_str(),
                           "r")) {
      if (std::fscanf(pipe, "%lf", &mpmath) != 1) mpmath = 0;
      pclose(pipe);
    }
    fmt::print("| {} x {} | {:.0f} | {:.0f} | {:.2f} | {:.0f} | {} | {} of {} |\n", rows, cols,
               static_cast<double>(count) / ours, static_cast<double>(count) / plain, plain / ours, 1 / flint,
               mpmath == 0 ? "not installed" : fmt::format("{:.1f}", mpmath),
               std::count_if(low.begin(), low.end(), [](double x) { return x > 0; }), count);
    std::fflush(stdout);
  }
  set_threads(0);
}

PlainFunction plain_function(ActivationKind kind) {
  switch (kind) {
    case ActivationKind::relu:
      return PlainFunction::relu;
    case ActivationKind::sigmoid:
      return PlainFunction::sigmoid;
    case ActivationKind::tanh:
      return PlainFunction::tanh;
    case ActivationKind::softplus:
      return PlainFunction::softplus;
    case ActivationKind::gelu:
      return PlainFunction::gelu;
    default:
      std::abort();
  }
}

// The plain pass: the same products by BLAS, activations by Eigen's vectorised functions, no bounds.
class PlainForward {
 public:
  PlainForward(const Architecture& network, const IntegerPoint& point) : network_(network) {
    for (const auto& [index, tensors] : point) {
      auto& w = weights_[index];
      const Node& node = network.node(index);
      const std::size_t length = node.patches->length(0);
      w.resize(static_cast<Eigen::Index>(length), static_cast<Eigen::Index>(node.filters));
      for (std::size_t t = 0; t < node.filters; ++t)
        for (std::size_t r = 0; r < length; ++r)
          w(static_cast<Eigen::Index>(r), static_cast<Eigen::Index>(t)) =
              quotient_near(tensors.weights.at(t * length + r), tensors.weights.divisor);
      auto& b = bias_[index];
      b.resize(static_cast<Eigen::Index>(node.width));
      for (std::size_t h = 0; h < node.width; ++h)
        b[static_cast<Eigen::Index>(h)] =
            quotient_near(tensors.bias.at(network.bias_index(index, h)), tensors.bias.divisor);
      patches_[index] = node.patches->flat();
    }
  }
  Mat operator()(const Mat& x) const {
    const auto last = static_cast<Eigen::Index>(network_.nodes().back().width);
    Mat out(x.rows(), last);
    std::size_t widest = 1;
    for (const Node& node : network_.nodes()) widest = std::max(widest, node.width);
    const Eigen::Index rows = std::clamp<Eigen::Index>(static_cast<Eigen::Index>(60'000 / widest), 1, 256);
    openblas_set_num_threads(1);
    parallel_for(static_cast<std::size_t>((x.rows() + rows - 1) / rows), [&](std::size_t block) {
      const Eigen::Index begin = static_cast<Eigen::Index>(block) * rows, count = std::min(rows, x.rows() - begin);
      Mat v = x.middleRows(begin, count);
      for (std::size_t i = 1; i < network_.nodes().size(); ++i) {
        const Node& node = network_.node(i);
        if (const auto* activation = std::get_if<ActivationSpec>(&node.spec)) {
          plain_activation(plain_function(activation->function.kind), v.data(), static_cast<std::size_t>(v.size()));
          continue;
        }
        const Mat& w = weights_.at(i);
        const auto& patches = patches_.at(i);
        const auto count_patches = static_cast<Eigen::Index>(node.patches->count()), length = w.rows();
        Mat y(count, static_cast<Eigen::Index>(node.width));
        if (count_patches == 1) {
          cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, static_cast<int>(count), static_cast<int>(w.cols()),
                      static_cast<int>(length), 1, v.data(), static_cast<int>(length), w.data(),
                      static_cast<int>(w.cols()), 0, y.data(), static_cast<int>(w.cols()));
        } else {
          const Eigen::Index at_once = std::max<Eigen::Index>(1, 30'000 / std::max(length, w.cols()));
          Mat gathered;
          for (Eigen::Index from = 0; from < count * count_patches; from += at_once) {
            const Eigen::Index many = std::min(at_once, count * count_patches - from);
            gathered.resize(many, length);
            for (Eigen::Index k = 0; k < many; ++k) {
              const Eigen::Index sample = (from + k) / count_patches, patch = (from + k) % count_patches;
              const std::int64_t* entries = &patches.entries[patches.begin[static_cast<std::size_t>(patch)]];
              for (Eigen::Index r = 0; r < length; ++r)
                gathered(k, r) = entries[r] == kPadding ? 0 : v(sample, entries[r]);
            }
            cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, static_cast<int>(many), static_cast<int>(w.cols()),
                        static_cast<int>(length), 1, gathered.data(), static_cast<int>(length), w.data(),
                        static_cast<int>(w.cols()), 0, y.data() + from * w.cols(), static_cast<int>(w.cols()));
          }
        }
        y.rowwise() += bias_.at(i).transpose();
        v = std::move(y);
      }
      out.middleRows(begin, count) = v;
    });
    return out;
  }

 private:
  const Architecture& network_;
  std::map<std::size_t, Mat> weights_;
  std::map<std::size_t, Eigen::VectorXd> bias_;
  std::map<std::size_t, PatchLayout::Flat> patches_;
};

void features() {
  fmt::print("| network | samples | plain | enclosed / plain | largest radius |\n|---|---|---|---|---|\n");
  const auto measure = [](const std::string& name, const std::string& nodes, std::size_t samples) {
    for (const char* function : {"relu", "sigmoid", "tanh", "softplus", "gelu"}) {
      std::string text = nodes;
      for (std::size_t at; (at = text.find("FUNCTION")) != std::string::npos;) text.replace(at, 8, function);
      const Json json = parse_json(text, "bench");
      const Architecture network = read_network(JsonReader(json, "bench"));
      const std::size_t target = network.nodes().size() - 1, width = network.input_width();
      const IntegerPoint point = integer_point(network, random_point(network, target, 1), target);
      std::vector<std::vector<Rational>> rows(samples, std::vector<Rational>(width));
      Mat x(static_cast<Eigen::Index>(samples), static_cast<Eigen::Index>(width));
      for (std::size_t i = 0; i < samples; ++i)
        for (std::size_t j = 0; j < width; ++j) {
          const auto v = static_cast<int>(engine() % 257) - 128;
          rows[i][j] = Rational(v, 128);
          x(static_cast<Eigen::Index>(i), static_cast<Eigen::Index>(j)) = v / 128.0;
        }
      const Dataset data = Dataset::from_samples(rows);
      const EnclosedForward enclosed(network, point, target, data);
      const PlainForward plain(network, point);
      Mat y;
      EnclosedValues values;
      const double t_plain = seconds([&] { y = plain(x); }, 5), t = seconds([&] { values = enclosed(0, samples); }, 5);
      if (!((y - values.middle).cwiseAbs().maxCoeff() < 1e-9)) std::abort();
      fmt::print("| {}, {} | {} | {:.1f} ms | {:.2f} | {:.1e} |\n", name, function, samples, 1e3 * t_plain, t / t_plain,
                 values.radius.maxCoeff());
      std::fflush(stdout);
    }
  };
  measure("conv 3x3, 89 filters on 28x28",
          R"({"input": {"shape": [28, 28, 1]}, "nodes": [
            {"name": "c", "op": "conv2d", "size": [3, 3], "filters": 89, "bias": "neuron"},
            {"name": "f", "op": "activation", "function": "FUNCTION"}]})",
          200);
  measure("dense 784-1000-1000",
          R"({"input": {"shape": [784]}, "nodes": [{"name": "a", "op": "dense", "filters": 1000, "bias": "neuron"},
            {"name": "f", "op": "activation", "function": "FUNCTION"},
            {"name": "b", "op": "dense", "filters": 1000, "bias": "neuron"},
            {"name": "g", "op": "activation", "function": "FUNCTION"}]})",
          2000);
}

void fraction() {
  fmt::print(
      "| condition | doubles | level 0 / 1 / 2 / 3 | split doubles | residues or balls |\n|---|---|---|---|---|\n");
  constexpr int kCount = 100;
  constexpr Eigen::Index kSize = 60;
  for (const double condition : {1e2, 1e4, 1e5, 1e6, 1e8, 1e10, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18}) {
    int rungs[4] = {}, levels[8] = {};
    for (int k = 0; k < kCount; ++k) {
      const Mat a = of_condition(orthogonal(kSize), orthogonal(kSize), condition);
      const LadderResult found = climb(exactly(a));
      if (found.rung == Rung::doubles) ++levels[found.bounds.level];
      ++rungs[found.rung == Rung::doubles ? 0 : found.rung == Rung::split ? 1 : found.bounds.full_rank ? 2 : 3];
    }
    fmt::print("| {:.0e} | {} of {} | {} / {} / {} / {} | {} | {} |\n", condition, rungs[0], kCount, levels[0],
               levels[1], levels[2], levels[3], rungs[1], rungs[2]);
    std::fflush(stdout);
  }
}

}  // namespace

int main(int argc, char** argv) {
  // Keep what is freed: fresh pages cost as much as some of what is measured, for every peer.
  mallopt(M_MMAP_THRESHOLD, 1 << 30);
  mallopt(M_TRIM_THRESHOLD, std::numeric_limits<int>::max());
  const std::string what = argc > 1 ? argv[1] : "";
  if (what == "dense") {
    std::vector<Eigen::Index> sizes;
    for (int a = 2; a < argc; ++a) sizes.push_back(std::atol(argv[a]));
    dense(sizes);
  } else if (what == "ladder") {
    ladder();
  } else if (what == "small") {
    small();
  } else if (what == "features") {
    features();
  } else if (what == "fraction") {
    fraction();
  } else {
    std::fputs("usage: float_bench dense [N ...] | ladder | small | features | fraction\n", stderr);
    return 2;
  }
  return 0;
}
