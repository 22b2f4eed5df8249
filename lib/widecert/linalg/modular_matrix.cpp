#include <flint/ulong_extras.h>
#include <widecert/linalg/modular_matrix.h>
#include <widecert/linalg/nmod.h>
#include <widecert/number/error.h>

namespace widecert {

struct ModularMatrix::Storage : Nmod {
  using Nmod::Nmod;
};

ModularMatrix::ModularMatrix(std::size_t rows, std::size_t cols, std::uint64_t prime) {
  if (prime >= (std::uint64_t{1} << 63) || n_is_prime(prime) == 0) {
    throw InputError(std::to_string(prime) + " is not a prime below 2^63");
  }
  storage_ = std::make_unique<Storage>(rows, cols, prime);
}

ModularMatrix::~ModularMatrix() = default;

void ModularMatrix::set(std::size_t row, std::size_t col, std::uint64_t residue) { storage_->at(row, col) = residue; }

std::uint64_t residue_of(const Rational& value, std::uint64_t prime) {
  const auto* q = value.backend().data();
  const std::uint64_t denominator = mpz_fdiv_ui(mpq_denref(q), prime);
  if (denominator == 0) {
    throw InputError(to_string(value) + " has a denominator divisible by " + std::to_string(prime) +
                     "; choose another prime");
  }
  const std::uint64_t numerator = mpz_fdiv_ui(mpq_numref(q), prime);
  return denominator == 1 ? numerator : n_mulmod2(numerator, n_invmod(denominator, prime), prime);
}

std::size_t ModularMatrix::rank() const { return static_cast<std::size_t>(nmod_mat_rank(storage_->m)); }

}  // namespace widecert
