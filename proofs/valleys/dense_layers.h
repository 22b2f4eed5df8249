// The dense layers above a node whose values are F_0, up to the output, and the conditions on them that theorems about
// sublevel sets share (Theorem U).
#pragma once

#include <widecert/network/layers_above.h>
#include <widecert/network/point.h>

#include "proofs/prover.h"

namespace widecert {

class DenseLayers {
 public:
  // Layers 1, ..., L; throws Outcome where the nodes above are others, or one of their tensors is frozen.
  DenseLayers(const Instance& instance, std::size_t base, std::size_t output);

  std::size_t layers() const { return above_.linear.size(); }
  std::size_t samples() const { return instance_.data.size(); }
  const Node& linear(std::size_t l) const { return instance_.network.node(above_.linear[l - 1]); }
  // The node whose values are F_l; of l = L the output.
  std::size_t values(std::size_t l) const;
  std::size_t width(std::size_t l) const { return instance_.network.node(values(l)).width; }
  bool has_biases(std::size_t l) const;
  // n_l and 1 for the biases of layer l + 1: the columns of A_l.
  std::size_t columns(std::size_t l) const { return width(l) + (has_biases(l + 1) ? 1 : 0); }
  const Activation& function(std::size_t l) const;

  // Why Theorem U does not hold with layers 1, ..., k wide, with so many columns; k = 0 needs a rank instead.
  // `monotone`: layers below k may be strictly monotone instead.
  std::optional<Outcome> not_wide(std::size_t k, std::size_t columns, bool monotone) const;
  // Why layers k+1, ..., L are not such that every path of outputs can be followed.
  std::optional<Outcome> not_narrowing(std::size_t k) const;
  std::optional<Outcome> too_narrow(std::size_t l, std::size_t columns) const;

 private:
  const Instance& instance_;
  std::size_t base_, output_;
  LayersAbove above_;
};

// rank [F_l, 1] = N where the layer above has biases, or rank F_l = N, at a point: {claim, proof} for a proof, or why
// not. `outer`: the claim of which it will be a part.
struct PointRank {
  Value evidence;
  std::string explanation;
};
std::optional<PointRank> rank_at_point(const Instance& instance, const DenseLayers& layers, std::size_t l,
                                       const PointSpec& point, const Claim& outer, const Options& options,
                                       Outcome& failed);

}  // namespace widecert
