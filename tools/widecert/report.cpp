// widecert report: one self-contained HTML page about a claim file, for people who look before they
// read. Its pictures are drawn in double precision and prove nothing; the verdicts are the
// checker's.

#include <fmt/format.h>
#include <widecert/certificate/atomic_file.h>
#include <widecert/certificate/claim.h>
#include <widecert/data/byte_source.h>
#include <widecert/network/forward.h>
#include <widecert/number/error.h>

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "checker.h"
#include "markup.h"
#include "picture.h"

namespace widecert::tool {
namespace {

constexpr std::size_t kMaxText = std::size_t{1} << 28;
constexpr std::size_t kPictureSide = 240;  // rows and columns of A(alpha) that are drawn

std::string number(const Rational& value) {
  const std::string exact = to_string(value);
  const std::string about = fmt::format("{:.6g}", value.convert_to<double>());
  return exact == about || exact.size() > 30 ? about : exact + " &approx; " + about;
}

// ---- the network as bars against N ----

std::string network_figure(const Architecture& network, std::size_t n, const std::string& target) {
  const double row = 26, left = 410, span = 360;
  std::size_t widest = n;
  for (const Node& node : network.nodes()) widest = std::max(widest, node.width);
  const double per_neuron = span / static_cast<double>(widest);
  const double height = row * static_cast<double>(network.nodes().size()) + 26;
  std::string svg =
      fmt::format("<svg viewBox=\"0 0 860 {}\" role=\"img\" aria-label=\"layer widths\">", height);
  for (std::size_t i = 0; i < network.nodes().size(); ++i) {
    const Node& node = network.node(i);
    const double y = row * static_cast<double>(i) + 4;
    svg += fmt::format(
        "<text x=\"0\" y=\"{:.1f}\" class=\"{}\">{}</text><text x=\"90\" y=\"{:.1f}\" "
        "class=\"dim\">{}</text>"
        "<rect x=\"{}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"16\" class=\"{}\"/>"
        "<text x=\"{:.1f}\" y=\"{:.1f}\" class=\"dim\">{}</text>",
        y + 13, node.name == target ? "bold" : "", escape_markup(node.name), y + 13,
        escape_markup(describe(node)), left, y, per_neuron * static_cast<double>(node.width),
        n != 0 && node.width >= n ? "wide" : "narrow",
        left + per_neuron * static_cast<double>(node.width) + 6, y + 13, node.width);
  }
  if (n == 0) return svg + "</svg>";
  const double x = left + per_neuron * static_cast<double>(n);
  svg += fmt::format(
      "<line x1=\"{0:.1f}\" x2=\"{0:.1f}\" y1=\"0\" y2=\"{1}\" class=\"n\"/>"
      "<text x=\"{0:.1f}\" y=\"{2}\" text-anchor=\"middle\" class=\"ntext\">N = {3}</text></svg>",
      x, height - 20, height - 4, n);
  return svg;
}

// ---- the ordering ----

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

// ---- A(alpha) ----

struct RayView {
  const Family* family;
  const RayProof* proof;
  Rational alpha_0;
  std::string node;
  bool affine;
};

// alpha z_ij + beta for evenly spaced rows and columns, in double.
struct Samples {
  std::size_t side;
  std::vector<double> z;
  double beta;
};

Samples sample_matrix(const Architecture& network, const Dataset& data, const RayView& ray) {
  const std::size_t target = network.index_of(ray.node);
  const std::size_t map = network.node(target).inputs[0];
  const std::size_t source = network.node(map).inputs[0];
  Parameters<double> below;
  for (const auto& [name, node] : *ray.family) {
    const std::size_t i = network.index_of(name);
    if (i == map) continue;
    below[i] = convert_parameters<double>(
        expand(*node.constant.weights, network.weights_shape(i), name),
        node.constant.bias ? expand(*node.constant.bias, network.bias_shape(i), name) : Tensor{});
  }
  const std::string& name = network.node(map).name;
  const NodeFamily& top = ray.family->at(name);
  const Tensor v = expand(*top.slope.weights, network.weights_shape(map), name);
  const Tensor c = expand(*top.slope.bias, network.bias_shape(map), name);
  const Tensor b = expand(*top.constant.bias, network.bias_shape(map), name);
  const auto& f = std::get<ActivationSpec>(network.node(target).spec).function;
  const double sign = f.kind == ActivationKind::one_minus_sigmoid ? -1 : 1;

  const std::size_t neurons = ray.proof->rule == RayRule::row_difference
                                  ? ray.proof->order.size() - 1
                                  : ray.proof->order.size();
  Samples s{std::min(neurons, kPictureSide), {}, sign * b[0][0].convert_to<double>()};
  const auto pick = [&](std::size_t k) {
    return s.side == 1 ? 0 : k * (neurons - 1) / (s.side - 1);
  };
  // Columns: filter and centre as doubles.
  std::vector<std::vector<double>> filters;
  std::vector<std::vector<std::int64_t>> entries;
  std::vector<double> centres;
  for (std::size_t k = 0; k < s.side; ++k) {
    const std::size_t j = pick(k);
    auto& filter = filters.emplace_back();
    for (const Rational& w : v[network.filter_index(map, j)])
      filter.push_back(sign * w.convert_to<double>());
    entries.push_back(network.node(map).patches->entries(j / network.node(map).filters));
    centres.push_back(sign * c[0][network.bias_index(map, j)].convert_to<double>());
  }
  for (std::size_t row = 0; row < s.side; ++row) {
    std::vector<double> x;
    for (const Rational& value : data.sample(ray.proof->order[pick(row)])) {
      x.push_back(value.convert_to<double>());
    }
    const auto features = node_value(network, below, x, source);
    for (std::size_t k = 0; k < s.side; ++k) {
      double z = centres[k];
      for (std::size_t r = 0; r < entries[k].size(); ++r)
        if (entries[k][r] != kPadding)
          z += filters[k][r] * features[static_cast<std::size_t>(entries[k][r])];
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

std::string matrix_figures(const Architecture& network, const Dataset& data, const RayView& ray) {
  const Samples s = sample_matrix(network, data, ray);
  std::vector<double> below;
  for (std::size_t i = 1; i < s.side; ++i)
    for (std::size_t j = 0; j < i; ++j) below.push_back(std::abs(s.z[i * s.side + j]));
  double typical = 1;
  if (!below.empty()) {
    std::nth_element(below.begin(), below.begin() + static_cast<std::ptrdiff_t>(below.size() / 2),
                     below.end());
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

std::string formula(const Activation& f, RayRule rule) {
  if (rule == RayRule::row_difference) {
    return "m (alpha_0 delta - beta) &ge; n ln(1 + 1/s), s = min(S(m beta), corner) - e^(-m "
           "(alpha_0 delta - beta))";
  }
  switch (f.kind) {
    case ActivationKind::relu:
      return "alpha_0 = beta / delta (exactly triangular)";
    case ActivationKind::sigmoid:
    case ActivationKind::one_minus_sigmoid:
      return "alpha_0 = (beta + ln((2 + e^-beta)^N - 1)) / delta";
    case ActivationKind::softplus:
      return "alpha_0 = (N ln(1 + Delta/d) - ln ln 2) / (a delta)";
    case ActivationKind::gelu:
      return "alpha_0 delta = max(1, sqrt(2 N ln(1 + 2 Delta/d)))";
    case ActivationKind::gaussian:
      return "alpha_0^2 (delta^2 - N r^2) = N ln 2";
    default:
      return "alpha_0 delta = max(1, N ln(1 + 2 Delta/d))";
  }
}

constexpr const char* kStyle = R"(
body{font:16px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:60rem;padding:0 1rem;color:#222;background:#fff}
h1{font-size:1.5rem}h2{font-size:1.15rem;margin-top:2.2rem;border-bottom:1px solid #ddd}
svg{max-width:100%;font:12px system-ui,sans-serif}.square{width:20rem}.matrix{width:13rem;border:1px solid #bbb}
.wide{fill:#2f7d4f}.narrow{fill:#b9c4cf}.n{stroke:#c0392b;stroke-dasharray:4 3}.ntext{fill:#c0392b}
.dim{fill:#666}.bold{font-weight:bold}.frame{fill:#fafafa;stroke:#bbb}.dots{stroke:#2b5d8a}
.row{display:flex;flex-wrap:wrap;gap:1rem}figure{margin:0}figcaption{font-size:.85rem;max-width:13rem}
.ok{color:#1e6b3c;font-weight:bold}.no{color:#b03024;font-weight:bold}
table{border-collapse:collapse}td{padding:.25rem .8rem .25rem 0;vertical-align:top}
pre{background:#f4f4f2;padding:.7rem;overflow:auto}code{background:#f4f4f2}
)";

// `check` is widecheck's --json output for this claim.
std::string html_report(const std::string& claim_path, const std::string& certificate_path,
                        const Json& check) {
  const ClaimFile claim = parse_claim(read_bytes(claim_path, kMaxText), claim_path);
  const std::vector<Proof> proofs =
      parse_certificate(read_bytes(certificate_path, kMaxText), certificate_path);
  if (proofs.size() != claim.properties.size()) {
    throw InputError(certificate_path + ": the number of proofs differs from the number of claims");
  }
  const std::filesystem::path parent = std::filesystem::path(claim_path).parent_path();
  const Dataset data =
      claim.data ? load(*claim.data, parent.empty() ? "." : parent.string()) : Dataset{};
  const std::size_t n = data.size();

  std::vector<RayView> rays;
  const Json lines = check.value("claims", Json::array());
  const auto proved = [&](std::size_t k) {
    return k < lines.size() && lines[k]["verdict"] == "PROVED";
  };
  for (std::size_t k = 0; k < proofs.size(); ++k) {
    if (!proved(k)) continue;  // what the checker did not accept may not even make sense
    if (const auto* ray = std::get_if<IndependentOnRay>(&claim.properties[k])) {
      if (const auto* proof = std::get_if<RayProof>(&proofs[k])) {
        rays.push_back({&ray->family, proof, ray->alpha_0, ray->node, ray->affine});
      }
    } else if (const auto* from = std::get_if<FromRayProof>(&proofs[k])) {
      rays.push_back(
          {&from->family, &from->ray, from->alpha_0, state(claim.properties[k], n), false});
      rays.back().node = std::get<IndependentSomewhere>(claim.properties[k]).node;
    }
  }

  const std::string name = std::filesystem::path(claim_path).filename().string();
  std::string html =
      "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>widecert: " +
      escape_markup(name) + "</title><style>" + kStyle +
      "</style></head><body>\n<h1>widecert: " + escape_markup(name) + "</h1>\n";
  html += "<h2>Verdicts of the independent checker</h2><table>";
  for (std::size_t k = 0; k < claim.properties.size(); ++k) {
    const bool known = k < lines.size();
    const bool ok = proved(k);
    html += fmt::format(
        "<tr><td class=\"{}\">{}</td><td>{}<br><small>{}</small></td></tr>", ok ? "ok" : "no",
        ok ? "PROVED" : "NOT PROVED",
        escape_markup(known ? lines[k]["text"].get<std::string>() : state(claim.properties[k], n)),
        known ? "rule " + escape_markup(lines[k].value("rule", "") + error_bound(lines[k]))
              : "not checked");
  }
  html += "</table>";
  if (check.contains("message"))
    html += "<p class=\"no\">" + escape_markup(check["message"].get<std::string>()) + "</p>";

  html += fmt::format("<h2>The network and its widths{}</h2>{}",
                      n == 0 ? "" : fmt::format(" against N = {}", n),
                      network_figure(claim.network, n, rays.empty() ? "" : rays.front().node));
  for (const RayView& ray : rays) {
    const auto& f =
        std::get<ActivationSpec>(claim.network.node(claim.network.index_of(ray.node)).spec)
            .function;
    html += fmt::format(
        "<h2>Layer {}: the samples in order</h2><p>Neuron j belongs to the sample gamma(j) on "
        "which its filter "
        "is smallest among the samples not used before. Rows of F in this order make the matrix "
        "triangular "
        "as alpha grows.</p>{}",
        escape_markup(ray.node), order_figure(ray.proof->order));
    html += fmt::format(
        "<h2>The matrix A(alpha) for growing alpha</h2><p>A<sub>ij</sub> = sigma(alpha "
        "z<sub>ij</sub> + beta){}. "
        "Dark: at least as large as the diagonal entry of its column; white: zero. {}The pictures "
        "are drawn in "
        "floating point; they prove nothing.</p>{}",
        f.kind == ActivationKind::tanh ? ", shown as (1 + tanh)/2" : "",
        n > kPictureSide ? fmt::format("{} of {} rows and columns are drawn. ", kPictureSide, n)
                         : "",
        matrix_figures(claim.network, data, ray));
    html += fmt::format(
        "<h2>alpha_0 and what it is made of</h2><table>"
        "<tr><td>alpha_0</td><td>{}</td></tr><tr><td>formula</td><td>{}</td></tr>"
        "<tr><td>delta</td><td>{} &mdash; the smallest gap: z<sub>ij</sub> &le; -delta below the "
        "diagonal</td></tr>"
        "<tr><td>diagonal</td><td>z<sub>jj</sub> between {} and {}</td></tr>"
        "<tr><td>Delta</td><td>{} &mdash; z<sub>ij</sub> &le; Delta above the diagonal</td></tr>"
        "<tr><td>activation</td><td>{} = {}</td></tr></table>",
        number(ray.alpha_0), formula(f, ray.proof->rule), number(ray.proof->delta),
        number(ray.proof->diagonal_low), number(ray.proof->diagonal_high), number(ray.proof->upper),
        escape_markup(describe(f)), escape_markup(std::string(facts(f.kind).formula)));
  }
  html += fmt::format(
      "<h2>How to check this yourself</h2><p>The checker shares no code with the prover. It "
      "recomputes everything from the claim{}, with integers and rationals only.</p><pre>widecheck {}</pre>"
      "<p>Trusted base: {}.</p><p>Claim file SHA-256: <code>{}</code></p></body></html>\n",
      n == 0 ? "" : " and the data, row by row", escape_markup(name),
      escape_markup(check.value("trusted_base", "")),
      escape_markup(check.value("claim_sha256", "")));
  return html;
}

}  // namespace

int run_report(const Common& common, const ReportOptions& options) {
  const std::string suffix = ".claim.json";
  const std::string& path = options.claim_path;
  if (!path.ends_with(suffix)) {
    throw InputError(path + ": expected a claim file, NAME.claim.json (widecert prove writes it)");
  }
  const std::string base = path.substr(0, path.size() - suffix.size());
  const CheckerResult check = run_checker({path});
  const std::string html = html_report(path, base + ".cert.json", check.report);
  const std::string target = options.output.empty() ? base + ".html" : options.output;
  write_atomically(target, html);
  if (common.json) {
    fmt::print("{}", to_text(Json{{"report", target}, {"exit", check.exit}}));
  } else if (!common.console.quiet) {
    fmt::print("report written to {}\n", target);
  }
  return check.exit;
}

}  // namespace widecert::tool
