// A bound for the rank of U = M(W) that holds for every W: lines that cover all entries (Koenig).
//
// If the columns of some patches and the rows of some inputs contain every entry of U that is not 0
// for all W, the rank is at most the number of these lines. Given the patches, the rows needed are
// the inputs that the other patches see.
#pragma once

#include <widecert/network/architecture.h>

namespace widecert {

struct PatchCover {
  std::vector<std::size_t> patches;  // whose columns belong to the cover
  std::size_t inputs = 0;            // rows in it
  std::size_t lines = 0;             // columns and rows together: the bound
};

// For each block of U its inputs or its patches, whichever are fewer lines: cost one pass over the
// patches. `least`: a least cover, by a maximal matching; cost up to (entries of patches) (matched
// inputs), most often far less.
PatchCover patch_cover(const Node& linear_node, bool least);

}  // namespace widecert
