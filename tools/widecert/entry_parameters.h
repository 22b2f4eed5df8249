// The parameters that an entry of a case gives, for commands that compute at them.
#pragma once

#include <widecert/network/point.h>

#include "proofs/case_file.h"

namespace widecert::tool {

// Of entry number `wanted`, from 1 on; of the first that has some if it is 0. `node` receives the entry's layer. Throws
// InputError naming the place.
PointSpec parameters_of_entry(const CaseFile& file, std::size_t wanted, std::size_t& node);

}  // namespace widecert::tool
