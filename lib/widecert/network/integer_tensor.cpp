#include <widecert/network/integer_tensor.h>
#include <widecert/number/error.h>
#include <widecert/number/stream.h>

#include <algorithm>

namespace widecert {
namespace {

const Integer kSmall = Integer(1) << 62;

void finish(IntegerTensor& tensor, std::vector<Integer> values) {
  for (const Integer& v : values) tensor.bound = std::max(tensor.bound, Integer(abs(v)));
  if (tensor.bound >= kSmall) {
    tensor.large = std::move(values);
    return;
  }
  tensor.small.reserve(values.size());
  for (const Integer& v : values) tensor.small.push_back(v.convert_to<std::int64_t>());
}

}  // namespace

IntegerTensor expand_integers(const TensorSpec& spec, const TensorShape& shape, const std::string& what) {
  check_tensor(spec, shape, what);
  if (std::holds_alternative<Ln2Tensor>(spec)) expand(spec, shape, what);  // says that it is not rational
  IntegerTensor tensor;
  tensor.shape = shape;
  if (const auto* fill = std::get_if<FillTensor>(&spec)) {
    tensor.divisor = denominator(fill->value);
    finish(tensor, std::vector<Integer>(shape.entries(), Integer(numerator(fill->value))));
  } else if (std::holds_alternative<ExplicitTensor>(spec) || std::holds_alternative<SparseTensor>(spec) ||
             std::holds_alternative<WideTensor>(spec)) {
    const Tensor rows = expand(spec, shape, what);
    for (const auto& row : rows)
      for (const Rational& v : row) tensor.divisor = lcm(tensor.divisor, Integer(denominator(v)));
    std::vector<Integer> values;
    for (const auto& row : rows) {
      for (const Rational& v : row) {
        values.push_back(numerator(v) * Integer(tensor.divisor / denominator(v)));
      }
    }
    finish(tensor, std::move(values));
  } else if (const auto* file = std::get_if<FileTensor>(&spec)) {
    const std::vector<std::size_t> order = file_order(*file, shape, what);
    std::vector<Integer> values;
    values.reserve(shape.entries());
    const auto take = [&](auto value_at) {
      std::size_t from = 0;
      for (std::size_t length : shape) {
        for (std::size_t c = 0; c < length; ++c) values.push_back(value_at(from + (order.empty() ? c : order[c])));
        from += length;
      }
    };
    if (const auto* integers = std::get_if<std::vector<std::int64_t>>(&file->array->values)) {
      take([&](std::size_t at) { return Integer((*integers)[at]); });
    } else {
      const auto& floats = std::get<std::vector<double>>(file->array->values);
      const unsigned scale = dyadic_scale(floats);
      tensor.divisor = Integer(1) << scale;
      take([&](std::size_t at) { return times_power_of_two(floats[at], scale); });
    }
    tensor.divisor *= file->divisor;
    finish(tensor, std::move(values));
  } else {
    const auto& seeded = std::get<SeededTensor>(spec);
    SeededIntegers integers("tensor", seeded.seed, seeded.name, seeded.low, seeded.high);
    tensor.divisor = seeded.divisor;
    std::vector<Integer> values;
    for (std::size_t r = 0; r < shape.size(); ++r) {
      for (std::size_t c = 0; c < shape[r]; ++c) {
        const Integer u = integers.at(r, c);
        values.push_back(seeded.odd ? Integer(2 * u + 1) : u);
      }
    }
    finish(tensor, std::move(values));
  }
  return tensor;
}

}  // namespace widecert
