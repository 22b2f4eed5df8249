#include <fmt/format.h>
#include <widecert/certificate/model_json.h>
#include <widecert/number/error.h>

#include <nlohmann/json.hpp>

#include "proofs/output.h"
#include "proofs/paths/chords.h"
#include "proofs/paths/paths.h"

namespace widecert {
namespace {

constexpr std::size_t kFewCells = 16, kMostCells = 1024;
constexpr double kCloseness = 0.01;  // of the bound to the largest value that is seen

struct Asked {
  std::size_t output;
  ConvexLossSpec loss;
  PointSpec from;
  std::vector<PointSpec> corners;
  std::optional<Rational> level;
};

Outcome prove(const Instance& instance, const Asked& asked, const Options& options) {
  const Architecture& network = instance.network;
  const ConvexLoss loss(asked.loss, instance.data.size(), network.node(asked.output).width);
  const std::size_t count = asked.corners.size();
  std::vector<PointSpec> points{asked.from};
  for (const PointSpec& corner : asked.corners) {
    points.push_back(points.back());
    for (const auto& [name, tensors] : corner) points.back()[name] = tensors;
  }
  const auto chords = [&](std::size_t k) {
    return Chords(network, asked.output, points[k], points[k + 1], instance.data);
  };
  // What coarse grids show of all pieces says how close the bound of each has to be.
  double shown = 0;
  for (std::size_t k = 0; k < count; ++k) {
    options.progress("pieces, at a few points", k, count);
    const Chords piece = chords(k);
    if (!piece.obstacle().empty()) return not_applicable("no-chords", piece.obstacle());
    shown = std::max(shown, piece(loss, kFewCells).sampled);
  }
  double level = asked.level ? asked.level->convert_to<double>() : shown * (1 + kCloseness);
  std::vector<Value> pieces;
  double bound = 0;
  std::size_t cells = 0;
  for (std::size_t k = 0; k < count; ++k) {
    options.progress("pieces", k, count);
    const Chords piece = chords(k);
    auto enough = fewest_cells(piece, loss, level, kMostCells);
    if (!enough && !asked.level) {  // it is higher between those points
      level = piece(loss, kMostCells).bound * (1 + kCloseness);
      enough = fewest_cells(piece, loss, level, kMostCells);
    }
    if (!enough)
      return undecided("level",
                       fmt::format("on piece {} of {} no {} cells show that Phi stays below {:.6g}; its values "
                                   "at a few points of all pieces are at most {:.6g}",
                                   k + 1, count, kMostCells, level, shown));
    pieces.push_back(Value::object({{"cells", enough->cells}, {"bits", enough->bits}}));
    bound = std::max(bound, enough->bound.bound);
    shown = std::max(shown, enough->bound.sampled);
    cells += enough->cells;
  }
  const Rational known = asked.level ? *asked.level : short_upper_bound(exactly(bound * (1 + 1e-6) + 1e-9), 20);
  Keys keys{{"output", network.node(asked.output).name}, {"loss", loss_key(asked.loss)}};
  if (asked.loss.targets) keys.emplace_back("targets", *asked.loss.targets);
  keys.emplace_back("from", asked.from);
  keys.emplace_back("corners", asked.corners);
  keys.emplace_back("level", known);
  Outcome outcome = proved(fmt::format("{} pieces, {} cells: Phi is at most {:.6g}; the largest that the ends of cells "
                                       "show is {:.6g}",
                                       count, cells, known.convert_to<double>(), shown),
                           {{Claim("max-loss-on-path", keys), Proof("chords", {{"pieces", pieces}})}});
  outcome.numbers = {{"level", known}};
  return outcome;
}

}  // namespace

Theorem theorems::polygon() {
  return {
      .id = "polygon",
      .title = "An upper bound of the loss on a polygon of parameters, for layers of any widths",
      .source = "here (mode connectivity, certified)",
      .statement =
          "Between neighbouring points of a grid every value is held as a chord with a radius: of second order in "
          "the length of a cell, also where several layers move at once. A convex loss of outputs is on a cell at most "
          "the larger of its values at the ends, raised by the radius. The bound holds on the whole polygon, not at "
          "sampled points.",
      .hypotheses = {"continuous activations, piecewise linear or with a Lipschitz derivative; no condition on widths"},
      .claims = {"max-loss-on-path"},
      .rules = {"chords"},
      .reasons = {"level", "no-chords"},
      .keys = {kOutputKey,
               kTargetsKey,
               kConvexLossKey,
               {"from", "the first point: tensors of the linear nodes up to the output"},
               {"corners", "the next points, in order: for each, the tensors of the layers that change"},
               {"level", "a level of Phi; what the bound comes to if absent"}},
      .numbers = {{"level", Side::above}},
      .read = [](const Entry& entry) -> Prover {
        Asked asked{read_output(entry), read_convex_loss(entry), read_point(entry.json.get("from")), {}, {}};
        const JsonReader corners = entry.json.get("corners");
        for (const JsonReader& corner : corners.list()) asked.corners.push_back(read_point(corner));
        if (asked.corners.empty()) corners.fail("one point or more");
        if (const auto level = entry.json.find("level")) asked.level = level->rational();
        return [asked](const Instance& instance, const Options& options) { return prove(instance, asked, options); };
      }};
}

}  // namespace widecert
