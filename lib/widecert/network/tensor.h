// TensorSpec: how a rational tensor is written down - one value everywhere, all values, seeded
// integers over a common divisor (SeededIntegers, domain "tensor"), few values other than 0, or a NumPy
// file. Claims carry
// specs, so a dense layer with a hundred thousand generated or trained weights takes one line.
#pragma once

#include <widecert/data/layout.h>
#include <widecert/data/npy.h>
#include <widecert/number/ln2.h>
#include <widecert/number/rational.h>

#include <cstdint>
#include <memory>
#include <optional>
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
  std::string path, member;  // the member of an .npz archive, or empty
  std::string sha256;        // hex, of the decompressed .npy file
  Layout layout;
  std::shared_ptr<const NpyArray> array;  // its axes permuted as the layout says
  std::string place = {};                 // where it was read, for people
  Integer divisor = 1;                    // > 0: the values are the entries over it
};
// The values other than 0 of each row, by increasing position.
struct SparseTensor {
  std::vector<std::vector<std::pair<std::size_t, Rational>>> rows;
};
// Integers of any length over a divisor: an .npy file of unsigned bytes whose last axis holds the bytes of one integer
// (two's complement, the least first). The path is relative to `folder`; read when it is expanded.
struct WideTensor {
  std::string path, member, sha256;
  Integer divisor = 1;
  std::string folder = {};
};
using RationalTensor = std::variant<FillTensor, ExplicitTensor, SeededTensor, FileTensor, SparseTensor, WideTensor>;
// ln 2 times a tensor, and another one added to that.
struct Ln2Tensor {
  RationalTensor ln2;
  std::optional<RationalTensor> plus;
};
using TensorSpec =
    std::variant<FillTensor, ExplicitTensor, SeededTensor, FileTensor, SparseTensor, WideTensor, Ln2Tensor>;
TensorSpec as_spec(const RationalTensor& tensor);

// Reads the array of a spec whose path starts at `folder`, fills in its digest or compares it. Throws
// InputError naming the file.
void load_array(FileTensor& tensor, const std::string& folder);

// What claims of version 1 may hold, and what expand() agrees to build.
inline constexpr std::size_t kMaxTensorEntries = std::size_t{1} << 27;

// Row lengths. Weights have one row per filter, the length of its patches; a bias is one row.
class TensorShape {
 public:
  TensorShape() = default;
  TensorShape(std::initializer_list<std::size_t> lengths) : lengths_(lengths) {}
  // `image`: of what extents the rows are, if they are images: the patches of a window, all neurons below.
  TensorShape(std::vector<std::size_t> lengths, Extents image = {})
      : lengths_(std::move(lengths)), image_(std::move(image)) {}

  std::size_t size() const { return lengths_.size(); }
  bool empty() const { return lengths_.empty(); }
  std::size_t operator[](std::size_t row) const { return lengths_[row]; }
  std::size_t front() const { return lengths_.front(); }
  auto begin() const { return lengths_.begin(); }
  auto end() const { return lengths_.end(); }
  std::size_t entries() const;
  const Extents& image() const { return image_; }

 private:
  std::vector<std::size_t> lengths_;
  Extents image_;
};
using Tensor = std::vector<std::vector<Rational>>;

// The entries of a file row after row, in our order (layout.h): the entry at place c of row r is
// values[r * length + order[c]], or with the same c where `order` is empty. Throws as check_tensor() does.
std::vector<std::size_t> file_order(const FileTensor& file, const TensorShape& shape, const std::string& what);

// Throws ShapeError beyond kMaxTensorEntries, if a tensor has another shape and for a file whose order of entries is
// not said, InputError for a divisor that is not positive; `what` names the tensor in the message.
void check_tensor(const TensorSpec& spec, const TensorShape& shape, const std::string& what);
// All values. Throws as check_tensor() does, and InputError where they are not rational (Ln2Tensor).
Tensor expand(const TensorSpec& spec, const TensorShape& shape, const std::string& what);
// The same of any tensor.
std::vector<std::vector<Ln2>> expand_ln2(const TensorSpec& spec, const TensorShape& shape, const std::string& what);

}  // namespace widecert
