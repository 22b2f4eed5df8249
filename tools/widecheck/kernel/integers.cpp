#include "kernel/integers.h"

#include <algorithm>

#include "kernel/verdict.h"

namespace widecheck {

std::string number(std::size_t n) { return std::to_string(n); }

namespace {

std::string shown(const mpq_class& q, bool up) {
  constexpr std::size_t kShort = 40;
  if (const std::string text = q.get_str(); text.size() <= kShort) return text;
  // q is about m 10^-k, m of 13 or 14 digits.
  const auto digits = [](const mpz_class& n) { return static_cast<long>(mpz_sizeinbase(n.get_mpz_t(), 10)); };
  const long k = 13 - digits(q.get_num()) + digits(q.get_den());
  mpz_class power;
  mpz_ui_pow_ui(power.get_mpz_t(), 10, static_cast<unsigned long>(k < 0 ? -k : k));
  const mpq_class scaled = k < 0 ? mpq_class(q / power) : mpq_class(q * power);
  const mpz_class m = up ? ceil_of(scaled) : floor_of(scaled);
  const std::string all = mpz_class(abs(m)).get_str();
  std::string text;
  if (m < 0) text += '-';
  text += all[0];
  text += '.';
  text.append(all, 1);
  text += 'e';
  return text += std::to_string(static_cast<long>(all.size()) - 1 - k);
}

}  // namespace

std::string show_below(const mpq_class& q) { return shown(q, false); }
std::string show_above(const mpq_class& q) { return shown(q, true); }

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

std::vector<std::size_t> read_indices(const Value& json, std::size_t limit) {
  std::vector<std::size_t> indices;
  for (const Value& entry : json.list()) {
    if (limit == 0) json.bad("no index");
    indices.push_back(entry.number(limit - 1));
    if (indices.size() > 1 && indices[indices.size() - 2] >= indices.back()) json.bad("increasing indices");
  }
  return indices;
}

bool zero(const std::vector<mpz_class>& v) {
  return std::all_of(v.begin(), v.end(), [](const mpz_class& x) { return x == 0; });
}

mpz_class floor_shift(const mpz_class& v, unsigned bits) {
  mpz_class q;
  mpz_fdiv_q_2exp(q.get_mpz_t(), v.get_mpz_t(), bits);
  return q;
}
mpz_class ceil_shift(const mpz_class& v, unsigned bits) {
  mpz_class q;
  mpz_cdiv_q_2exp(q.get_mpz_t(), v.get_mpz_t(), bits);
  return q;
}
mpz_class floor_div(const mpz_class& a, const mpz_class& b) {
  mpz_class r;
  mpz_fdiv_q(r.get_mpz_t(), a.get_mpz_t(), b.get_mpz_t());
  return r;
}
mpz_class ceil_div(const mpz_class& a, const mpz_class& b) {
  mpz_class r;
  mpz_cdiv_q(r.get_mpz_t(), a.get_mpz_t(), b.get_mpz_t());
  return r;
}
mpz_class ceil_of(const mpq_class& q) { return ceil_div(q.get_num(), q.get_den()); }
mpz_class floor_of(const mpq_class& q) { return floor_div(q.get_num(), q.get_den()); }

namespace {

mpq_class shortened(const mpq_class& q, bool up) {
  const long size =
      static_cast<long>(mpz_sizeinbase(q.get_num_mpz_t(), 2)) - static_cast<long>(mpz_sizeinbase(q.get_den_mpz_t(), 2));
  const long shift = 512 - size;  // q 2^shift has about 512 bits
  mpq_class scaled;
  if (shift >= 0)
    mpq_mul_2exp(scaled.get_mpq_t(), q.get_mpq_t(), static_cast<unsigned long>(shift));
  else
    mpq_div_2exp(scaled.get_mpq_t(), q.get_mpq_t(), static_cast<unsigned long>(-shift));
  mpq_class whole(up ? ceil_of(scaled) : floor_of(scaled)), out;
  if (shift >= 0)
    mpq_div_2exp(out.get_mpq_t(), whole.get_mpq_t(), static_cast<unsigned long>(shift));
  else
    mpq_mul_2exp(out.get_mpq_t(), whole.get_mpq_t(), static_cast<unsigned long>(-shift));
  return out;
}

}  // namespace

mpq_class short_below(const mpq_class& q) { return shortened(q, false); }
mpq_class short_above(const mpq_class& q) { return shortened(q, true); }

mpq_class root_above(const mpq_class& q) {
  const mpq_class above = short_above(q);  // p / r: its root is that of p r over r
  const mpz_class radicand = above.get_num() * above.get_den() << 1024;
  return short_above(mpq_class(sqrt(radicand) + 1) / (above.get_den() << 512));
}

void add(mpq_class& sum, const mpq_class& a, Budget& budget) {
  const Products words = Products::words(sum.get_num()) + Products::words(sum.get_den()) +
                         Products::words(a.get_num()) + Products::words(a.get_den());
  budget.spend(200 + 12 * words * words);
  sum += a;
  if (mpz_sizeinbase(sum.get_num_mpz_t(), 2) > 65'536 || mpz_sizeinbase(sum.get_den_mpz_t(), 2) > 65'536)
    throw Malformed("too-large", "a sum of more than 65,536 bits; refused");
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

void OuterProducts::add(const std::vector<mpz_class>& a, const std::vector<mpz_class>& b) {
  budget_->spend((20 + Products::words(largest(a)) * Products::words(largest(b))) * a.size() * b.size());
  for (std::size_t h = 0; h < a.size(); ++h)
    for (std::size_t j = 0; j < cols_; ++j)
      mpz_addmul(sum_[h * cols_ + j].get_mpz_t(), a[h].get_mpz_t(), b[j].get_mpz_t());
}

}  // namespace widecheck
