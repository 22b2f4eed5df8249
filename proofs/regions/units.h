// A network as units: every unit reads an affine form of inputs and of units before it, and applies a function.
#pragma once

#include <widecert/network/point_parameters.h>

#include <utility>
#include <vector>

namespace widecert {

// Sources are numbered: the inputs first, then the units layer by layer.
struct Units {
  struct Row {
    std::vector<std::pair<std::size_t, Rational>> terms;  // of sources, by increasing number, none 0
    Rational constant = 0;
  };
  struct Layer {
    Activation function;
    std::size_t first;  // the number of its first unit as a source
    std::vector<Row> rows;
  };
  std::size_t inputs = 0;
  std::vector<Layer> layers;  // the last one is the output, which applies the identity

  std::size_t sources() const { return layers.back().first; }
  std::size_t outputs() const { return layers.back().rows.size(); }
};

// Up to `output`; identities, averages, sums, concatenations and norms are parts of the forms. Throws InputError for
// max pooling, and as parameters_at().
Units units_of(const Architecture& network, const PointSpec& point, std::size_t output);
// a row + b row.
Units::Row combination(const Rational& a, const Units::Row& x, const Rational& b, const Units::Row& y);

}  // namespace widecert
