// overloaded{lambda, ...}: one visitor for std::visit out of several lambdas.
#pragma once

namespace widecert {

template <class... Ts>
struct overloaded : Ts... {
  using Ts::operator()...;
};

}  // namespace widecert
