// A piecewise linear network along a segment of inputs, exactly: breakpoints, between which every value is affine.
#pragma once

#include <map>
#include <vector>

#include "evaluate/forward.h"
#include "kernel/parameters.h"

namespace widecheck {

// The values of a node at the breakpoints of the segment from one input to another one, both of which are among them,
// in order. Functions are relu, leaky-relu or identity, Rejected("unsupported") else; pools of any kind. Pays for
// itself. Throws Malformed("too-large") beyond 100,000 breakpoints or numbers of 65,536 bits.
std::vector<Values> walk(const Network& network, std::size_t target, const std::map<std::size_t, Parameters>& theta,
                         const Values& from, const Values& to, Budget& budget);

// At least e^-(F_j - F_k) of values with F_j > F_k, by a series of so many bits. Pays for itself.
mpq_class margin_power(const Values& f, std::size_t j, std::size_t k, unsigned bits, Budget& budget);

}  // namespace widecheck
