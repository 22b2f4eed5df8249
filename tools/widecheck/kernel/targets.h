// Targets Y, one row for each sample, and classes, one number for each.
#pragma once

#include "kernel/rule.h"

namespace widecheck {

// A class for each sample, from 0 on: a list, or a data set with one integer a sample.
std::vector<std::size_t> read_classes(const Value& json, const Context& c);
// Y: a tensor; {"labels": CLASSES, "rows": [[...], ...]}, the row of each sample's class; {"data": DATA}, a data set.
Tensor read_targets(const Value& json, const Context& c, std::size_t outputs);
// How many different rows. Pays for itself.
std::size_t count_different(const Tensor& targets, Budget& budget);

}  // namespace widecheck
