#include "ray_figures.h"

#include "proofs/rays/ray_proof.h"

#include <fmt/format.h>
#include <widecert/certificate/model_json.h>
#include <widecert/network/forward.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "markup.h"
#include "picture.h"
#include "proofs/rays/lemma_m.h"

namespace widecert::tool {
namespace {

constexpr std::size_t kPictureSide = 240;  // rows and columns of A(alpha) that are drawn

std::string number(const Rational& value) {
  const std::string exact = to_string(value);
  const std::string about = fmt::format("{:.6g}", value.convert_to<double>());
  return exact == about || exact.size() > 30 ? about : exact + " &approx; " + about;
}

std::string order_figure(const std::vector<std::size_t>& order) {
  const double side = 300;
  const double scale = side / static_cast<double>(order.size());
  const double dot = std::max(1.5, scale);
  std::string path;
  for (std::size_t r = 0; r < order.size(); ++r) {
    path += fmt::format("M{:.1f} {:.1f}h{:.1f}", static_cast<double>(r) * scale,
                        static_cast<double>(order[r]) * scale + dot / 2, dot);
  }
  return fmt::format(
      "<svg viewBox=\"-30 -6 340 340\" class=\"square\" role=\"img\" aria-label=\"the order "
      "gamma\">"
      "<rect x=\"0\" y=\"0\" width=\"{0}\" height=\"{0}\" class=\"frame\"/>"
      "<path d=\"{1}\" stroke-width=\"{2:.1f}\" class=\"dots\"/>"
      "<text x=\"150\" y=\"322\" text-anchor=\"middle\">row j of the matrix</text>"
      "<text transform=\"translate(-8 150) rotate(-90)\" text-anchor=\"middle\">sample "
      "gamma(j)</text></svg>",
      side, path, dot);
}

// alpha z_ij + beta for evenly spaced rows and columns, in double.
struct Samples {
  std::size_t side;
  std::vector<double> z;
  double beta;
};

Samples sample_matrix(const Architecture& network, const Dataset& data, const Ray& ray) {
  const std::size_t target = network.index_of(ray.node);
  const std::size_t map = network.node(target).inputs[0];
  const std::size_t source = network.node(map).inputs[0];
  Parameters<double> below;
  for (const auto& [name, node] : ray.family) {
    const std::size_t i = network.index_of(name);
    if (i == map) continue;
    below[i] = convert_parameters<double>(
        expand(*node.constant.weights, network.weights_shape(i), name),
        node.constant.bias ? expand(*node.constant.bias, network.bias_shape(i), name) : Tensor{});
  }
  const std::string& name = network.node(map).name;
  const NodeFamily& top = ray.family.at(name);
  const Tensor v = expand(*top.slope.weights, network.weights_shape(map), name);
  const Tensor c = expand(*top.slope.bias, network.bias_shape(map), name);
  const Tensor b = expand(*top.constant.bias, network.bias_shape(map), name);
  const auto& f = std::get<ActivationSpec>(network.node(target).spec).function;
  const double sign = f.kind == ActivationKind::one_minus_sigmoid ? -1 : 1;

  const std::size_t neurons = ray.rule == "row-difference-ray" ? ray.order.size() - 1 : ray.order.size();
  Samples s{std::min(neurons, kPictureSide), {}, sign * b[0][0].convert_to<double>()};
  const auto pick = [&](std::size_t k) { return s.side == 1 ? 0 : k * (neurons - 1) / (s.side - 1); };
  const std::size_t of_patch = network.node(map).filters;
  const auto used = used_patches(network.node(map).patches->count(), ray.skipped);
  // Columns: filter and centre as doubles.
  std::vector<std::vector<double>> filters;
  std::vector<std::vector<std::int64_t>> entries;
  std::vector<double> centres;
  for (std::size_t k = 0; k < s.side; ++k) {
    const std::size_t j = used[pick(k) / of_patch] * of_patch + pick(k) % of_patch;
    auto& filter = filters.emplace_back();
    for (const Rational& w : v[network.filter_index(map, j)]) filter.push_back(sign * w.convert_to<double>());
    entries.push_back(network.node(map).patches->entries(j / network.node(map).filters));
    centres.push_back(sign * c[0][network.bias_index(map, j)].convert_to<double>());
  }
  for (std::size_t row = 0; row < s.side; ++row) {
    std::vector<double> x;
    for (const Rational& value : data.sample(ray.order[pick(row)])) {
      x.push_back(value.convert_to<double>());
    }
    const auto features = node_value(network, below, x, source);
    for (std::size_t k = 0; k < s.side; ++k) {
      double z = centres[k];
      for (std::size_t r = 0; r < entries[k].size(); ++r)
        if (entries[k][r] != kPadding) z += filters[k][r] * features[static_cast<std::size_t>(entries[k][r])];
      s.z.push_back(z);
    }
  }
  return s;
}

std::string matrix_picture(const Samples& s, const Activation& f, double alpha) {
  Activation shown = f;
  if (f.kind == ActivationKind::one_minus_sigmoid) shown.kind = ActivationKind::sigmoid;
  const auto entry = [&](double z) {
    const double value = evaluate(shown, alpha * z + s.beta);
    return f.kind == ActivationKind::tanh ? (value + 1) / 2 : std::abs(value);
  };
  std::vector<std::uint8_t> pixels;
  for (std::size_t i = 0; i < s.side; ++i) {
    for (std::size_t j = 0; j < s.side; ++j) {
      // Dark: at least as large as the diagonal entry of its column; white: zero.
      const double diagonal = entry(s.z[j * s.side + j]), value = entry(s.z[i * s.side + j]);
      const double shade = diagonal > 0 ? std::min(1.0, value / diagonal) : value > 0 ? 1.0 : 0.0;
      pixels.push_back(static_cast<std::uint8_t>(255 - std::lround(215 * shade)));
    }
  }
  return png_data_uri(s.side, pixels);
}

std::string matrix_figures(const Architecture& network, const Dataset& data, const Ray& ray) {
  const Samples s = sample_matrix(network, data, ray);
  std::vector<double> below;
  for (std::size_t i = 1; i < s.side; ++i)
    for (std::size_t j = 0; j < i; ++j) below.push_back(std::abs(s.z[i * s.side + j]));
  double typical = 1;
  if (!below.empty()) {
    std::nth_element(below.begin(), below.begin() + static_cast<std::ptrdiff_t>(below.size() / 2), below.end());
    typical = std::max(below[below.size() / 2], 1e-300);
  }
  const double last = ray.alpha_0.convert_to<double>();
  const auto& f = std::get<ActivationSpec>(network.node(network.index_of(ray.node)).spec).function;
  std::string html = "<div class=\"row\">";
  for (double alpha : {0.5 / typical, 5 / typical, 50 / typical, last}) {
    const bool proved = alpha >= last;
    html += fmt::format(
        "<figure><svg viewBox=\"0 0 100 100\" class=\"matrix\"><image width=\"100\" height=\"100\" "
        "style=\"image-rendering:pixelated\" href=\"{}\"/></svg><figcaption>alpha {} {:.3g}{}"
        "</figcaption></figure>",
        matrix_picture(s, f, alpha), proved ? "=" : "&approx;", alpha,
        alpha == last ? " = alpha_0: proved from here on" : "");
  }
  return html + "</div>";
}

}  // namespace

std::optional<Ray> read_ray(const Claim& claim, const Proof& proof, const std::string& place) {
  JsonReader in_claim(claim.json(), place), in_proof(proof.json(), place);
  const std::string kind = claim.kind(), rule = proof.rule();
  const bool on_ray = kind == "independent-on-ray" || kind == "affinely-independent-on-ray";
  if (!on_ray && rule != "from-ray") return std::nullopt;
  JsonReader &family = on_ray ? in_claim : in_proof, evidence = on_ray ? in_proof : in_proof.get("ray");
  if (!evidence.get("order").is_list()) return std::nullopt;
  Ray ray;
  if (const auto skip = evidence.find("skip"))
    for (const JsonReader& patch : skip->list()) ray.skipped.push_back(patch.size());
  ray.node = in_claim.get("node").text();
  ray.alpha_0 = family.get("alpha_0").rational();
  ray.family = read_family(family.get("family"));
  ray.rule = evidence.get("rule").text();
  for (const JsonReader& sample : evidence.get("order").list()) ray.order.push_back(sample.size());
  ray.delta = evidence.get("delta").rational();
  const auto diagonal = evidence.get("diagonal").list();
  if (diagonal.size() != 2) evidence.get("diagonal").fail("[low, high]");
  ray.diagonal_low = diagonal[0].rational();
  ray.diagonal_high = diagonal[1].rational();
  ray.upper = evidence.get("upper").rational();
  return ray;
}

std::string ray_sections(const Architecture& network, const Dataset& data, const Ray& ray) {
  const bool row_difference = ray.rule == "row-difference-ray";
  std::string html;
  const auto& f = std::get<ActivationSpec>(network.node(network.index_of(ray.node)).spec).function;
  html += fmt::format(
      "<h2>Layer {}: the samples in order</h2><p>Neuron j belongs to the sample gamma(j) on "
      "which its filter "
      "is smallest among the samples not used before. Rows of F in this order make the matrix "
      "triangular "
      "as alpha grows.</p>{}",
      escape_markup(ray.node), order_figure(ray.order));
  html += fmt::format(
      "<h2>The matrix A(alpha) for growing alpha</h2><p>A<sub>ij</sub> = sigma(alpha "
      "z<sub>ij</sub> + beta){}. "
      "Dark: at least as large as the diagonal entry of its column; white: zero. {}The pictures "
      "are drawn in "
      "floating point; they prove nothing.</p>{}",
      f.kind == ActivationKind::tanh ? ", shown as (1 + tanh)/2" : "",
      data.size() > kPictureSide ? fmt::format("{} of {} rows and columns are drawn. ", kPictureSide, data.size()) : "",
      matrix_figures(network, data, ray));
  html += fmt::format(
      "<h2>alpha_0 and what it is made of</h2><table>"
      "<tr><td>alpha_0</td><td>{}</td></tr><tr><td>formula</td><td>{}</td></tr>"
      "<tr><td>delta</td><td>{} &mdash; the smallest gap: z<sub>ij</sub> &le; -delta below the "
      "diagonal</td></tr>"
      "<tr><td>diagonal</td><td>z<sub>jj</sub> between {} and {}</td></tr>"
      "<tr><td>Delta</td><td>{} &mdash; z<sub>ij</sub> &le; Delta above the diagonal</td></tr>"
      "<tr><td>activation</td><td>{} = {}</td></tr></table>",
      number(ray.alpha_0),
      escape_markup(ray_formula(f.kind, row_difference ? RayRule::row_difference : RayRule::h_matrix)),
      number(ray.delta), number(ray.diagonal_low), number(ray.diagonal_high), number(ray.upper),
      escape_markup(describe(f)), escape_markup(std::string(facts(f.kind).formula)));
  return html;
}

}  // namespace widecert::tool
