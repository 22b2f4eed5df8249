// An upper bound of the rank of a matrix A (N x n), seen one exact row at a time: linear relations among the lines
// of one side, rows or columns.
//
// Lines that are 0, lines that are equal to an earlier one, and vectors of the kernel that are 0 at all of these
// lines and independent: each takes 1 off the number of lines, since all of these relations together are
// independent. (At a zero line, and at the later of two equal ones, no other relation has an entry.)
#pragma once

#include <gmpxx.h>

#include <vector>

#include "kernel/budget.h"
#include "kernel/integers.h"

namespace widecheck {

class Relations {
 public:
  // What is seen: the values of A; or arguments whose equality decides that of A's lines, and perhaps whose being 0
  // decides that a line is.
  enum class Of { values, arguments, arguments_with_zeros };
  // Reads "side" ("rows" or "columns") and, where they are there, "equal": classes, the first of each staying; "zero",
  // unless that is not decided; and "kernel", of values. Throws Rejected("relations") unless
  // lines occur once and kernel vectors are independent as they stand: each has an entry where the others are 0;
  // Malformed("too-large") if rows of more than 2^25 entries would have to be kept.
  Relations(const Value& proof, std::size_t rows, std::size_t cols, Of seen, Budget& budget);
  bool of_columns() const { return columns_; }
  // All rows, in order. Throws Rejected("not-zero"), Rejected("not-equal"), and pays for the kernel.
  void row(std::size_t i, const std::vector<mpz_class>& v);
  // After all rows. Throws Rejected("not-a-kernel-vector").
  std::size_t bound() const;
  std::string in_words() const;  // "120 columns, of which 20 zero, ..."

 private:
  void along(const std::vector<mpz_class>& v);
  void across(std::size_t i, const std::vector<mpz_class>& v);

  Budget& budget_;
  bool columns_;
  std::size_t lines_, zeros_ = 0, equals_ = 0;
  std::vector<bool> zero_;
  std::vector<std::size_t> first_;              // of the line's class; itself if there is none
  std::vector<bool> leads_;                     // first of a class of several
  std::vector<std::vector<mpz_class>> kernel_;  // by vector
  Products kernel_words_ = 0;                   // of all its vectors
  std::vector<std::vector<mpz_class>> kept_;    // rows: the first of each class
  std::vector<OuterProducts> sum_;              // rows
};

}  // namespace widecheck
