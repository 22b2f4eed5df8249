// Integers in files and in sentences.
#pragma once

#include <gmpxx.h>

#include <cstddef>
#include <string>
#include <vector>

#include "kernel/input.h"

namespace widecheck {

std::string number(std::size_t n);
std::string show(const mpq_class& q);  // at most 43 characters

// A list of so many integers; of any number of them.
std::vector<mpz_class> read_integers(const Value& json, std::size_t length);
std::vector<mpz_class> read_integers(const Value& json);
bool zero(const std::vector<mpz_class>& v);

mpz_class ceil_of(const mpq_class& q);
mpz_class floor_of(const mpq_class& q);
mpz_class squares(const std::vector<mpz_class>& v);  // their sum
// The largest absolute value, 0 of none.
mpz_class largest(const std::vector<mpz_class>& v);

}  // namespace widecheck
