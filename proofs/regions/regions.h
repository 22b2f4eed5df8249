// Decision regions of networks at given parameters (README.md).
#pragma once

#include "proofs/prover.h"

namespace widecert::theorems {
Theorem regions_connected();
Theorem path_in_region();
Theorem component_count();
Theorem slice_component_count();
Theorem disconnected();
}  // namespace widecert::theorems
