#include "loss_figures.h"

#include <fmt/format.h>
#include <widecert/certificate/model_json.h>
#include <widecert/linalg/matrix.h>
#include <widecert/network/ln2_values.h>
#include <widecert/number/stream.h>

#include <Eigen/QR>
#include <algorithm>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>

#include "chart.h"
#include "markup.h"

namespace widecert::tool {
namespace {

using Mat = Matrix<double>;
using Point = Parameters<double>;

Point in_doubles(const Architecture& network, const PointSpec& spec, std::size_t output) {
  return transformed(ln2_parameters(network, spec, output), [](const Ln2& v) { return v.near_double(); });
}

// Of the entries that may move: f(value, the same entry of another point).
template <class Visit>
void for_each_free(const Architecture& network, Point& point, const Point& other, Visit visit) {
  for (auto& [i, tensors] : point) {
    const auto& spec = std::get<LinearSpec>(network.node(i).spec);
    for (std::size_t r = 0; !spec.frozen_weights && r < tensors.weights.size(); ++r)
      for (std::size_t c = 0; c < tensors.weights[r].size(); ++c)
        visit(tensors.weights[r][c], other.at(i).weights[r][c]);
    for (std::size_t k = 0; spec.free_bias() && k < tensors.bias.size(); ++k)
      visit(tensors.bias[k], other.at(i).bias[k]);
  }
}

Point moved(const Architecture& network, const Point& from, const Point& direction, double t) {
  Point to = from;
  for_each_free(network, to, direction, [&](double& v, double d) { v += t * d; });
  return to;
}

class Scene {
 public:
  Scene(const Architecture& network, const Dataset& data, std::size_t output, const Tensor& targets)
      : network_(network), output_(output), targets_(static_cast<Eigen::Index>(data.size()), 0) {
    targets_.resize(static_cast<Eigen::Index>(data.size()), static_cast<Eigen::Index>(network.node(output).width));
    for (std::size_t i = 0; i < data.size(); ++i) {
      auto& x = inputs_.emplace_back();
      for (const Rational& v : data.sample(i)) x.push_back(v.convert_to<double>());
      for (std::size_t h = 0; h < network.node(output).width; ++h)
        targets_(static_cast<Eigen::Index>(i), static_cast<Eigen::Index>(h)) = targets[i][h].convert_to<double>();
    }
  }

  Mat values(const Point& point, std::size_t node) const {
    Mat out(static_cast<Eigen::Index>(inputs_.size()), static_cast<Eigen::Index>(network_.node(node).width));
    for (std::size_t i = 0; i < inputs_.size(); ++i) {
      const auto row = node_value(network_, point, inputs_[i], node);
      for (std::size_t h = 0; h < row.size(); ++h)
        out(static_cast<Eigen::Index>(i), static_cast<Eigen::Index>(h)) = row[h];
    }
    return out;
  }
  double loss(const Point& point) const { return (values(point, output_) - targets_).squaredNorm() / 2; }
  const Mat& targets() const { return targets_; }
  // Products of one evaluation of the loss.
  double work(const Point& point) const {
    double weights = 0;
    for (const auto& [i, tensors] : point) {
      const Node& node = network_.node(i);
      std::vector<std::int64_t> entries;
      node.patches->expand(0, entries);
      weights += static_cast<double>(entries.size()) * static_cast<double>(node.width);
    }
    return weights * static_cast<double>(inputs_.size());
  }

 private:
  const Architecture& network_;
  std::size_t output_;
  std::vector<std::vector<double>> inputs_;
  Mat targets_;
};

struct Line {
  std::string name;
  bool bold = false;
  std::vector<std::pair<double, double>> points = {};
};

std::string lines_figure(const std::vector<Line>& lines, const std::string& across,
                         const std::vector<std::pair<double, double>>& marks, double shaded) {
  double x_low = HUGE_VAL, x_high = -HUGE_VAL, y_low = HUGE_VAL, y_high = -HUGE_VAL;
  for (const Line& line : lines) {
    for (const auto& [x, y] : line.points) {
      if (!std::isfinite(y)) continue;
      x_low = std::min(x_low, x);
      x_high = std::max(x_high, x);
      y_low = std::min(y_low, y);
      y_high = std::max(y_high, y);
    }
  }
  if (!(x_low < x_high)) return "";
  const Chart chart(axis(x_low, x_high, false), axis(y_low, y_high, false));
  std::string svg = chart.frame(across, "Phi");
  if (shaded > 0) {
    svg += fmt::format(
        "<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\" fill=\"#2f7d4f\" opacity=\"0.12\"/>",
        chart.x.at(-shaded), chart.top(), chart.x.at(shaded) - chart.x.at(-shaded), chart.bottom() - chart.top());
  }
  double legend = chart.left();
  for (std::size_t k = 0; k < lines.size(); ++k) {
    std::string path;
    for (const auto& [x, y] : lines[k].points)
      if (std::isfinite(y)) path += fmt::format("{:.1f},{:.1f} ", chart.x.at(x), chart.y.at(y));
    svg += fmt::format("<polyline points=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"{}\"/>", path,
                       chart_colour(k), lines[k].bold ? 3 : 1.5);
    svg += fmt::format(
        "<rect x=\"{:.1f}\" y=\"10\" width=\"11\" height=\"11\" fill=\"{}\"/><text x=\"{:.1f}\" y=\"20\">{}</text>",
        legend, chart_colour(k), legend + 16, escape_markup(lines[k].name));
    legend += 30 + 7.0 * static_cast<double>(lines[k].name.size());
  }
  for (const auto& [x, y] : marks) {
    svg += fmt::format(
        "<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"5\" fill=\"#222\"><title>Phi = {:.8g}</title></circle>"
        "<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"middle\" font-weight=\"600\">{:.6g}</text>",
        chart.x.at(x), chart.y.at(y), y, std::clamp(chart.x.at(x), chart.left() + 30, chart.right() - 30),
        chart.y.at(y) - 10, y);
  }
  return svg + "</svg>";
}

// A step of the output layer that leaves the outputs as they are: columns of the kernel of [F_{L-1}, 1].
std::optional<Point> plateau(const Architecture& network, const Scene& scene, const Point& point, std::size_t output,
                             Point direction) {
  const Node& node = network.node(output);
  const auto* linear = std::get_if<LinearSpec>(&node.spec);
  if (linear == nullptr || !network.is_dense(output) || linear->frozen_weights) return std::nullopt;
  const Mat f = scene.values(point, node.inputs[0]);
  const bool bias = linear->free_bias();
  Mat e(f.rows(), f.cols() + (bias ? 1 : 0));
  e.leftCols(f.cols()) = f;
  if (bias) e.rightCols(1).setOnes();
  const Eigen::CompleteOrthogonalDecomposition<Eigen::MatrixXd> inverse{Eigen::MatrixXd(e)};
  double most = 0;
  for (auto& [i, tensors] : direction) {
    if (i == output) continue;
    for (auto& row : tensors.weights) std::fill(row.begin(), row.end(), 0.0);
    std::fill(tensors.bias.begin(), tensors.bias.end(), 0.0);
  }
  LinearParameters<double>& top = direction.at(output);
  for (std::size_t h = 0; h < node.width; ++h) {
    Eigen::VectorXd v(e.cols());
    for (Eigen::Index j = 0; j < f.cols(); ++j) v(j) = top.weights[h][static_cast<std::size_t>(j)];
    if (bias) v(e.cols() - 1) = top.bias[network.bias_index(output, h)];
    v -= inverse.solve(Eigen::VectorXd(Eigen::MatrixXd(e) * v));
    for (Eigen::Index j = 0; j < f.cols(); ++j) top.weights[h][static_cast<std::size_t>(j)] = v(j);
    if (bias) top.bias[network.bias_index(output, h)] = v(e.cols() - 1);
    most = std::max(most, v.cwiseAbs().maxCoeff());
  }
  if (most < 1e-6) return std::nullopt;
  for (auto& row : top.weights)
    for (double& v : row) v /= most;
  for (double& v : top.bias) v /= most;
  return direction;
}

constexpr std::size_t kPoints = 61, kDirections = 3;
constexpr double kMostWork = 4e9;

std::string minimum_section(const Architecture& network, const Scene& scene, const Point& at, std::size_t output,
                            double radius, const std::optional<Point>& better) {
  std::string html = "<h2>The loss around the local minimum</h2>";
  const auto along = [&](const Point& direction, double from, double to, Line line) {
    for (std::size_t k = 0; k < kPoints; ++k) {
      const double t = from + (to - from) * static_cast<double>(k) / (kPoints - 1);
      line.points.emplace_back(t, scene.loss(moved(network, at, direction, t)));
    }
    return line;
  };
  const double here = scene.loss(at);
  std::vector<Line> lines;
  SeededIntegers random("figure", 1, "direction", -1'000'000, 1'000'000);
  Point direction = at;
  for (std::size_t d = 0; d <= kDirections; ++d) {
    std::uint64_t entry = 0;
    for_each_free(network, direction, at,
                  [&](double& v, double) { v = static_cast<double>(random.at(d, entry++)) / 1e6; });
    if (d < kDirections) {
      lines.push_back(along(direction, -3 * radius, 3 * radius, {fmt::format("random direction {}", d + 1)}));
    } else if (const auto flat = plateau(network, scene, at, output, direction)) {
      lines.push_back(along(*flat, -3 * radius, 3 * radius, {"plateau", true}));
    }
  }
  html += "<div class=\"row\"><figure class=\"chart\">" +
          lines_figure(lines, "distance along a direction of sup norm 1", {{0, here}}, radius) +
          "<figcaption>Green: where it is proved that Phi is nowhere smaller, whatever the direction. On the plateau "
          "weights of the output layer move without changing an output.</figcaption></figure>";
  if (better) {
    Point direction_there = *better;
    for_each_free(network, direction_there, at, [](double& v, double from) { v -= from; });
    html +=
        "<figure class=\"chart\">" +
        lines_figure({along(direction_there, 0, 1, {"on the way to the better point", true})},
                     "from the local minimum (0) to the better point (1)", {{0, here}, {1, scene.loss(*better)}}, 0) +
        "<figcaption>Both ends are in the claim; the checker computed their losses exactly.</figcaption></figure>";
  } else {
    html += "<p>Zero loss exists; its parameters are not written down in the claim, and not drawn.</p>";
  }
  return html + "</div><p><small>Lines are drawn in floating point.</small></p>";
}

// Means of the outputs by class as a map of shades.
std::string class_map(const std::string& title, const Mat& values, const std::vector<std::size_t>& class_of,
                      std::size_t classes, double low, double high) {
  constexpr double kCell = 38, kLeft = 66, kTop = 46;
  const auto outputs = static_cast<std::size_t>(values.cols());
  const double width = kLeft + kCell * static_cast<double>(outputs) + 8,
               height = kTop + kCell * 0.6 * static_cast<double>(classes) + 8;
  std::string svg = fmt::format(
      "<svg width=\"{0}\" height=\"{1}\" viewBox=\"0 0 {0} {1}\" role=\"img\" aria-label=\"{2}\"><text x=\"{3}\" "
      "y=\"14\" "
      "class=\"bold\">{2}</text>",
      width, height, escape_markup(title), kLeft);
  for (std::size_t j = 0; j < outputs; ++j) {
    svg += fmt::format("<text x=\"{:.1f}\" y=\"36\" text-anchor=\"middle\">{}</text>",
                       kLeft + kCell * (static_cast<double>(j) + 0.5), j);
  }
  for (std::size_t c = 0; c < classes; ++c) {
    const double y = kTop + kCell * 0.6 * static_cast<double>(c);
    svg += fmt::format("<text x=\"{}\" y=\"{:.1f}\" text-anchor=\"end\">class {}</text>", kLeft - 6, y + 17, c);
    for (std::size_t j = 0; j < outputs; ++j) {
      double sum = 0, least = HUGE_VAL, most = -HUGE_VAL, count = 0;
      for (std::size_t i = 0; i < class_of.size(); ++i) {
        if (class_of[i] != c) continue;
        const double v = values(static_cast<Eigen::Index>(i), static_cast<Eigen::Index>(j));
        sum += v;
        ++count;
        least = std::min(least, v);
        most = std::max(most, v);
      }
      const double mean = sum / count, shade = std::clamp(high > low ? (mean - low) / (high - low) : 0.5, 0.0, 1.0);
      const double x = kLeft + kCell * static_cast<double>(j);
      svg += fmt::format(
          "<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{}\" height=\"{:.1f}\" fill=\"#2b5d8a\" fill-opacity=\"{:.3f}\" "
          "stroke=\"#ddd\"><title>class {}, output {}: {:.6g} to {:.6g}, mean {:.6g}</title></rect>"
          "<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"middle\" fill=\"{}\">{:.2g}</text>",
          x, y, kCell, kCell * 0.6, shade, c, j, least, most, mean, x + kCell / 2, y + 17,
          shade > 0.6 ? "#fff" : "#222", std::abs(mean) < 5e-4 ? 0.0 : mean);
    }
  }
  return svg + "</svg>";
}

std::string classes_section(const Scene& scene, const Mat& values, bool exactly) {
  const Mat& y = scene.targets();
  std::map<std::vector<double>, std::size_t> rows;
  std::vector<std::size_t> class_of;
  std::vector<std::vector<double>> order;
  for (Eigen::Index i = 0; i < y.rows(); ++i) {
    const std::vector<double> row(y.row(i).begin(), y.row(i).end());
    if (rows.emplace(row, rows.size()).second) order.push_back(row);
    class_of.push_back(rows.at(row));
  }
  if (rows.size() > 20 || y.cols() > 20 || rows.size() == class_of.size()) return "";
  // By the place of the largest target, as one-hot classes are numbered.
  std::vector<std::size_t> rank(order.size());
  std::vector<std::pair<std::ptrdiff_t, std::size_t>> places;
  for (std::size_t c = 0; c < order.size(); ++c)
    places.emplace_back(std::max_element(order[c].begin(), order[c].end()) - order[c].begin(), c);
  std::sort(places.begin(), places.end());
  for (std::size_t k = 0; k < places.size(); ++k) rank[places[k].second] = k;
  for (std::size_t& c : class_of) c = rank[c];
  const double low = std::min(y.minCoeff(), 0.0), high = std::max(y.maxCoeff(), low + 1e-9);
  const std::string before =
                        exactly ? "at the claim's parameters, in floating point" : "before: at the given parameters",
                    after = exactly ? "Y, which the outputs are exactly" : "after: with the weights that exist near by";
  return fmt::format(
      "<h2>Outputs by class</h2><div class=\"row\">{}{}</div><p><small>Means over the samples of each class (least and "
      "greatest in the tooltip); the largest deviation from Y is {:.3g}{}.</small></p>",
      class_map(before, values, class_of, rows.size(), low, high),
      class_map(after, y, class_of, rows.size(), low, high), (values - y).cwiseAbs().maxCoeff(),
      exactly ? ", all of it rounding" : " before, and 0 after");
}

}  // namespace

std::string loss_sections(const Architecture& network, const Dataset& data, const Claim& claim,
                          const std::string& place, const std::string& folder) {
  const std::string kind = claim.kind();
  const bool minimum = kind == "local-minimum" || kind == "local-minimum-not-global",
             exactly = kind == "zero-loss-at" || kind == "interpolates", nearby = kind == "zero-loss-nearby";
  if (!minimum && !exactly && !nearby) return "";
  JsonReader in(claim.json(), place, folder);
  const std::size_t output = network.index_of(in.get("output").text(), place);
  const Point at = in_doubles(network, read_point(in.get("parameters")), output);
  const Scene scene(network, data, output,
                    expand_targets(read_targets(in.get("targets")), data.size(), network.node(output).width));
  if (!minimum) return scene.work(at) > kMostWork ? "" : classes_section(scene, scene.values(at, output), exactly);
  if (scene.work(at) * kPoints * (kDirections + 2) > kMostWork) return "";
  std::optional<Point> better;
  if (auto given = in.find("better"))
    if (const auto point = given->find("parameters")) better = in_doubles(network, read_point(*point), output);
  return minimum_section(network, scene, at, output, in.get("radius").rational().convert_to<double>(), better);
}

}  // namespace widecert::tool
