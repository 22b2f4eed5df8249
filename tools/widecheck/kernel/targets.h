// Targets Y, one row for each sample, and classes, one number for each.
#pragma once

#include "kernel/rule.h"

namespace widecheck {

// A class for each sample, from 0 on: a list, or a data set with one integer a sample.
std::vector<std::size_t> read_classes(const Value& json, const Context& c);
// Y: a tensor; {"labels": CLASSES, "rows": [[...], ...]}, the row of each sample's class; {"data": DATA}, a data set.
Tensor read_targets(const Value& json, const Context& c, std::size_t outputs);
// Of N x m numbers over one divisor: the number of the first sample with the same row, for each sample.
std::vector<std::size_t> first_equal(const Tensor& targets, Budget& budget);

}  // namespace widecheck
