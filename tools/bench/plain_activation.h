// Activations without bounds, by Eigen's vectorised functions: the peer of enclose_activation() in float_bench.
#pragma once

#include <cstddef>

enum class PlainFunction { relu, sigmoid, tanh, softplus, gelu };

void plain_activation(PlainFunction f, double* values, std::size_t count);
