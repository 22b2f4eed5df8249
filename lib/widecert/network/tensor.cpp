#include <widecert/data/byte_source.h>
#include <widecert/network/tensor.h>
#include <widecert/number/error.h>
#include <widecert/number/stream.h>

#include <algorithm>
#include <numeric>

namespace widecert {

void load_array(FileTensor& tensor, const std::string& folder) {
  const std::string path = located(folder, tensor.path);
  NpyArray array = read_npy(path, tensor.member);
  compare_digest(path, tensor.sha256, array.digest);
  tensor.sha256 = to_hex(array.digest);
  tensor.place = located_member(folder, tensor.path, tensor.member);
  tensor.layout = settled_for_weights(tensor.layout, array.shape);
  if (!tensor.layout.axes.empty()) array = transposed(std::move(array), tensor.layout.axes, path);
  tensor.array = std::make_shared<const NpyArray>(std::move(array));
}

std::size_t TensorShape::entries() const { return std::accumulate(begin(), end(), std::size_t{0}); }

std::vector<std::size_t> file_order(const FileTensor& file, const TensorShape& shape, const std::string& what) {
  const std::string place = what + ": " + file.place;
  const Extents& extents = file.array->shape;
  if (extents.size() > 2 && file.layout.axes.empty()) {
    throw ShapeError(place + ": an array of " + describe(extents) +
                     ": \"axes\" says which axis of the file is which of ours (filters, height, width, channels): "
                     "PyTorch keeps a 2-D convolution as filters x channels x height x width, \"axes\": [0, 2, 3, 1]; "
                     "Keras as height x width x channels x filters, [3, 0, 1, 2]; or, for all that it keeps, "
                     "\"order\": \"torch\" or \"keras\"");
  }
  const bool has_rows = shape.size() > 1;  // the first extent counts them
  if (has_rows && (extents.empty() || extents[0] != shape.size())) {
    throw ShapeError(place + ": " + (extents.empty() ? "one number" : describe(extents)) +
                     "; expected the first extent to count the " + std::to_string(shape.size()) +
                     " filters (\"axes\" permutes; \"order\" says whose order a file has in a word)");
  }
  // A single row may stand alone or as the one row of a matrix.
  const bool leads = has_rows || (shape.size() == 1 && extents.size() > 1 && extents[0] == 1);
  if (leads && std::any_of(shape.begin(), shape.end(), [&](std::size_t l) { return l != shape.front(); })) {
    throw ShapeError(place + ": the rows of this tensor differ in length; an array cannot hold them");
  }
  const Extents image = shape.image().empty() ? Extents{shape.empty() ? 0 : shape.front()} : shape.image();
  return row_order(Extents(extents.begin() + (leads ? 1 : 0), extents.end()), file.layout, image, place);
}

TensorSpec as_spec(const RationalTensor& tensor) {
  return std::visit([](const auto& form) { return TensorSpec(form); }, tensor);
}

void check_tensor(const TensorSpec& spec, const TensorShape& shape, const std::string& what) {
  if (const auto* sum = std::get_if<Ln2Tensor>(&spec)) {
    check_tensor(as_spec(sum->ln2), shape, what);
    if (sum->plus) check_tensor(as_spec(*sum->plus), shape, what);
    return;
  }
  const std::size_t entries = shape.entries();
  if (entries > kMaxTensorEntries) {
    throw ShapeError(what + " has " + std::to_string(entries) + " entries; at most 2^27 are held in memory");
  }
  if (const auto* given = std::get_if<ExplicitTensor>(&spec)) {
    bool fits = given->rows.size() == shape.size();
    for (std::size_t r = 0; fits && r < shape.size(); ++r) fits = given->rows[r].size() == shape[r];
    if (!fits) {
      throw ShapeError(what + " has the wrong shape: expected " + std::to_string(shape.size()) + " row(s)" +
                       (shape.empty() ? "" : " of " + std::to_string(shape.front()) + " entries") + ", found " +
                       std::to_string(given->rows.size()) + " row(s)" +
                       (given->rows.empty() ? "" : ", the first of " + std::to_string(given->rows.front().size())));
    }
  }
  if (const auto* sparse = std::get_if<SparseTensor>(&spec)) {
    if (sparse->rows.size() != shape.size()) {
      throw ShapeError(what + " has " + std::to_string(sparse->rows.size()) + " sparse row(s); expected " +
                       std::to_string(shape.size()));
    }
    for (std::size_t r = 0; r < shape.size(); ++r) {
      for (std::size_t k = 0; k < sparse->rows[r].size(); ++k) {
        const std::size_t position = sparse->rows[r][k].first;
        if (position >= shape[r] || (k > 0 && position <= sparse->rows[r][k - 1].first)) {
          throw ShapeError(what + ": the positions in sparse row " + std::to_string(r + 1) +
                           " must increase and be below " + std::to_string(shape[r]));
        }
      }
    }
  }
  const auto* file = std::get_if<FileTensor>(&spec);
  if (file != nullptr) file_order(*file, shape, what);
  const auto* seeded = std::get_if<SeededTensor>(&spec);
  if ((seeded != nullptr && seeded->divisor <= 0) || (file != nullptr && file->divisor <= 0)) {
    throw InputError(what + ": the divisor must be positive");
  }
}

Tensor expand(const TensorSpec& spec, const TensorShape& shape, const std::string& what) {
  check_tensor(spec, shape, what);
  if (std::holds_alternative<Ln2Tensor>(spec)) {
    throw InputError(what +
                     " has multiples of ln 2, which only claims about exact losses, critical points and minima "
                     "take");
  }
  if (const auto* given = std::get_if<ExplicitTensor>(&spec)) return given->rows;
  Tensor tensor(shape.size());
  if (const auto* fill = std::get_if<FillTensor>(&spec)) {
    for (std::size_t r = 0; r < shape.size(); ++r) tensor[r].assign(shape[r], fill->value);
    return tensor;
  }
  if (const auto* sparse = std::get_if<SparseTensor>(&spec)) {
    for (std::size_t r = 0; r < shape.size(); ++r) {
      tensor[r].assign(shape[r], Rational(0));
      for (const auto& [position, value] : sparse->rows[r]) tensor[r][position] = value;
    }
    return tensor;
  }
  if (const auto* file = std::get_if<FileTensor>(&spec)) {
    const std::vector<std::size_t> order = file_order(*file, shape, what);
    std::visit(
        [&](const auto& values) {
          std::size_t from = 0;
          for (std::size_t r = 0; r < shape.size(); from += shape[r], ++r) {
            tensor[r].reserve(shape[r]);
            for (std::size_t c = 0; c < shape[r]; ++c) {
              const auto v = values[from + (order.empty() ? c : order[c])];
              if constexpr (std::is_floating_point_v<std::decay_t<decltype(v)>>) {
                tensor[r].push_back(exactly(v));
              } else {
                tensor[r].push_back(Rational(v));
              }
              if (file->divisor != 1) tensor[r].back() /= Rational(file->divisor);
            }
          }
        },
        file->array->values);
    return tensor;
  }
  if (const auto* wide = std::get_if<WideTensor>(&spec)) {
    const NpyArray array = read_npy(located(wide->folder, wide->path), wide->member);
    const auto* bytes = std::get_if<std::vector<std::int64_t>>(&array.values);
    const std::size_t entries = shape.entries(), size = array.shape.empty() ? 0 : array.shape.back();
    if (bytes == nullptr || size == 0 || bytes->size() != entries * size) {
      throw ShapeError(what + ": " + wide->path + " has not the bytes of " + std::to_string(entries) + " integers");
    }
    compare_digest(wide->path, wide->sha256, array.digest);
    std::vector<unsigned char> one(size);
    std::size_t at = 0;
    for (std::size_t r = 0; r < shape.size(); ++r) {
      for (std::size_t c = 0; c < shape[r]; ++c) {
        for (unsigned char& b : one) b = static_cast<unsigned char>((*bytes)[at++]);
        Integer v;
        mpz_import(v.backend().data(), size, -1, 1, 0, 0, one.data());
        if (one.back() >= 0x80) v -= Integer(1) << (8 * size);
        tensor[r].emplace_back(v, wide->divisor);
      }
    }
    return tensor;
  }
  const auto& seeded = std::get<SeededTensor>(spec);
  SeededIntegers integers("tensor", seeded.seed, seeded.name, seeded.low, seeded.high);
  for (std::size_t r = 0; r < shape.size(); ++r) {
    tensor[r].reserve(shape[r]);
    for (std::size_t c = 0; c < shape[r]; ++c) {
      const Integer u = integers.at(r, c);
      tensor[r].push_back(Rational(seeded.odd ? Integer(2 * u + 1) : u, seeded.divisor));
    }
  }
  return tensor;
}

std::vector<std::vector<Ln2>> expand_ln2(const TensorSpec& spec, const TensorShape& shape, const std::string& what) {
  std::vector<std::vector<Ln2>> values;
  for (std::size_t length : shape) values.emplace_back(length);
  const auto add = [&](const TensorSpec& part, const Ln2& factor) {
    const Tensor tensor = expand(part, shape, what);
    for (std::size_t r = 0; r < tensor.size(); ++r)
      for (std::size_t c = 0; c < tensor[r].size(); ++c) values[r][c] += factor * Ln2(tensor[r][c]);
  };
  const auto* sum = std::get_if<Ln2Tensor>(&spec);
  if (sum == nullptr) {
    add(spec, Ln2(1));
    return values;
  }
  check_tensor(spec, shape, what);
  add(as_spec(sum->ln2), Ln2(std::vector<Rational>{0, 1}));
  if (sum->plus) add(as_spec(*sum->plus), Ln2(1));
  return values;
}

}  // namespace widecert
