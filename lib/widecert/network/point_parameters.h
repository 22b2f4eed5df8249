// A point of Theta as parameters of the forward pass, for every scalar.
#pragma once

#include <widecert/network/forward.h>
#include <widecert/network/point.h>

namespace widecert {

// The tensors of all linear nodes up to `target`, frozen ones included. Throws as tensors_of() and expand() do.
template <class S>
Parameters<S> parameters_at(const Architecture& network, const PointSpec& point, std::size_t target) {
  Parameters<S> theta;
  for (std::size_t i : linear_nodes(network, target)) {
    const PointTensors given = tensors_of(network, point, i);
    theta[i] =
        convert_parameters<S>(expand(given.weights, network.weights_shape(i), given.weights_name),
                              given.bias ? expand(*given.bias, network.bias_shape(i), given.bias_name) : Tensor{});
  }
  return theta;
}

}  // namespace widecert
