// Full rank of the exact values of a node on all samples.
#pragma once

#include <map>

#include "evidence/rank.h"
#include "kernel/rule.h"

namespace widecheck {

// Streams the integer matrix A of a node's exact values (times their divisor), reduced modulo the
// prime of the evidence. With `halved` (which needs p = 2) every value is even and A consists of the
// halves.
// Returns the bits of the error bound, 0 if unconditional. Throws Rejected.
unsigned verify_rank(const Context& c, const Network& network, std::size_t node,
                     const std::map<std::size_t, Parameters>& theta, RankEvidence& evidence, bool halved);

}  // namespace widecheck
