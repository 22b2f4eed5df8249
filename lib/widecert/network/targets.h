// Targets Y: one row for each sample.
#pragma once

#include <widecert/data/dataset.h>
#include <widecert/linalg/matrix.h>
#include <widecert/network/tensor.h>

#include <memory>

namespace widecert {

// A data set with one row for each sample, read; the spec has digest and count.
struct DataRows {
  DatasetSpec spec;
  std::shared_ptr<const Dataset> data;
};
// Paths start at `folder`. Throws InputError.
DataRows load_rows(const DatasetSpec& spec, const std::string& folder);

// A class for each sample, from 0 on.
struct ClassList {
  std::vector<std::size_t> classes;
};
using Classes = std::variant<ClassList, DataRows>;
// The row of each sample's class.
struct ClassTargets {
  Classes labels;
  std::vector<std::vector<Rational>> rows;
};
using TargetsSpec = std::variant<TensorSpec, ClassTargets, DataRows>;

// So many of them. Throws InputError where there are not enough or they do not fit.
std::vector<std::size_t> expand_classes(const Classes& spec, std::size_t samples);
Tensor expand_targets(const TargetsSpec& spec, std::size_t samples, std::size_t outputs);

// The entries of rows of one length, each rounded to a double.
Matrix<double> near_doubles(const Tensor& tensor);

}  // namespace widecert
