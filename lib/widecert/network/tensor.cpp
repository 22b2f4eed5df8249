#include <widecert/data/byte_source.h>
#include <widecert/network/tensor.h>
#include <widecert/number/error.h>
#include <widecert/number/stream.h>

#include <numeric>

namespace widecert {

void load_array(FileTensor& tensor, const std::string& folder) {
  const std::string path = located(folder, tensor.path);
  NpyArray array = read_npy(path, tensor.member);
  compare_digest(path, tensor.sha256, array.digest);
  tensor.sha256 = to_hex(array.digest);
  if (!tensor.axes.empty()) array = transposed(std::move(array), tensor.axes, path);
  tensor.array = std::make_shared<const NpyArray>(std::move(array));
}

void check_tensor(const TensorSpec& spec, const TensorShape& shape, const std::string& what) {
  std::size_t entries = 0;
  for (std::size_t length : shape) entries += length;
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
          throw ShapeError(what + ": the positions of sparse row " + std::to_string(r) +
                           " (0-based) must increase and be below " + std::to_string(shape[r]));
        }
      }
    }
  }
  if (const auto* file = std::get_if<FileTensor>(&spec)) {
    const std::vector<std::size_t>& extents = file->array->shape;
    const std::size_t found = std::accumulate(extents.begin(), extents.end(), std::size_t{1}, std::multiplies<>());
    const bool rows_fit = shape.size() <= 1 || (!extents.empty() && extents[0] == shape.size());
    if (found != entries || !rows_fit) {
      std::string text;
      for (std::size_t extent : extents) text += (text.empty() ? "" : " x ") + std::to_string(extent);
      throw ShapeError(
          what + ": " + file->path + " holds " + (text.empty() ? "one number" : text) + "; expected " +
          std::to_string(entries) + " numbers" +
          (shape.size() <= 1 ? "" : ", the first extent being the " + std::to_string(shape.size()) + " filters") +
          " (\"axes\" permutes)");
    }
  }
  const auto* seeded = std::get_if<SeededTensor>(&spec);
  if (seeded != nullptr && seeded->divisor <= 0) {
    throw InputError(what + ": the divisor must be positive");
  }
}

Tensor expand(const TensorSpec& spec, const TensorShape& shape, const std::string& what) {
  check_tensor(spec, shape, what);
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
    std::visit(
        [&](const auto& values) {
          auto from = values.begin();
          for (std::size_t r = 0; r < shape.size(); ++r) {
            tensor[r].reserve(shape[r]);
            for (std::size_t c = 0; c < shape[r]; ++c, ++from) {
              if constexpr (std::is_floating_point_v<std::decay_t<decltype(*from)>>) {
                tensor[r].push_back(exactly(*from));
              } else {
                tensor[r].push_back(Rational(*from));
              }
            }
          }
        },
        file->array->values);
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

}  // namespace widecert
