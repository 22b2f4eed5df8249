#include "path_files.h"

#include <fmt/format.h>
#include <widecert/certificate/atomic_file.h>
#include <widecert/certificate/model_json.h>
#include <widecert/data/npy.h>
#include <widecert/data/zip_file.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "chart.h"
#include "proofs/paths/chords.h"

namespace widecert::tool {
namespace {

NodeTensors tensors(JsonReader in) {
  NodeTensors out;
  out.weights = read_tensor(in.get("weights"));
  if (const auto bias = in.find("bias")) out.bias = read_tensor(*bias);
  return out;
}

}  // namespace

Path read_path(const Outcome& outcome, const PointSpec& from, const std::string& output, const std::string& claim) {
  Path path{{from}, {}};
  const Json proof = outcome.findings.front().proof.json();
  for (const Json& move : proof.at("moves")) {
    JsonReader in(move, claim);
    const std::string kind = in.get("move").text();
    PointSpec next = path.points.back();
    if (kind == "straight") {
      JsonReader layers = in.get("layers");
      for (const std::string& name : layers.keys()) next[name] = tensors(layers.get(name.c_str()));
    } else {
      next[kind == "top" ? output : in.get("layer").text()] = tensors(in);
    }
    path.points.push_back(std::move(next));
    path.constant.push_back(kind != "top" && kind != "straight");
  }
  return path;
}

void write_way_points(const std::string& file, const Path& path, const Architecture& network, std::size_t output) {
  std::map<std::string, std::string> members;
  for (std::size_t k = 0; k < path.points.size(); ++k) {
    for (std::size_t i : linear_nodes(network, output)) {
      const auto found = path.points[k].find(network.node(i).name);
      if (found == path.points[k].end()) continue;
      const auto put = [&](const TensorSpec& spec, const TensorShape& shape, const char* what) {
        std::string bytes;
        std::size_t rows = 0, columns = 0;
        for (const auto& row : expand(spec, shape, what)) {
          ++rows;
          columns = row.size();
          for (const Rational& v : row) {
            const auto value = v.convert_to<double>();
            bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
          }
        }
        members[fmt::format("{}.{}.{}.npy", k, network.node(i).name, what)] = npy_bytes("<f8", {rows, columns}, bytes);
      };
      if (found->second.weights) put(*found->second.weights, network.weights_shape(i), "weight");
      if (found->second.bias) put(*found->second.bias, network.bias_shape(i), "bias");
    }
  }
  write_zip(file, members);
}

void draw_profile(const std::string& file, const Instance& instance, const Path& path, std::size_t output,
                  const ConvexLossSpec& spec, const Level& level, const std::string& across) {
  const ConvexLoss loss(spec, instance.data.size(), instance.network.node(output).width);
  constexpr std::size_t kCells = 32;
  std::vector<std::pair<double, double>> line{{0, loss.phi(outputs_at(instance, path.points.front(), output))}};
  for (std::size_t k = 0; k < path.constant.size(); ++k) {
    const auto x = static_cast<double>(k);
    if (path.constant[k]) {
      line.emplace_back(x + 1, line.back().second);
      continue;
    }
    const Chords chords(instance.network, output, path.points[k], path.points[k + 1], instance.data);
    // More points where that is all there is.
    const std::size_t cells = path.constant.size() == 1 ? 16 * kCells : kCells;
    const auto profile = chords(loss, cells).profile;
    for (std::size_t p = 0; p < profile.size(); ++p)
      line.emplace_back(x + static_cast<double>(p) / static_cast<double>(cells), profile[p]);
  }
  double low = level.at, high = level.at;
  for (const auto& [x, y] : line) {
    low = std::min(low, y);
    high = std::max(high, y);
  }
  const bool log = low > 0 && high / low > 50 && !level.moat;
  if (level.moat || high - low < high / 1000) low = 0;
  const Chart chart(axis(0, static_cast<double>(path.constant.size()), false),
                    axis(low, high == low ? low + 1 : high, log));
  std::string svg = chart.frame(across, spec.kind + " loss, sum over the samples");
  const double y = chart.y.at(level.at);
  std::string points;
  for (const auto& [x, v] : line)
    points += fmt::format("{:.1f},{:.1f} ", chart.x.at(x), chart.y.at(log ? std::max(v, low) : v));
  svg += fmt::format(
      "<line x1=\"{0:.1f}\" x2=\"{1:.1f}\" y1=\"{2:.1f}\" y2=\"{2:.1f}\" stroke=\"#c0392b\" stroke-dasharray=\"5 4\"/>"
      "<polyline points=\"{3}\" fill=\"none\" stroke=\"{4}\" stroke-width=\"2\"/>"
      "<text x=\"{1:.1f}\" y=\"{5:.1f}\" fill=\"#c0392b\" text-anchor=\"end\" paint-order=\"stroke\" stroke=\"white\" "
      "stroke-width=\"4\">{6}</text></svg>\n",
      chart.left(), chart.right(), y, points, chart_colour(0), level.moat ? y + 16 : y - 6, level.words);
  write_atomically(file, svg);
}

}  // namespace widecert::tool
