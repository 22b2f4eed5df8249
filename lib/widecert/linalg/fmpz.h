// FLINT's integer matrices, freed in every case. For the sources beside.
#pragma once

#include <flint/fmpz.h>
#include <flint/fmpz_mat.h>
#include <widecert/number/rational.h>

#include <cstddef>

namespace widecert {

struct Fmpz {
  fmpz_mat_t m;
  Fmpz(std::size_t rows, std::size_t cols) { fmpz_mat_init(m, static_cast<slong>(rows), static_cast<slong>(cols)); }
  ~Fmpz() { fmpz_mat_clear(m); }
  Fmpz(const Fmpz&) = delete;
  Fmpz& operator=(const Fmpz&) = delete;
  fmpz* at(std::size_t i, std::size_t j) { return fmpz_mat_entry(m, static_cast<slong>(i), static_cast<slong>(j)); }
  void set(std::size_t i, std::size_t j, const Integer& v) { fmpz_set_mpz(at(i, j), v.backend().data()); }
};

}  // namespace widecert
