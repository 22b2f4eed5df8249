// widecert surface: a loss on a plane through a point of Theta, at the points of a grid, enclosed; of one network, or
// of two side by side.
#include <fmt/format.h>
#include <widecert/certificate/atomic_file.h>
#include <widecert/certificate/model_json.h>
#include <widecert/network/layers_above.h>
#include <widecert/number/error.h>
#include <widecert/number/stream.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "commands.h"
#include "console.h"
#include "enclosed_loss.h"
#include "entry_parameters.h"
#include "surface_figure.h"
#include "trained.h"

namespace widecert::tool {
namespace fs = std::filesystem;
namespace {

constexpr unsigned kDirectionBits = 30;

// theta + s u + t v, u and v of the free weights: each filter of a direction is as long as the filter itself, up to
// rounding to multiples of 2^-30 (Li et al. 2018); biases stay where they are. Exact.
class Plane {
 public:
  Plane(const Architecture& network, const PointSpec& point, std::size_t output, std::uint64_t seed,
        const Rational& extent, std::size_t half)
      : base_(integer_point(network, point, output)), extent_(extent), half_(half) {
    for (const auto& [i, tensors] : base_) {
      const auto& spec = std::get<LinearSpec>(network.node(i).spec);
      if (spec.frozen_weights) continue;
      for (int axis = 0; axis < 2; ++axis)
        directions_[i][axis] = direction(tensors.weights, network.node(i).name, seed, axis);
    }
  }

  // s = extent i / half, t = extent j / half.
  IntegerPoint at(std::int64_t i, std::int64_t j) const {
    IntegerPoint point = base_;
    for (auto& [node, axes] : directions_) {
      IntegerTensor& w = point.at(node).weights;
      // (Theta 2^30 q + D p (i u + j v)) over D 2^30 q, where the extent over `half` is p / q.
      const Rational step = extent_ / half_;
      const Integer scale = denominator(step) << kDirectionBits, factor = numerator(step) * w.divisor;
      const Integer most = w.bound * scale + abs(factor) * half_ * (axes[0].most + axes[1].most);
      const std::vector<std::int64_t>&u = axes[0].entries, &v = axes[1].entries;
      if (w.is_small() && most < Integer(1) << 62) {
        const auto a = scale.convert_to<std::int64_t>(), b = factor.convert_to<std::int64_t>();
        for (std::size_t k = 0; k < u.size(); ++k) w.small[k] = w.small[k] * a + b * (i * u[k] + j * v[k]);
      } else {
        if (w.is_small()) w.large.assign(w.small.begin(), w.small.end());
        w.small.clear();
        for (std::size_t k = 0; k < u.size(); ++k)
          w.large[k] = w.large[k] * scale + factor * (Integer(i) * u[k] + Integer(j) * v[k]);
      }
      w.bound = most;
      w.divisor *= scale;
    }
    return point;
  }

 private:
  struct Direction {
    std::vector<std::int64_t> entries;  // over 2^30
    Integer most = 0;
  };
  static Direction direction(const IntegerTensor& weights, const std::string& name, std::uint64_t seed, int axis) {
    constexpr std::int64_t kRange = 1 << 20;
    SeededIntegers integers("tensor", seed, fmt::format("{}.direction{}", name, axis + 1), -kRange, kRange);
    Direction direction;
    std::size_t entry = 0, row = 0;
    for (std::size_t length : weights.shape) {
      double square = 0, drawn_square = 0;
      std::vector<double> drawn;
      for (std::size_t c = 0; c < length; ++c, ++entry) {
        const double w = quotient_near(weights.at(entry), weights.divisor);
        drawn.push_back(static_cast<double>(integers.at(row, c)));
        square += w * w;
        drawn_square += drawn.back() * drawn.back();
      }
      const double scale = drawn_square > 0 ? std::ldexp(std::sqrt(square / drawn_square), kDirectionBits) : 0;
      if (!(scale * kRange < 0x1p62)) throw InputError("layer \"" + name + "\": weights too large for a direction");
      for (double d : drawn) {
        direction.entries.push_back(std::llround(d * scale));
        direction.most = std::max(direction.most, Integer(std::abs(direction.entries.back())));
      }
      ++row;
    }
    return direction;
  }

  IntegerPoint base_;
  Rational extent_;
  std::size_t half_;
  std::map<std::size_t, std::array<Direction, 2>> directions_;
};

// The loss of a case on the plane.
struct Surface {
  std::string name, title, loss, labels;
  std::vector<Enclosure> values;  // t by t upward
};
Surface surface_of(const std::string& path, const SurfaceOptions& options, const Rational& extent,
                   const Common& common) {
  const CaseFile file = read_case(path);
  std::size_t node = 0;
  const PointSpec point = parameters_of_entry(file, options.entry, node);
  const std::size_t output = last_linear(file.network);
  const LabelledLoss loss(file, path, file.network, output, options, file.folder);
  const Dataset& data = loss.instance.data;
  const EnclosedLoss phi(loss.spec, data.size(), file.network.node(output).width);
  const std::size_t side = 2 * options.half + 1;
  const Plane plane(file.network, point, output, common.seed, extent, options.half);
  Surface surface{file.name, file.title, loss.name, loss.labels, {}};
  const auto half = static_cast<std::int64_t>(options.half);
  ProgressBar bar(common.console);
  for (std::int64_t j = -half; j <= half; ++j) {
    for (std::int64_t i = -half; i <= half; ++i) {
      bar.update(file.name, surface.values.size(), side * side);
      const EnclosedForward forward(file.network, plane.at(i, j), output, data);
      surface.values.push_back(phi(forward(0, data.size())));
    }
  }
  return surface;
}

}  // namespace

int run_surface(const Common& common, const SurfaceOptions& options) {
  const Rational extent = parse_rational(options.extent);
  if (extent <= 0) throw InputError("--extent " + options.extent + ": expected a positive number");
  const fs::path output(options.output);
  if (output.extension() != ".svg") throw InputError(options.output + ": expected a name that ends in .svg");
  std::vector<Surface> surfaces;
  for (const std::string& path : options.cases) surfaces.push_back(surface_of(path, options, extent, common));

  const std::size_t side = 2 * options.half + 1;
  const std::string scope = fmt::format(
      "theta + s u + t v, s and t from -{0} to {0}; u, v random (seed {1}), each filter as long as theta's; biases "
      "stay",
      options.extent, common.seed);
  SurfaceFigure figure{side, extent.convert_to<double>(), {}, {scope}};
  std::string table = "case,s,t,at_least,at_most\n";
  Json rows = Json::array();
  for (const Surface& surface : surfaces) {
    SurfacePanel panel{surface.title, {}};
    double widest = 0, least = std::numeric_limits<double>::infinity(), most = -least, at_centre = 0;
    std::size_t unknown = 0;
    for (std::size_t k = 0; k < surface.values.size(); ++k) {
      const Enclosure& v = surface.values[k];
      const auto coordinate = [&](std::size_t at) {
        return to_string(Rational(extent * (static_cast<std::int64_t>(at) - static_cast<std::int64_t>(options.half)) /
                                  options.half));
      };
      table += fmt::format("{},{},{},{},{}\n", surface.name, coordinate(k % side), coordinate(k / side),
                           std::isfinite(v.low) ? decimal_below(exactly(v.low), 17) : "-inf",
                           std::isfinite(v.high) ? decimal_above(exactly(v.high), 17) : "inf");
      panel.values.push_back(v.low / 2 + v.high / 2);
      if (!std::isfinite(v.low)) {
        ++unknown;
        continue;
      }
      widest = std::max(widest, v.high - v.low);
      least = std::min(least, v.low);
      most = std::max(most, v.high);
      if (k == side * side / 2) at_centre = panel.values.back();
    }
    rows.push_back({{"case", surface.name},
                    {"loss", surface.loss},
                    {"labels", surface.labels},
                    {"least", least},
                    {"most", most},
                    {"centre", at_centre},
                    {"widest_enclosure", widest},
                    {"unknown", unknown}});
    const std::string summed = fmt::format("{}, a sum over the samples; classes from {}", surface.loss, surface.labels);
    if (std::find(figure.captions.begin(), figure.captions.end(), summed) == figure.captions.end())
      figure.captions.push_back(summed);  // holds for what follows
    figure.captions.push_back(fmt::format(
        "{}: Phi from {:.5g} to {:.5g}, {:.5g} in the middle; enclosures of at most {:.2g}{}", surface.title, least,
        most, at_centre, widest, unknown == 0 ? "" : fmt::format("; {} points without one, grey", unknown)));
    figure.panels.push_back(std::move(panel));
  }
  figure.captions.push_back(
      "values at the grid's points are enclosed; colours and contours between them are a drawing");
  if (output.has_parent_path()) fs::create_directories(output.parent_path());
  const std::string values = fs::path(output).replace_extension(".csv").string();
  write_atomically(values, table);
  write_atomically(options.output, draw_surface(figure));
  begin_to_end();
  if (common.json) {
    fmt::print("{}", to_text(Json{{"picture", options.output},
                                  {"values", values},
                                  {"scope", scope},
                                  {"points", side * side},
                                  {"surfaces", rows}}));
    return kProved;
  }
  for (const std::string& caption : figure.captions) fmt::print("{}\n", caption);
  fmt::print("picture: {}\nvalues:  {} (at least, at most; in doubles with error bounds, not a claim for widecheck)\n",
             options.output, values);
  return kProved;
}

}  // namespace widecert::tool
