#include <widecert/network/targets.h>
#include <widecert/number/error.h>

namespace widecert {
namespace {

Tensor rows_of(const DataRows& rows, std::size_t samples, std::size_t width, const std::string& what) {
  const Dataset& data = *rows.data;
  if (data.size() != samples) {
    throw InputError(what + ": " + std::to_string(data.size()) + " of them for " + std::to_string(samples) +
                     " samples (\"first\" and \"count\" choose)");
  }
  if (data.width() != width) {
    throw InputError(what + ": " + std::to_string(data.width()) + " numbers for each sample; expected " +
                     std::to_string(width) + " (\"column\" chooses one of a CSV file)");
  }
  Tensor values;
  for (std::size_t i = 0; i < samples; ++i) values.push_back(data.sample(i));
  return values;
}

}  // namespace

DataRows load_rows(const DatasetSpec& spec, const std::string& folder) {
  DataRows rows{spec, nullptr};
  rows.data = std::make_shared<const Dataset>(load(spec, folder, {}, &rows.spec));
  return rows;
}

std::vector<std::size_t> expand_classes(const Classes& spec, std::size_t samples) {
  if (const auto* list = std::get_if<ClassList>(&spec)) {
    if (list->classes.size() != samples) {
      throw InputError("labels: " + std::to_string(list->classes.size()) + " of them for " + std::to_string(samples) +
                       " samples");
    }
    return list->classes;
  }
  std::vector<std::size_t> classes;
  for (const auto& row : rows_of(std::get<DataRows>(spec), samples, 1, "labels")) {
    if (denominator(row[0]) != 1 || row[0] < 0 || row[0] > Rational(kMaxTensorEntries))
      throw InputError("labels: expected classes, integers from 0 on; found " + to_string(row[0]));
    classes.push_back(numerator(row[0]).convert_to<std::size_t>());
  }
  return classes;
}

Tensor expand_targets(const TargetsSpec& spec, std::size_t samples, std::size_t outputs) {
  if (const auto* tensor = std::get_if<TensorSpec>(&spec))
    return expand(*tensor, TensorShape(std::vector<std::size_t>(samples, outputs)), "targets");
  if (const auto* data = std::get_if<DataRows>(&spec)) return rows_of(*data, samples, outputs, "targets");
  const auto& by_class = std::get<ClassTargets>(spec);
  for (const auto& row : by_class.rows) {
    if (row.size() != outputs) {
      throw InputError("targets: rows of " + std::to_string(row.size()) + " numbers for " + std::to_string(outputs) +
                       " outputs");
    }
  }
  Tensor targets;
  for (std::size_t c : expand_classes(by_class.labels, samples)) {
    if (c >= by_class.rows.size()) {
      throw InputError("targets: class " + std::to_string(c) + ", but only " + std::to_string(by_class.rows.size()) +
                       " \"rows\", one for each class from 0 on");
    }
    targets.push_back(by_class.rows[c]);
  }
  return targets;
}

Matrix<double> near_doubles(const Tensor& tensor) {
  Matrix<double> out(static_cast<Eigen::Index>(tensor.size()), static_cast<Eigen::Index>(tensor.front().size()));
  for (Eigen::Index i = 0; i < out.rows(); ++i)
    for (Eigen::Index j = 0; j < out.cols(); ++j)
      out(i, j) = tensor[static_cast<std::size_t>(i)][static_cast<std::size_t>(j)].convert_to<double>();
  return out;
}

}  // namespace widecert
