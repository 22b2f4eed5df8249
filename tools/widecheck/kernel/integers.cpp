#include "kernel/integers.h"

#include <algorithm>

namespace widecheck {

std::string number(std::size_t n) { return std::to_string(n); }

std::string show(const mpq_class& q) {
  const std::string text = q.get_str();
  return text.size() <= 40 ? text : text.substr(0, 40) + "...";
}

std::vector<mpz_class> read_integers(const Value& json, std::size_t length) {
  std::vector<mpz_class> v = read_integers(json);
  if (v.size() != length) json.bad(number(length) + " integers");
  return v;
}

std::vector<mpz_class> read_integers(const Value& json) {
  std::vector<mpz_class> v;
  for (const Value& entry : json.list()) v.push_back(entry.integer());
  return v;
}

bool zero(const std::vector<mpz_class>& v) {
  return std::all_of(v.begin(), v.end(), [](const mpz_class& x) { return x == 0; });
}

mpz_class ceil_of(const mpq_class& q) {
  mpz_class r;
  mpz_cdiv_q(r.get_mpz_t(), q.get_num_mpz_t(), q.get_den_mpz_t());
  return r;
}
mpz_class floor_of(const mpq_class& q) {
  mpz_class r;
  mpz_fdiv_q(r.get_mpz_t(), q.get_num_mpz_t(), q.get_den_mpz_t());
  return r;
}

mpz_class squares(const std::vector<mpz_class>& v) {
  mpz_class sum = 0;
  for (const mpz_class& x : v) mpz_addmul(sum.get_mpz_t(), x.get_mpz_t(), x.get_mpz_t());
  return sum;
}

mpz_class largest(const std::vector<mpz_class>& v) {
  mpz_class most = 0;
  for (const mpz_class& x : v)
    if (mpz_cmpabs(x.get_mpz_t(), most.get_mpz_t()) > 0) most = abs(x);
  return most;
}

}  // namespace widecheck
