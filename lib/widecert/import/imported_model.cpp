#include <widecert/import/imported_model.h>
#include <widecert/number/error.h>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace widecert {

FileTensor ModelArrays::add(const std::string& name, const onnx::Array& array, const Layout& layout) {
  NpyArray npy{array.shape, array.values, {}};
  std::string type = "<i8", elements;
  if (const auto* integers = std::get_if<std::vector<std::int64_t>>(&array.values)) {
    elements.assign(reinterpret_cast<const char*>(integers->data()), 8 * integers->size());
  } else {
    // The narrowest of the two types that holds all numbers: the same numbers give the same bytes.
    const auto& numbers = std::get<std::vector<double>>(array.values);
    const bool is_double = !std::all_of(numbers.begin(), numbers.end(),
                                        [](double v) { return static_cast<double>(static_cast<float>(v)) == v; });
    type = is_double ? "<f8" : "<f4";
    for (double v : std::get<std::vector<double>>(array.values)) {
      if (!std::isfinite(v)) throw InputError(name + ": a number that is not finite");
      const auto narrow = static_cast<float>(v);
      elements.append(is_double ? reinterpret_cast<const char*>(&v) : reinterpret_cast<const char*>(&narrow),
                      is_double ? sizeof v : sizeof narrow);
    }
  }
  const std::string bytes = npy_bytes(type, array.shape, elements);
  npy.digest = sha256(bytes);
  FileTensor tensor;
  tensor.path = npz_;
  tensor.member = name;
  tensor.sha256 = to_hex(npy.digest);
  tensor.layout = layout;
  tensor.place = npz_ + "[" + name + "]";
  tensor.array = std::make_shared<const NpyArray>(layout.axes.empty() ? std::move(npy)
                                                                      : transposed(std::move(npy), layout.axes, name));
  bytes_[name] = bytes;
  return tensor;
}

std::optional<FoldedNorm> folded_norm(const std::vector<double>& gamma, const std::vector<double>& beta,
                                      const std::vector<double>& mean, const std::vector<double>& variance,
                                      double epsilon) {
  const std::size_t n = gamma.size();
  if (beta.size() != n || mean.size() != n || variance.size() != n) return std::nullopt;
  std::vector<double> scale, shift;
  const PrecisionScope precision(160);
  for (std::size_t c = 0; c < n; ++c) {
    for (double v : {gamma[c], beta[c], mean[c], variance[c]})
      if (!std::isfinite(v)) return std::nullopt;
    if (!(variance[c] + epsilon > 0)) return std::nullopt;
    scale.push_back(near_double(Ball::exactly(gamma[c]) / sqrt(Ball::exactly(variance[c]) + Ball::exactly(epsilon))));
    shift.push_back(near_double(Ball::exactly(beta[c]) - Ball::exactly(mean[c]) * Ball::exactly(scale.back())));
  }
  return FoldedNorm{{{n}, "float64", scale}, {{n}, "float64", shift}};
}

std::string folded_norm_in_words(const std::string& name, double epsilon) {
  return fmt::format(
      "{}: batch norm with its running mean and variance; the scale gamma / sqrt(variance + {:g}) and the "
      "shift are rounded to float64",
      name, epsilon);
}

}  // namespace widecert
