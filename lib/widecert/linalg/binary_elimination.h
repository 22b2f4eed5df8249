// Rank and linear systems over GF(2), for matrices of sixty thousand rows and more.
//
// Two engines. The kernel of this project works on stripes of eight rows: the coefficients of eight
// pivots against eight rows are one 8 x 8 bit matrix, and one GFNI instruction (vgf2p8affineqb)
// applies it to 64 columns, 4096 bit operations at once, so no tables of combinations (the Method of
// the Four Russians) are needed. It runs where AVX-512 and GFNI are present; elsewhere M4RI does.
// Measured against M4RI in tools/bench/RESULTS.md. What either returns is a hint: certificates
// multiply it back.
#pragma once

#include <widecert/linalg/binary_matrix.h>

#include <functional>
#include <optional>

namespace widecert {

enum class BinaryEngine { automatic, kernel, m4ri };
// True if this machine can run the kernel.
bool binary_kernel_available();

struct BinarySolution {
  std::size_t rank = 0;
  // W with A W = B, row by row, each row in ceil(k / 64) words, entry j in bit j mod 64 of word
  // j / 64. Absent if there is none (which needs rank < rows) or if B has no columns.
  std::optional<std::vector<std::uint64_t>> solution;
};

// Rank of A and a solution of A W = B, where [A | B] is the matrix with its right-hand side.
// Destroys it. Cost about rows * cols * rank / 3 bit operations, on all cores; `tick(done, total)`
// is called now and then and may throw. Throws InputError if the engine is not available here.
BinarySolution solve_in_place(BinaryMatrix& augmented, const std::function<void(std::size_t, std::size_t)>& tick,
                              BinaryEngine engine = BinaryEngine::automatic);

}  // namespace widecert
