// A path that is being written down: the layers that move, their tensors now, and the moves that have led there. What
// the checker demands of a move is not tested here, but of straight ones.
#pragma once

#include "proofs/paths/chords.h"
#include "proofs/paths/convex_loss.h"
#include "proofs/valleys/dense_layers.h"

namespace widecert {

// The tensors of a dense layer: a row for each unit; no bias where the layer has none.
struct DenseTensors {
  Tensor weights;
  std::vector<Rational> bias;
  bool operator==(const DenseTensors&) const = default;
};

class Walk {
 public:
  // Layers 1, ..., L are those from the lowest one that differs between the points up to the output; the two uppermost
  // ones where `to` is absent. Throws Outcome where they are no dense layers with activations between, or not free.
  Walk(const Instance& instance, std::size_t output, const PointSpec& from, const std::optional<PointSpec>& to,
       const Options& options);

  const DenseLayers& dense() const { return dense_; }
  std::size_t layers() const { return dense_.layers(); }
  std::size_t width(std::size_t l) const { return dense_.width(l); }
  const DenseTensors& now(std::size_t l) const { return now_[l - 1]; }
  const DenseTensors& end(std::size_t l) const { return end_[l - 1]; }
  const PointSpec& point() const { return point_; }
  // F_l, or G_L for l = L, in doubles: at a point, now.
  Eigen::MatrixXd values(std::size_t l, const PointSpec& point) const;
  Eigen::MatrixXd values(std::size_t l) const { return values(l, point_); }
  // Values and loss are rational: Phi is known exactly.
  bool rational(const ConvexLossSpec& loss) const;
  // A short number a little above a value of Phi in doubles; 0 stays 0 where it is exact.
  Rational above(double phi, const ConvexLossSpec& loss) const;
  std::size_t moves() const { return moves_.size(); }

  void top(DenseTensors next) { put("top", layers(), std::move(next)); }
  void unused(std::size_t l, DenseTensors next) { put("unused", l, std::move(next)); }
  // All layers get these tensors, or one of them does. Nothing is done, and false is returned, where so many cells do
  // not show that Phi stays below the level.
  bool straight(const std::vector<DenseTensors>& next, const ConvexLoss& loss, double level, std::size_t most_cells);
  bool straight(std::size_t l, DenseTensors next, const ConvexLoss& loss, double level, std::size_t most_cells);

  // The moves so far, as the proof of a claim about the first point, its loss and what else is said.
  Outcome claim(const std::string& text, const char* kind, const ConvexLossSpec& loss, const Keys& rest);

 private:
  static DenseLayers differing(const Instance& instance, std::size_t output, const PointSpec& from,
                               const std::optional<PointSpec>& to);
  DenseTensors read(std::size_t l, const PointSpec& point) const;
  NodeTensors spec(std::size_t l, const DenseTensors& tensors);
  Keys written(std::size_t l, const DenseTensors& tensors);  // in a move
  void put(const char* move, std::size_t l, DenseTensors next);
  void set(std::size_t l, DenseTensors next);

  const Instance& instance_;
  const Options& options_;
  std::size_t output_;
  DenseLayers dense_;
  PointSpec from_, point_;
  std::optional<PointSpec> to_;
  std::vector<DenseTensors> now_, end_;
  std::vector<Value> moves_;
  std::vector<Attachment> files_;
};

}  // namespace widecert
