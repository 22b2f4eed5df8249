#include "plain_activation.h"

#include <Eigen/Core>
#include <cmath>

void plain_activation(PlainFunction f, double* values, std::size_t count) {
  Eigen::Map<Eigen::ArrayXd> a(values, static_cast<Eigen::Index>(count));
  switch (f) {
    case PlainFunction::relu:
      a = a.max(0.0);
      break;
    case PlainFunction::sigmoid:
      a = 1 / (1 + (-a).exp());
      break;
    case PlainFunction::tanh:
      a = a.tanh();
      break;
    case PlainFunction::softplus:
      a = a.max(0.0) + (1 + (-a.abs()).exp()).log();
      break;
    case PlainFunction::gelu:
      a = a.unaryExpr([](double t) { return 0.5 * t * std::erfc(-t * 0.7071067811865476); });
      break;
  }
}
