// TensorSpec: how a rational tensor is written down - one value everywhere, all values, or seeded
// integers over a common divisor (SeededIntegers, domain "tensor"). Claims carry specs, so a dense
// layer with a hundred thousand generated weights takes one line.
#pragma once

#include <widecert/number/rational.h>

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace widecert {

struct FillTensor {
  Rational value;
};
struct ExplicitTensor {
  std::vector<std::vector<Rational>> rows;
};
struct SeededTensor {
  std::string name;
  std::uint64_t seed = 0;
  std::int64_t low = 0, high = 0;
  Integer divisor = 1;  // > 0; the value is the integer u over it
  bool odd = false;     // then the value is (2 u + 1) over it: never a multiple of 2 / divisor
};
using TensorSpec = std::variant<FillTensor, ExplicitTensor, SeededTensor>;

// Weights have one row per filter, the length of its patches; a bias is one row.
// What claims of version 1 may hold, and what expand() agrees to build.
inline constexpr std::size_t kMaxTensorEntries = std::size_t{1} << 27;

using TensorShape = std::vector<std::size_t>;  // row lengths
using Tensor = std::vector<std::vector<Rational>>;

// Throws ShapeError beyond kMaxTensorEntries or if an explicit tensor has another shape, InputError
// for a divisor that is not positive; `what` names the tensor in the message.
void check_tensor(const TensorSpec& spec, const TensorShape& shape, const std::string& what);
// All values. Throws as check_tensor() does.
Tensor expand(const TensorSpec& spec, const TensorShape& shape, const std::string& what);

}  // namespace widecert
