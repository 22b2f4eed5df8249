// TensorSpec: how a rational tensor is written down - one value everywhere, all values, seeded
// integers over a common divisor (SeededIntegers, domain "tensor"), few values other than 0, or a NumPy
// file. Claims carry
// specs, so a dense layer with a hundred thousand generated or trained weights takes one line.
#pragma once

#include <widecert/data/npy.h>
#include <widecert/number/rational.h>

#include <cstdint>
#include <memory>
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
// The entries of an array in C order, after its axes were permuted: those of the first row (filter),
// of the second, ... The path is relative to the file that names it.
struct FileTensor {
  std::string path, member;               // the member of an .npz archive, or empty
  std::string sha256;                     // hex, of the decompressed .npy file
  std::vector<std::size_t> axes;          // axis k of the tensor is axis axes[k] of the file; empty: as it is
  std::shared_ptr<const NpyArray> array;  // permuted
};
// The values other than 0 of each row, by increasing position.
struct SparseTensor {
  std::vector<std::vector<std::pair<std::size_t, Rational>>> rows;
};
using TensorSpec = std::variant<FillTensor, ExplicitTensor, SeededTensor, FileTensor, SparseTensor>;

// Reads the array of a spec whose path starts at `folder`, fills in its digest or compares it. Throws
// InputError naming the file.
void load_array(FileTensor& tensor, const std::string& folder);

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
