#include "kernel/function.h"

#include <iterator>

namespace widecheck {
namespace {

// In the order of Function.
constexpr const char* kNames[] = {"relu", "leaky-relu", "elu",  "sigmoid",       "tanh",     "softplus",
                                  "silu", "gelu",       "mish", "identity",      "gaussian", "one-minus-sigmoid",
                                  "step", "half-step",  "sign", "cubic-sigmoid", "softsign", "hard-swish"};
static_assert(std::size(kNames) == static_cast<std::size_t>(Function::hard_swish) + 1);

}  // namespace

Activation read_activation(const Value& node) {
  const Value function = node.at("function");
  const std::string name = function.text();
  for (std::size_t k = 0; k < std::size(kNames); ++k) {
    if (name != kNames[k]) continue;
    Activation f{static_cast<Function>(k), 1, name};
    // Huge parameters would make every evaluation slow for no use.
    const auto moderate = [](const Value& value) {
      const mpq_class q = value.rational();
      if (mpz_sizeinbase(q.get_num_mpz_t(), 2) > 256 || mpz_sizeinbase(q.get_den_mpz_t(), 2) > 256)
        value.bad("numerator and denominator of at most 256 bits");
      return q;
    };
    if (f.function == Function::leaky_relu) {
      f.parameter = moderate(node.at("slope"));
      if (f.parameter == 0) node.at("slope").bad("a slope other than 0");
    }
    if (f.function == Function::softplus && node.has("sharpness")) {
      f.parameter = moderate(node.at("sharpness"));
      if (f.parameter <= 0) node.at("sharpness").bad("a positive number");
    }
    return f;
  }
  function.bad("an activation of version 1");
}

bool piecewise_linear(Function f) { return has_kink(f) || f == Function::identity; }
bool has_kink(Function f) { return f == Function::relu || f == Function::leaky_relu; }
bool is_step(Function f) { return f == Function::step || f == Function::half_step || f == Function::sign; }

}  // namespace widecheck
