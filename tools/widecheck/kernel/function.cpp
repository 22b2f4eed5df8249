#include "kernel/function.h"

#include <array>

namespace widecheck {
namespace {

struct Entry {
  const char* name;
  Function function;
};
constexpr std::array<Entry, 15> kNames{{{"relu", Function::relu},
                                        {"leaky-relu", Function::leaky_relu},
                                        {"elu", Function::elu},
                                        {"sigmoid", Function::sigmoid},
                                        {"tanh", Function::tanh},
                                        {"softplus", Function::softplus},
                                        {"silu", Function::silu},
                                        {"gelu", Function::gelu},
                                        {"mish", Function::mish},
                                        {"identity", Function::identity},
                                        {"gaussian", Function::gaussian},
                                        {"one-minus-sigmoid", Function::one_minus_sigmoid},
                                        {"step", Function::step},
                                        {"half-step", Function::half_step},
                                        {"sign", Function::sign}}};

}  // namespace

Activation read_activation(const Value& node) {
  const Value function = node.at("function");
  const std::string name = function.text();
  for (const Entry& entry : kNames) {
    if (name != entry.name) continue;
    Activation f{entry.function, 1, name};
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

bool piecewise_linear(Function f) {
  return f == Function::relu || f == Function::leaky_relu || f == Function::identity;
}
bool is_step(Function f) { return f == Function::step || f == Function::half_step || f == Function::sign; }

}  // namespace widecheck
