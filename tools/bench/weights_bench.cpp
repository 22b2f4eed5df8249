// "Has U = M(W) full rank for almost every W?" for convolutions without padding, against what one
// would use today: random filters and the rank modulo a prime by LinBox's sparse elimination, or by
// FLINT's dense one where it fits. Results are recorded in RESULTS.md beside this file.
#include <flint/nmod_mat.h>
#include <fmt/format.h>
#include <widecert/linalg/modular_matrix.h>
#include <widecert/network/filter_map.h>
#include "proofs/weights/sparse_filters.h"

#include <chrono>
#include <cstdio>
#include <string>

namespace {

using namespace widecert;

template <class Work>
double seconds(Work work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// Seconds that a peer prints; 0 if it is not installed or takes more than two minutes.
double peer(const std::string& command) {
  double value = 0;
  if (FILE* pipe = popen(("timeout 120 " + command + " 2>/dev/null").c_str(), "r")) {
    if (std::fscanf(pipe, "%lf", &value) != 1) value = 0;
    pclose(pipe);
  }
  return value;
}

void layer(std::size_t channels, std::size_t filters, std::size_t size, std::size_t image,
           const std::string& programs) {
  ConvSpec conv;
  conv.window.size = {size, size};
  conv.filters = filters;
  LinearSpec spec;
  spec.form = conv;
  spec.bias = BiasMode::none;
  Architecture network("x", {image, image, channels});
  network.add("layer", spec, {"x"});
  const Node& node = network.node(1);
  const std::string what = fmt::format("{} x {}, C = {}, T = {}, {} x {}", image, image, channels, filters,
                                       node.patches->inputs(), node.width);
  SparseRank found;
  const double own = seconds(
      [&] { found = sparse_rank(sparse_weight_matrix(network, 1, sparse_filters(network, 1), kRankPrime), 1e12); });
  const bool full = found.rank == std::min(node.patches->inputs(), node.width);
  fmt::print("| widecert, taps or bands ({}) | {} | {:.4f} | 1 |\n", full ? "full rank" : "NOT FULL", what, own);
  const auto row = [&](const char* name, double time) {
    if (time > 0) {
      fmt::print("| {} | {} | {:.3f} | {:.0f} |\n", name, what, time, time / own);
    } else {
      fmt::print("| {} | {} | more than 120, or absent | |\n", name, what);
    }
    std::fflush(stdout);
  };
  row("LinBox sparse rank, random filters",
      peer(fmt::format("{}/linbox_rank sparse {} {} {} {}", programs, channels, filters, size, image)));
  const double entries = static_cast<double>(node.patches->inputs()) * static_cast<double>(node.width);
  if (entries > 2e7) return;  // minutes
  const SeededTensor seeded{"layer", 1, 1, 1'000'000, 1, false};
  const SparseMatrix u = sparse_weight_matrix(network, 1, seeded, kRankPrime);
  nmod_mat_t dense;
  nmod_mat_init(dense, static_cast<slong>(u.rows), static_cast<slong>(u.cols), kRankPrime);
  for (std::size_t k = 0; k < u.row.size(); ++k) nmod_mat_entry(dense, u.row[k], u.col[k]) = u.value[k];
  row("FLINT nmod_mat_rank, random filters", seconds([&] { nmod_mat_rank(dense); }));
  nmod_mat_clear(dense);
}

}  // namespace

int main(int, char** argv) {
  const std::string self = argv[0];
  const auto slash = self.rfind('/');
  const std::string programs = slash == std::string::npos ? "." : self.substr(0, slash);
  fmt::print("| what | layer (3x3, no padding) | seconds | times widecert |\n|---|---|---|---|\n");
  layer(3, 64, 3, 16, programs);
  layer(3, 64, 3, 32, programs);
  layer(3, 5, 3, 16, programs);
  layer(3, 5, 3, 32, programs);
  layer(3, 5, 3, 64, programs);
  layer(3, 5, 3, 224, programs);
  layer(80, 192, 3, 73, programs);
  return 0;
}
