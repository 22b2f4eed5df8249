// widecert report: one self-contained HTML page about a claim file, for people who look before they read. The verdicts
// are the checker's; the pictures prove nothing.
#include <fmt/format.h>
#include <widecert/certificate/atomic_file.h>
#include <widecert/certificate/claim_file.h>
#include <widecert/data/byte_source.h>
#include <widecert/number/error.h>

#include <filesystem>

#include "applies.h"
#include "checker.h"
#include "loss_figures.h"
#include "markup.h"
#include "ray_figures.h"
#include "temporary_folder.h"

namespace widecert::tool {
namespace {

constexpr std::size_t kMaxText = std::size_t{1} << 28, kMaxFile = std::size_t{1} << 34;

// The layers' widths as bars, against N samples (0: no data).
std::string network_figure(const Architecture& network, std::size_t n, const std::string& target) {
  const double row = 26, left = 410, span = 360;
  std::size_t widest = n;
  for (const Node& node : network.nodes()) widest = std::max(widest, node.width);
  const double per_neuron = span / static_cast<double>(widest);
  const double height = row * static_cast<double>(network.nodes().size()) + 26;
  std::string svg = fmt::format("<svg viewBox=\"0 0 860 {}\" role=\"img\" aria-label=\"layer widths\">", height);
  for (std::size_t i = 0; i < network.nodes().size(); ++i) {
    const Node& node = network.node(i);
    const double y = row * static_cast<double>(i) + 4;
    svg += fmt::format(
        "<text x=\"0\" y=\"{:.1f}\" class=\"{}\">{}</text><text x=\"90\" y=\"{:.1f}\" "
        "class=\"dim\">{}</text>"
        "<rect x=\"{}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"16\" class=\"{}\"/>"
        "<text x=\"{:.1f}\" y=\"{:.1f}\" class=\"dim\">{}</text>",
        y + 13, node.name == target ? "bold" : "", escape_markup(node.name), y + 13, escape_markup(describe(node)),
        left, y, per_neuron * static_cast<double>(node.width), n != 0 && node.width >= n ? "wide" : "narrow",
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

// How many numbers a linear layer has; those of Theta and frozen ones alike.
std::size_t parameters_of(const Architecture& network, std::size_t i) {
  const auto* linear = std::get_if<LinearSpec>(&network.node(i).spec);
  if (linear == nullptr) return 0;
  return network.weights_shape(i).entries() + (linear->bias == BiasMode::none ? 0 : network.bias_shape(i).entries());
}

// Layers, widths against N, and which theorems apply to which layer, as inspect says.
std::string model_card(const Instance& instance) {
  const Architecture& network = instance.network;
  const std::size_t n = instance.data.size();
  std::size_t all = 0, last = 0;
  std::string rows;
  for (std::size_t i = 0; i < network.nodes().size(); ++i) {
    const Node& node = network.node(i);
    const std::size_t parameters = parameters_of(network, i);
    all += parameters;
    if (n != 0 && node.width >= n) last = i;
    rows += fmt::format(
        "<tr><td>{}</td><td>{}</td><td>{}</td><td class=\"number\">{}{}</td><td class=\"number\">{}</td></tr>",
        escape_markup(node.name), escape_markup(describe(node)), escape_markup(describe(node.shape)), node.width,
        n != 0 && node.width >= n ? " &ge; N" : "", parameters == 0 ? "" : std::to_string(parameters));
  }
  std::string html =
      fmt::format("<h2>Model card</h2><p>{} layers, {} parameters{}.</p>", network.nodes().size() - 1, all,
                  n == 0      ? std::string()
                  : last == 0 ? fmt::format("; no layer has N = {} neurons", n)
                              : fmt::format("; N = {} samples of {} numbers", n, instance.data.width()));
  html += "<table><tr><th>layer</th><th>what it is</th><th>shape</th><th>neurons</th><th>parameters</th></tr>" + rows +
          "</table><h3>Which theorems apply</h3><table>";
  for (const Applies& one : which_apply(instance))
    html += fmt::format("<tr><td>{}</td><td>{}</td><td>{}</td></tr>", escape_markup(one.theorem->id),
                        escape_markup(one.node->name), escape_markup(in_words(one)));
  return html + "</table><p><small>Not proofs: the tests that need no search. What is proved stands above.</small></p>";
}

constexpr const char* kStyle = R"(
body{font:16px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:60rem;padding:0 1rem;color:#222;background:#fff}
h1{font-size:1.5rem}h2{font-size:1.15rem;margin-top:2.2rem;border-bottom:1px solid #ddd}
svg{max-width:100%;font:12px system-ui,sans-serif}.square{width:20rem}.matrix{width:13rem;border:1px solid #bbb}
.wide{fill:#2f7d4f}.narrow{fill:#b9c4cf}.n{stroke:#c0392b;stroke-dasharray:4 3}.ntext{fill:#c0392b}
.dim{fill:#666}.bold{font-weight:bold}.frame{fill:#fafafa;stroke:#bbb}.dots{stroke:#2b5d8a}
.row{display:flex;flex-wrap:wrap;gap:1rem}figure{margin:0}figcaption{font-size:.85rem;max-width:13rem}
.chart{max-width:29rem}.chart svg{height:auto}.chart figcaption{max-width:29rem}
.ok{color:#1e6b3c;font-weight:bold}.no{color:#b03024;font-weight:bold}
table{border-collapse:collapse}th{text-align:left;padding-right:.8rem}h3{font-size:1rem}.number{text-align:right}
td{padding:.25rem .8rem .25rem 0;vertical-align:top}
pre{background:#f4f4f2;padding:.7rem;overflow:auto}code{background:#f4f4f2}
)";

// `name`: the file that was checked, for people; `check` is widecheck's --json output for it.
std::string html_report(const std::string& name, const std::string& claim_path, const std::string& certificate_path,
                        const Json& check) {
  const ClaimFile claim = parse_claim(read_bytes(claim_path, kMaxText), claim_path);
  const std::vector<Proof> proofs = parse_certificate(read_bytes(certificate_path, kMaxText), certificate_path);
  if (proofs.size() != claim.claims.size()) {
    throw InputError(certificate_path + ": the number of proofs differs from the number of claims");
  }
  const std::filesystem::path parent = std::filesystem::path(claim_path).parent_path();
  const std::string folder = parent.empty() ? "." : parent.string();
  const Instance instance{claim.network, claim.data,
                          claim.data ? load(*claim.data, folder, claim.network.node(0).shape) : Dataset{}};
  const Dataset& data = instance.data;
  const std::size_t n = data.size();

  const Json lines = check.value("claims", Json::array());
  const auto proved = [&](std::size_t k) { return k < lines.size() && lines[k]["verdict"] == "PROVED"; };
  std::vector<Ray> rays;
  for (std::size_t k = 0; k < proofs.size(); ++k) {
    if (!proved(k)) continue;  // what the checker did not accept may not even make sense
    if (auto ray = read_ray(claim.claims[k], proofs[k], claim_path)) rays.push_back(std::move(*ray));
  }

  std::string html =
      "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>widecert: " + escape_markup(name) +
      "</title><style>" + kStyle + "</style></head><body>\n<h1>widecert: " + escape_markup(name) + "</h1>\n";
  html += "<h2>Verdicts of the independent checker</h2><table>";
  for (std::size_t k = 0; k < claim.claims.size(); ++k) {
    const bool known = k < lines.size();
    const bool ok = proved(k);
    html += fmt::format(
        "<tr><td class=\"{}\">{}</td><td>{}<br><small>{}</small></td></tr>", ok ? "ok" : "no",
        ok ? "PROVED" : "NOT PROVED",
        escape_markup(known ? lines[k]["text"].get<std::string>() : claim.claims[k].kind()),
        known ? "rule " + escape_markup(lines[k].value("rule", "") + error_bound(lines[k])) : "not checked");
  }
  html += "</table>";
  if (const std::string said = check.value("data", ""); n != 0 && !said.empty())
    html += "<p>Data: " + escape_markup(said) + "</p>";
  for (const Json& tensor : check.value("tensors", Json::array()))
    html += "<p>Tensor: " + escape_markup(tensor.get<std::string>()) + "</p>";
  if (check.contains("message"))
    html += "<p class=\"no\">" + escape_markup(check["message"].get<std::string>()) + "</p>";

  html += fmt::format("<h2>The network and its widths{}</h2>{}", n == 0 ? "" : fmt::format(" against N = {}", n),
                      network_figure(claim.network, n, rays.empty() ? "" : rays.front().node));
  for (const Ray& ray : rays) html += ray_sections(claim.network, data, ray);
  for (std::size_t k = 0; k < proofs.size(); ++k)
    if (proved(k)) html += loss_sections(claim.network, data, claim.claims[k], claim_path, folder);
  html += model_card(instance);
  html += fmt::format(
      "<h2>How to check this yourself</h2><p>The checker shares no code with the prover. It "
      "recomputes everything from the claim{}, with integers and rationals only.</p><pre>widecheck {}</pre>"
      "<p>Trusted base: {}.</p><p>Claim file SHA-256: <code>{}</code></p></body></html>\n",
      n == 0 ? "" : " and the data, row by row", escape_markup(name), escape_markup(check.value("trusted_base", "")),
      escape_markup(check.value("claim_sha256", "")));
  return html;
}

// Writes the files of a pack that an object names by their digest, and names them by where they are.
void take_out(Json& json, const std::string& pack, const std::string& folder) {
  if (json.is_object() && json.contains("path") && json.contains("sha256")) {
    const std::string digest = json["sha256"].get<std::string>();
    if (digest.find_first_not_of("0123456789abcdef") != std::string::npos) {
      throw InputError(pack + ": expected digests in hexadecimal");
    }
    write_atomically(folder + "/" + digest, read_bytes(pack, kMaxFile, "files/" + digest));
    json["path"] = digest;
    json.erase("member");
  }
  for (auto& item : json.items())
    if (item.value().is_structured()) take_out(item.value(), pack, folder);
}

// The page about what the checker says of a claim, or of a pack.
std::string html_report(const std::string& path, const std::string& base, bool is_pack, const Json& check) {
  const std::string name = std::filesystem::path(path).filename().string();
  if (!is_pack) return html_report(name, path, base + ".cert.json", check);
  const TemporaryFolder folder;
  for (const char* part : {"claim", "certificate"}) {
    const std::string member = std::string(part) + ".json";
    Json json = parse_json(read_bytes(path, kMaxText, member), path + "[" + member + "]");
    take_out(json, path, folder.path());
    write_atomically(folder.path() + "/" + member, to_text(json));
  }
  return html_report(name, folder.path() + "/claim.json", folder.path() + "/certificate.json", check);
}

}  // namespace

int run_report(const Common& common, const ReportOptions& options) {
  const std::string& path = options.claim_path;
  const bool is_pack = path.ends_with(".zip");
  const std::string suffix = is_pack ? ".zip" : ".claim.json";
  if (!path.ends_with(suffix)) {
    throw InputError(
        path +
        ": expected a claim file, NAME.claim.json (widecert prove writes it), or a pack, NAME.zip (widecert "
        "pack does)");
  }
  const std::string base = path.substr(0, path.size() - suffix.size());
  const CheckerResult check = run_checker({path});
  const std::string html = html_report(path, base, is_pack, check.report);
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
