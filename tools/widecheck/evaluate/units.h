// A network as units: every unit reads an affine form of inputs and of units before it, and applies a function.
#pragma once

#include <map>
#include <utility>
#include <vector>

#include "kernel/network.h"

namespace widecheck {

// Sources are numbered: the inputs first, then the units layer by layer.
struct Units {
  struct Row {
    std::vector<std::pair<std::size_t, mpz_class>> terms;  // of sources, by increasing number, none 0
    mpz_class constant;
  };
  struct Layer {
    Activation function;
    std::size_t first;      // the number of its first unit as a source
    mpz_class divisor = 1;  // of its rows
    std::vector<Row> rows;
  };
  std::size_t inputs = 0;
  std::vector<Layer> layers;  // the last one is the output, which applies the identity
  std::size_t sources() const { return layers.back().first; }
};

// Up to `output`; identities, averages, sums, concatenations and norms are parts of the forms. Pays for itself. Throws
// Rejected("unsupported") for max pooling, Malformed("too-large") beyond 20 million terms or numbers of 65,536 bits.
Units units_of(const Network& network, std::size_t output, const std::map<std::size_t, Parameters>& theta,
               Budget& budget);

// f(x) = f(P x) for P x = sum_k (forms_k x) directions_k, as all rows agree that read inputs, while forms_k
// directions_l is 1 for k = l and 0 else: f is a function of coordinates onto R^r, r the number of directions. Throws
// Rejected("other-inputs"). Pays for itself.
void require_factor(const Units& network, const Tensor& directions, const Tensor& forms, Budget& budget);

}  // namespace widecheck
