// IntegerTensor: a tensor as integers over one common divisor, the form in which exact features are
// computed (exact_forward.h). The divisor is normative (FORMAT.md, "Values and enclosures"): that of
// the value that fills the tensor, the least common denominator of explicit values, the stated
// divisor of seeded ones.
#pragma once

#include <widecert/network/tensor.h>

namespace widecert {

struct IntegerTensor {
  TensorShape shape;  // row lengths
  Integer divisor = 1;
  Integer bound = 0;  // of the absolute values
  // Row after row; exactly one of the two is used: `small` if bound < 2^62.
  std::vector<std::int64_t> small;
  std::vector<Integer> large;

  bool is_small() const { return large.empty(); }
  Integer at(std::size_t entry) const { return is_small() ? Integer(small[entry]) : large[entry]; }
};

// Throws as expand() does.
IntegerTensor expand_integers(const TensorSpec& spec, const TensorShape& shape, const std::string& what);

}  // namespace widecert
