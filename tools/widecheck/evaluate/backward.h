// The backward pass from an output to a layer below it (Lemma H.1): with U_1, ..., U_q the weight
// matrices and G_1, ..., G_q = F_L the pre-activations above a node, D_j = (D_{j+1} U_{j+1}^T) o s'(G_j)
// for a vector D_q on the outputs, one sample at a time.
//
// Vectors are integers over 2^bits with one radius.
#pragma once

#include <functional>
#include <map>
#include <optional>

#include "evaluate/forward.h"
#include "kernel/parameters.h"
#include "kernel/rule.h"

namespace widecheck {

// The layers above a node up to an output: linear and activation by turns, the last one linear.
struct Above {
  std::vector<std::size_t> linear, activation;  // the j-th activation follows the j-th linear node
};
// Throws Rejected("not-a-chain").
Above layers_above(const Context& c, std::size_t node, std::size_t output);

// The exact vector is within radius / 2^bits of v / 2^bits, entry by entry.
struct Approximate {
  std::vector<mpz_class> v;
  mpz_class radius;
};

// What is asked of one sample: its features, its output, and for each activation above its values, s'(G_j), and how
// far G_j is at least from where s has a kink, if it has one.
struct Sample {
  Values features, output;
  std::vector<Values> values;
  std::vector<Approximate> slopes;
  std::vector<std::optional<mpq_class>> off_kinks;
};

class Backward {
 public:
  // At a point of Theta, the layers up to `output`. Pays for the forward pass and the slopes of all samples.
  Backward(const Context& c, std::size_t node, std::size_t output, std::map<std::size_t, Parameters> theta,
           unsigned precision, unsigned bits);

  const Above& above() const { return above_; }
  const std::map<std::size_t, Parameters>& theta() const { return theta_; }
  std::size_t outputs() const { return c_.network.node(output_).width; }
  std::size_t first_width() const { return c_.network.node(above_.linear[0]).width; }

  // Throws Rejected("not-differentiable") where a pre-activation may lie at a kink.
  void for_each(const std::function<void(std::size_t, const Sample&)>& visit) const;
  // D_1, for a vector D_q on the outputs.
  Approximate down(Approximate d, const Sample& sample) const;

 private:
  Approximate slopes(const Activation& f, const Values& g) const;
  Approximate through(std::size_t k, const Approximate& d) const;

  const Context& c_;
  std::size_t node_, output_;
  Above above_;
  unsigned bits_;
  std::map<std::size_t, Parameters> theta_;
  Forward forward_;
  // Of each linear node: the largest row sum of |U|, which a radius grows by; entries of U, words of a weight.
  std::vector<mpz_class> growth_;
  std::vector<Products> products_, weight_words_;
};

}  // namespace widecheck
