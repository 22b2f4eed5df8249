#include "evidence/relations.h"

#include <algorithm>

#include "kernel/integers.h"
#include "kernel/verdict.h"

namespace widecheck {

Relations::Relations(const Value& proof, std::size_t rows, std::size_t cols, Of seen, Budget& budget)
    : budget_(budget) {
  const Value side = proof.at("side");
  columns_ = side.text() == "columns";
  if (!columns_ && side.text() != "rows") side.bad("\"rows\" or \"columns\"");
  lines_ = columns_ ? cols : rows;
  budget.spend(Products(40) * lines_);
  zero_.assign(lines_, false);
  kept_.resize(lines_);
  for (std::size_t h = 0; h < lines_; ++h) first_.push_back(h);
  leads_.assign(lines_, false);
  std::size_t kept = 0;  // rows
  std::vector<bool> used(lines_, false), gone(lines_, false);
  const auto use = [&](std::size_t line) {
    require(!used[line], "relations", side.place() + ": line " + number(line + 1) + " occurs twice");
    used[line] = true;
  };
  if (seen != Of::arguments && proof.has("zero")) {
    for (std::size_t line : read_indices(proof.at("zero"), lines_)) {
      use(line);
      zero_[line] = gone[line] = true;
      ++zeros_;
    }
  }
  if (proof.has("equal")) {
    for (const Value& entry : proof.at("equal").list()) {
      const auto same = read_indices(entry, lines_);
      if (same.size() < 2) entry.bad("at least two lines");
      for (std::size_t line : same) use(line);
      leads_[same[0]] = !columns_;
      kept += columns_ ? 0 : 1;
      for (std::size_t k = 1; k < same.size(); ++k) {
        first_[same[k]] = same[0];
        gone[same[k]] = true;
        ++equals_;
      }
    }
  }
  std::vector<std::size_t> owners(lines_, 0);
  const auto vectors = seen == Of::values && proof.has("kernel") ? proof.at("kernel").list() : std::vector<Value>();
  kept += columns_ ? 0 : vectors.size();
  if (kept > (std::size_t{1} << 25) / std::max<std::size_t>(1, cols))
    throw Malformed("too-large", side.place() + ": relations of rows of more than 2^25 entries; refused");
  for (const Value& entry : vectors) {
    const auto& v = kernel_.emplace_back(read_integers(entry, lines_));
    kernel_words_ += Products::words(largest(v));
    for (std::size_t h = 0; h < lines_; ++h) {
      if (v[h] != 0 && gone[h])
        throw Rejected("relations", entry.place() + " is not 0 at line " + number(h + 1) + ", which is gone");
      owners[h] += v[h] == 0 ? 0 : 1;
    }
  }
  for (std::size_t k = 0; k < kernel_.size(); ++k) {
    bool own = false;
    for (std::size_t h = 0; h < lines_; ++h) own = own || (kernel_[k][h] != 0 && owners[h] == 1);
    require(own, "relations", "kernel vector " + number(k + 1) + " has no entry of its own: independence is not seen");
  }
  if (!columns_) sum_.assign(kernel_.size(), OuterProducts(budget, 1, cols));
}

void Relations::row(std::size_t i, const std::vector<mpz_class>& v) {
  budget_.spend(Products(40) * (v.size() + (columns_ ? lines_ : kernel_.size() + 1)));
  if (columns_ && !kernel_.empty())
    budget_.spend((60 * Products(kernel_.size()) + 2 * kernel_words_ * Products::words(largest(v))) * v.size());
  columns_ ? along(v) : across(i, v);
}

// Columns: every row has to agree with every relation.
void Relations::along(const std::vector<mpz_class>& v) {
  for (std::size_t h = 0; h < lines_; ++h) {
    // (No text is made for what holds.)
    if (zero_[h] && v[h] != 0) throw Rejected("not-zero", "column " + number(h + 1) + " is not 0");
    if (first_[h] != h && v[h] != v[first_[h]])
      throw Rejected("not-equal", "columns " + number(first_[h] + 1) + " and " + number(h + 1) + " differ");
  }
  for (std::size_t k = 0; k < kernel_.size(); ++k) {
    mpz_class sum = 0;
    for (std::size_t h = 0; h < lines_; ++h) sum += kernel_[k][h] * v[h];
    require(sum == 0, "not-a-kernel-vector", "the combination " + number(k + 1) + " of columns does not vanish");
  }
}

void Relations::across(std::size_t i, const std::vector<mpz_class>& v) {
  require(!zero_[i] || zero(v), "not-zero", "row " + number(i + 1) + " is not 0");
  if (first_[i] != i) {
    require(v == kept_[first_[i]], "not-equal", "rows " + number(first_[i] + 1) + " and " + number(i + 1) + " differ");
  } else if (leads_[i]) {
    kept_[i] = v;
  }
  for (std::size_t k = 0; k < kernel_.size(); ++k) {
    if (kernel_[k][i] != 0) sum_[k].add({kernel_[k][i]}, v);
  }
}

std::size_t Relations::bound() const {
  for (std::size_t k = 0; k < sum_.size(); ++k)
    require(zero(sum_[k].sum()), "not-a-kernel-vector",
            "the combination " + number(k + 1) + " of rows does not vanish");
  return lines_ - zeros_ - equals_ - kernel_.size();
}

std::string Relations::in_words() const {
  return number(lines_) + (columns_ ? " columns" : " rows") + ", of which " + number(zeros_) + " zero, " +
         number(equals_) + " equal to others, " + number(kernel_.size()) + " combinations of others";
}

}  // namespace widecheck
