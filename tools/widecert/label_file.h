// Files of classes that commands are given.
#pragma once

#include <widecert/network/targets.h>

#include <string>
#include <utility>

namespace widecert::tool {

// FILE[member] of an NPZ file; any other name stands for itself.
std::pair<std::string, std::string> file_and_member(const std::string& path);
// Where a class for each sample stands: IDX, .npy, .npz[member], a CSV file of one column; its path relative to
// `folder`.
DatasetSpec labels_in(const std::string& path, const std::string& folder);
// One-hot rows of the classes.
ClassTargets one_hot(Classes classes, std::size_t outputs);

}  // namespace widecert::tool
