// Limits of a network along theta(alpha), alpha -> infinity (rules/generic.md, "relu-limit", "step-limit").
#pragma once

#include "kernel/network.h"

namespace widecheck {

enum class Limit { relu, step };

// The network whose values at a point are the limits of the scaled values of `network`: every value
// is alpha^d times a limit, d = 0 or 1, computed node by node. Throws Rejected where a side condition
// fails.
Network limit_network(const Network& network, std::size_t target, Limit limit);

// Every operation that the target depends on is real analytic in the parameters. Throws
// Rejected("not-analytic").
void require_analytic(const Network& network, std::size_t target);

}  // namespace widecheck
