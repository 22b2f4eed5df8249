// FLINT's matrices modulo a prime, freed in every case. For the sources beside; others take ModularMatrix.
#pragma once

#include <flint/nmod_mat.h>

#include <cstddef>
#include <cstdint>
#include <vector>

namespace widecert {

struct Nmod {
  nmod_mat_t m;
  Nmod(std::size_t rows, std::size_t cols, std::uint64_t prime) {
    nmod_mat_init(m, static_cast<slong>(rows), static_cast<slong>(cols), prime);
  }
  ~Nmod() { nmod_mat_clear(m); }
  Nmod(const Nmod&) = delete;
  Nmod& operator=(const Nmod&) = delete;

  mp_limb_t& at(std::size_t row, std::size_t col) {
    return nmod_mat_entry(m, static_cast<slong>(row), static_cast<slong>(col));
  }
  // Brings the matrix into reduced row echelon form; the columns of the leading entries, in order: as many as its rank.
  std::vector<std::size_t> reduce() {
    const slong rank = nmod_mat_rref(m);
    std::vector<std::size_t> pivots;
    slong c = 0;
    for (slong r = 0; r < rank; ++r) {
      while (nmod_mat_entry(m, r, c) == 0) ++c;
      pivots.push_back(static_cast<std::size_t>(c));
    }
    return pivots;
  }
};

}  // namespace widecert
