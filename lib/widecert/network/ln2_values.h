// Values over Q[ln 2], exactly, at points whose tensors may have multiples of ln 2.
#pragma once

#include <widecert/data/dataset.h>
#include <widecert/network/forward.h>
#include <widecert/network/point.h>

#include <algorithm>
#include <functional>
#include <iterator>
#include <type_traits>

namespace widecert {

// The tensors of the linear nodes below `target`, frozen ones included. Throws as integer_point() does.
Parameters<Ln2> ln2_parameters(const Architecture& network, const PointSpec& point, std::size_t target);

// f of every entry, for instance in another scalar.
template <class F>
auto transformed(const Parameters<Ln2>& theta, F f) {
  Parameters<std::decay_t<std::invoke_result_t<F&, const Ln2&>>> out;
  for (const auto& [i, tensors] : theta) {
    auto& to = out[i];
    for (const auto& row : tensors.weights)
      std::transform(row.begin(), row.end(), std::back_inserter(to.weights.emplace_back()), std::ref(f));
    std::transform(tensors.bias.begin(), tensors.bias.end(), std::back_inserter(to.bias), std::ref(f));
  }
  return out;
}

using Ln2Rows = std::vector<std::vector<Ln2>>;
// The values of `node` on all samples. Throws InputError where they are not in Q[ln 2]. `tick` is told samples that are
// done, and may throw. Cost: a product of polynomials for each weight of every neuron; in integers where all is
// rational.
Ln2Rows ln2_values(const Architecture& network, const Dataset& data, const PointSpec& point, std::size_t node,
                   const std::function<void(std::size_t)>& tick);

// The gradient of sum over samples of <d_i, F(node)(x_i)> for the tensors of the linear nodes below, summed over the
// uses of shared filters and tied biases. `theta` as ln2_parameters() gives it. Throws InputError at kinks, steps and
// where a maximum is taken twice.
Parameters<Ln2> ln2_gradient(const Architecture& network, const Dataset& data, const Parameters<Ln2>& theta,
                             std::size_t node, const Ln2Rows& d);

}  // namespace widecert
