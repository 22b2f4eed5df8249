// widecert regions: the decision regions of a network of one or two inputs, or on a plane through its inputs. Counted
// exactly and certified; drawn from the exact cells.
#include <fmt/format.h>
#include <widecert/certificate/atomic_file.h>
#include <widecert/certificate/model_json.h>
#include <widecert/network/layers_above.h>
#include <widecert/number/error.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "commands.h"
#include "entry_parameters.h"
#include "proofs/regions/asked.h"
#include "proofs/regions/pieces.h"
#include "proved_case.h"
#include "region_figure.h"
#include "trained.h"

namespace widecert::tool {
namespace fs = std::filesystem;
namespace {

constexpr std::size_t kMostDrawn = 20'000;

// A sample by its number from 1 on, or an array in our order of entries; `words` says which.
std::vector<Rational> read_input(const std::string& text, const Rational& divide, const Architecture& network,
                                 const Dataset* data, std::string& words) {
  if (text.find_first_not_of("0123456789") == std::string::npos && !text.empty() && text.size() < 12) {
    const std::size_t k = std::stoul(text);
    if (data == nullptr) throw InputError("--plane " + text + ": the case has no data, so no sample of this number");
    if (k < 1 || k > data->size())
      throw InputError(fmt::format("--plane {}: there are {} samples, numbered from 1 on", text, data->size()));
    words = "sample " + text;
    return data->sample(k - 1);
  }
  const NpyArray array = read_npy(text, "");
  std::vector<Rational> x;
  const auto add = [&](const auto& values) {
    for (const auto v : values) {
      if constexpr (std::is_same_v<std::decay_t<decltype(v)>, double>) {
        x.push_back(exactly(v) / divide);
      } else {
        x.push_back(Rational(v) / divide);
      }
    }
  };
  std::visit(add, array.values);
  if (x.size() != network.input_width())
    throw InputError(
        fmt::format("{}: {} numbers, and an input of the network has {}", text, x.size(), network.input_width()));
  words = fs::path(text).filename().string() + (divide == 1 ? "" : " over " + to_string(divide)) +
          (network.node(0).shape.size() > 1 ? " (entries in C order taken for channels last)" : "");
  return x;
}
std::vector<Rational> read_rectangle(const std::vector<std::string>& texts, const char* option) {
  std::vector<Rational> r;
  for (const std::string& text : texts) r.push_back(parse_rational(text));
  if (!r.empty() && (r[0] >= r[2] || r[1] >= r[3]))
    throw InputError(std::string(option) + ": the least s and t come first, then the largest");
  return r;
}
// {s >= s_0, t >= t_0, s <= s_1, t <= t_1}.
std::vector<std::array<Rational, 3>> sides(const std::vector<Rational>& rectangle) {
  std::vector<std::array<Rational, 3>> forms;
  for (std::size_t k = 0; k < rectangle.size() / 2; ++k) {
    for (const int sign : {1, -1}) {
      std::array<Rational, 3> form{0, 0, -sign * rectangle[sign > 0 ? k : k + 2]};
      form[k] = sign;
      forms.push_back(form);
    }
  }
  return forms;
}

// What is looked at.
struct Scene {
  const CaseFile& file;
  AskedRegion asked;
  std::optional<Dataset> data;
  std::vector<std::vector<Rational>> corners;  // of the plane through three inputs: at (0, 0), (1, 0), (0, 1)
  std::vector<std::string> words;              // what those are
  std::vector<Rational> rectangle;             // or nothing
  CellPlane plane;

  std::size_t inputs() const { return file.network.input_width(); }
  bool sliced() const { return !corners.empty(); }
  std::string where() const {
    if (sliced()) return fmt::format("on the plane through {}, {} and {}", words[0], words[1], words[2]);
    return inputs() == 1 ? "on the line" : "in the plane";
  }
  std::string scope() const {
    return !rectangle.empty() ? "components within the rectangle"
           : sliced()         ? "components on the whole plane, nothing is said off it"
                              : "components of the whole region, beyond the picture too";
  }
};

Scene read_scene(const CaseFile& file, const RegionsOptions& options) {
  std::size_t node = 0;
  const PointSpec all = parameters_of_entry(file, options.entry, node);
  const Architecture& network = file.network;
  const std::size_t output = options.node.empty() ? last_linear(network) : network.index_of(options.node, "--node");
  Scene scene{file, {output, 0, point_below(network, all, output)}, {}, {}, {}, {}, {}};
  for (const auto& obstacle : {scene.asked.obstacle(network), scene.asked.not_piecewise_linear(network)})
    if (obstacle) throw InputError(options.case_path + ": " + obstacle->explanation);
  for (std::size_t j : options.classes)
    if (j >= network.node(output).width)
      throw InputError(fmt::format("--class {}: the classes are 0 to {}", j, network.node(output).width - 1));
  if (options.plane.empty() && scene.inputs() > 2)
    throw InputError(
        fmt::format("{}: {} inputs; name three points whose plane is to be looked at: --plane 1 2 3 takes "
                    "samples of the case, or .npy files",
                    options.case_path, scene.inputs()));
  if (file.data && (!options.plane.empty() || scene.inputs() == 2)) {
    DatasetSpec resolved;
    scene.data = load_data(file, resolved);
  }
  const Rational divide = parse_rational(options.divide);
  if (divide <= 0) throw InputError("--divide: a positive number");
  for (const std::string& text : options.plane) {
    scene.words.emplace_back();
    scene.corners.push_back(read_input(text, divide, network, scene.data ? &*scene.data : nullptr, scene.words.back()));
  }
  for (std::size_t k = 1; k < scene.corners.size(); ++k)  // u, v
    for (std::size_t i = 0; i < scene.inputs(); ++i) scene.corners[k][i] -= scene.corners[0][i];
  scene.plane = scene.sliced() ? plane_through(scene.corners[0], scene.corners[1], scene.corners[2])
                               : plane_of_inputs(scene.inputs());
  scene.rectangle = read_rectangle(options.within, "--within");
  if (!scene.rectangle.empty() && !scene.sliced() && scene.inputs() == 1)
    throw InputError("--within: a rectangle in the plane, and the network has one input");
  scene.plane.limits = sides(scene.rectangle);
  return scene;
}

// The cells, and the regions as pieces.
struct Cut {
  std::vector<Polygon> cells;  // none where there are too many to be drawn, and nobody asked for them
  std::size_t count = 0;
  std::vector<std::size_t> by_layer;  // how many there are after each
  std::vector<Region> regions;        // by class
  std::vector<std::vector<std::size_t>> component;
  std::vector<std::size_t> components;

  std::string words() const {
    std::string text;
    for (std::size_t l = 0; l < by_layer.size(); ++l)
      text += fmt::format("{}{} after layer {}", l == 0 ? "" : ", ", by_layer[l], l + 1);
    return fmt::format("{} cells: {}", count, text.empty() ? "no units" : text);
  }
};

// Throws Outcome where there are too many cells.
Cut cut_plane(const Scene& scene, bool keep_all, const Common& common) {
  const Units units = units_of(scene.file.network, scene.asked.point, scene.asked.output);
  Cut cut;
  for (std::size_t j = 0; j < units.outputs(); ++j) cut.regions.emplace_back(j);
  ProgressBar bar(common.console);
  std::size_t seen = 0;
  cut.count = for_each_cell(units, scene.plane, [&](const Polygon& cell, const std::vector<Ray>& outputs) {
    for (Region& region : cut.regions) region.add(cell, outputs);
    if (keep_all || cut.cells.size() <= kMostDrawn) cut.cells.push_back(cell);
    if (++seen % 1'000 == 0) bar.update("cells", seen, 0);
  });
  if (!keep_all && cut.count > kMostDrawn) cut.cells.clear();
  for (std::size_t l = 1; l + 1 < units.layers.size(); ++l) {
    bar.update("layers", l, units.layers.size());
    Units part{units.inputs, {units.layers.begin(), units.layers.begin() + static_cast<std::ptrdiff_t>(l)}};
    part.layers.push_back({{}, units.layers[l].first, {Units::Row{}}});
    cut.by_layer.push_back(for_each_cell(part, scene.plane, [](const Polygon&, const std::vector<Ray>&) {}));
  }
  if (units.layers.size() > 1) cut.by_layer.push_back(cut.count);
  cut.components.resize(units.outputs());
  for (std::size_t j = 0; j < units.outputs(); ++j) {
    bar.update("classes", j, units.outputs());
    cut.component.push_back(cut.regions[j].components(cut.components[j]));
  }
  return cut;
}

// Entries that say what was counted, of these classes.
Json count_entries(const Scene& scene, const Cut& cut, const std::vector<std::size_t>& classes) {
  const auto row = [](const std::vector<Rational>& v) { return to_json(TensorSpec(ExplicitTensor{{v}})); };
  const auto axis = [&](std::size_t k) {
    std::vector<Rational> v(scene.inputs());
    if (k < v.size()) v[k] = 1;
    return v;
  };
  const auto pair = [](const Rational& a, const Rational& b) {
    return Json::array({Json::array({to_json(a), to_json(b)})});
  };
  const bool slice = scene.sliced() || !scene.rectangle.empty();
  const std::string& layer = scene.file.network.node(scene.asked.output).name;
  Json entries = Json::array();
  for (std::size_t j = 0; j < cut.regions.size(); ++j) {
    if (!classes.empty() && std::find(classes.begin(), classes.end(), j) == classes.end()) continue;
    Json entry{{"theorem", slice ? "slice-component-count" : "component-count"},
               {"node", layer},
               {"output", layer},
               {"parameters", to_json(scene.asked.point)},
               {"class", j},
               {"count", cut.components[j]}};
    if (scene.sliced()) {
      entry["plane"] = {{"origin", row(scene.corners[0])}, {"u", row(scene.corners[1])}, {"v", row(scene.corners[2])}};
    } else if (slice) {
      entry["plane"] = {{"origin", row(axis(2))}, {"u", row(axis(0))}, {"v", row(axis(1))}};
    }
    if (!scene.rectangle.empty()) {
      entry["low"] = pair(scene.rectangle[0], scene.rectangle[1]);
      entry["high"] = pair(scene.rectangle[2], scene.rectangle[3]);
    }
    entries.push_back(std::move(entry));
  }
  return entries;
}
// The paths and moats of the case at these parameters, which are certified anew.
void add_lines(const Scene& scene, Json& entries) {
  if (scene.sliced() || scene.inputs() != 2) return;
  const Json json = read_json_file(scene.file.path);
  const Json here = to_json(scene.asked.point);
  for (const Json& entry : json.at("prove")) {
    const std::string theorem = entry.value("theorem", "");
    if (theorem != "path-in-region" && theorem != "disconnected") continue;
    JsonReader reader(entry, scene.file.path, scene.file.folder);
    const PointSpec point = read_point(reader.get("parameters"));
    if (to_json(point_below(scene.file.network, point, scene.asked.output)) != here) continue;
    Json copy = entry;
    copy.erase("expect");
    copy["parameters"] = here;
    entries.push_back(std::move(copy));
  }
}

PlanePoint point_in(const Json& row) {
  const auto number = [](const Json& v) {
    return parse_rational(v.is_string() ? v.get<std::string>() : v.dump()).convert_to<double>();
  };
  return {number(row[0]), number(row[1])};
}
// So far out from a point in a direction.
PlanePoint beyond(const PlanePoint& from, const PlanePoint& way, double far) {
  const double length = std::hypot(way[0], way[1]);
  return {from[0] + far * way[0] / length, from[1] + far * way[1] / length};
}
// A moat in the plane, with rays that are so long.
std::vector<PlanePoint> moat_line(const Json& moat, double far) {
  std::vector<PlanePoint> line;
  if (moat.contains("curve")) {
    const Json &curve = moat["curve"], &vertices = curve["vertices"];
    const PlanePoint first = point_in(vertices.front());
    if (curve.contains("from")) line.push_back(beyond(first, point_in(curve["from"]), far));
    for (const Json& v : vertices) line.push_back(point_in(v));
    line.push_back(curve.contains("to") ? beyond(line.back(), point_in(curve["to"]), far) : first);
    return line;
  }
  // What the half planes leave of a large square.
  line = {{-far, -far}, {far, -far}, {far, far}, {-far, far}};
  for (const Json& row : moat["halfspaces"]) {
    const PlanePoint n = point_in(row);
    const double r = point_in(Json::array({row[2], 0}))[0];
    line = clipped(line, {-n[0], -n[1], r});
  }
  if (!line.empty()) line.push_back(line.front());
  return line;
}

struct ChosenView {
  std::array<double, 2> low, high;
  std::string words;
};
// The bulk of some points with a margin, and all of others.
ChosenView choose_view(const Scene& scene, const Cut& cut, const std::vector<PlanePoint>& points,
                       const RegionsOptions& options) {
  const auto given = [](const std::vector<Rational>& r, const char* words) {
    const auto at = [&](std::size_t k) { return r[k].convert_to<double>(); };
    return ChosenView{{at(0), at(1)}, {at(2), at(3)}, words};
  };
  if (!options.view.empty()) return given(read_rectangle(options.view, "--view"), "as --view says");
  if (!scene.rectangle.empty()) return given(scene.rectangle, "as --within says");
  if (scene.sliced()) return {{-0.75, -0.75}, {1.75, 1.75}, "around the three points"};
  ChosenView view{{}, {}, points.empty() ? "chosen by corners of the regions" : "around the points"};
  for (std::size_t k = 0; k < 2; ++k) {
    std::vector<double> all;
    if (points.empty() || !scene.data)
      for (const Region& region : cut.regions)
        for (const Region::Piece& piece : region.pieces())
          for (const Ray& r : piece.corners)
            if (r[2] != 0) all.push_back(quotient_near(r[k], r[2]));
    std::sort(all.begin(), all.end());
    const std::size_t cut_off = all.size() / 50;
    std::vector<double> bulk(all.begin() + static_cast<std::ptrdiff_t>(cut_off),
                             all.end() - static_cast<std::ptrdiff_t>(cut_off));
    for (const PlanePoint& p : points) bulk.push_back(p[k]);
    if (bulk.empty()) bulk.push_back(0);
    const auto [low, high] = std::minmax_element(bulk.begin(), bulk.end());
    const double margin = *high > *low ? 0.15 * (*high - *low) : 1;
    view.low[k] = *low - margin;
    view.high[k] = *high + margin;
  }
  return view;
}

// Within the view, whose limits are exact: clipped in integers, since corners may lie very far out.
std::vector<PlanePoint> shown(Polygon p, const std::vector<Ray>& view) {
  for (const Ray& side : view)
    if (!p.empty()) p = clip(p, side);
  std::vector<PlanePoint> out;
  for (const Ray& r : p) out.push_back({quotient_near(r[0], r[2]), quotient_near(r[1], r[2])});
  return out;
}
Json exact_corners(const Polygon& p) {
  Json corners = Json::array();
  for (const Ray& r : p) {
    if (r[2] == 0) {
      corners.push_back({{"direction", Json::array({to_json(r[0]), to_json(r[1])})}});
    } else {
      corners.push_back(Json::array({to_json(Rational(r[0], r[2])), to_json(Rational(r[1], r[2]))}));
    }
  }
  return corners;
}

RegionFigure figure_of(const Scene& scene, const Cut& cut, const Proved& proved, std::size_t counts,
                       const RegionsOptions& options, std::string& view_words) {
  RegionFigure figure;
  if (scene.sliced()) {
    figure.points = {{0, 0}, {1, 0}, {0, 1}};
  } else if (scene.data) {
    for (std::size_t i = 0; i < std::min<std::size_t>(scene.data->size(), 5'000); ++i)
      figure.points.push_back({scene.data->at(i, 0).convert_to<double>(), scene.data->at(i, 1).convert_to<double>()});
  }
  for (std::size_t k = counts; k < proved.outcomes.size(); ++k) {
    if (proved.exit_of(k) != kProved) continue;
    const Finding& finding = proved.outcomes[k].findings.front();
    const Json& points = finding.claim.json().at("points");
    ShownLine line{{}, "", finding.claim.kind() == "disconnected"};
    for (const Json& p : points) {
      if (!p.contains("rows")) continue;
      const PlanePoint at = point_in(p["rows"][0]);
      if (!line.moat) line.points.push_back(at);
      figure.points.push_back(at);
    }
    line.words = line.moat ? "a moat between two components" : "a path in one region";
    figure.lines.push_back(std::move(line));
  }
  const ChosenView view = choose_view(scene, cut, figure.points, options);
  figure.low = view.low;
  figure.high = view.high;
  if (scene.inputs() == 1 && !scene.sliced()) figure.low[1] = -1, figure.high[1] = 1;
  view_words = fmt::format("{}: {:.6g} to {:.6g}, {:.6g} to {:.6g}", view.words, figure.low[0], figure.high[0],
                           figure.low[1], figure.high[1]);
  const double far = 1e3 * (std::abs(figure.low[0]) + std::abs(figure.high[0]) + std::abs(figure.low[1]) +
                            std::abs(figure.high[1]) + 1);
  for (std::size_t k = counts, line = 0; k < proved.outcomes.size(); ++k) {
    if (proved.exit_of(k) != kProved) continue;
    if (figure.lines[line].moat)
      figure.lines[line].points = moat_line(proved.outcomes[k].findings.front().proof.json().at("moat"), far);
    ++line;
  }
  std::vector<Ray> limits;
  for (const auto& form :
       sides({exactly(figure.low[0]), exactly(figure.low[1]), exactly(figure.high[0]), exactly(figure.high[1])}))
    limits.push_back(integral(form));
  for (std::size_t j = 0; j < cut.regions.size(); ++j) {
    for (std::size_t s = 0; s < cut.regions[j].pieces().size(); ++s)
      if (auto corners = shown(cut.regions[j].pieces()[s].corners, limits); !corners.empty())
        figure.pieces.push_back({std::move(corners), j, cut.component[j][s]});
    figure.legend.push_back(
        fmt::format("class {}: {} component{}", j, cut.components[j], cut.components[j] == 1 ? "" : "s"));
  }
  if (cut.count <= kMostDrawn)
    for (const Polygon& cell : cut.cells)
      if (auto corners = shown(cell, limits); !corners.empty()) figure.cells.push_back(std::move(corners));
  figure.across = scene.sliced()        ? fmt::format("s: 0 is {}, 1 is {}", scene.words[0], scene.words[1])
                  : scene.inputs() == 1 ? "input"
                                        : "first input";
  figure.up = scene.sliced()        ? "t: 1 is " + scene.words[2]
              : scene.inputs() == 1 ? "(nothing depends on this)"
                                    : "second input";
  figure.captions = {scene.scope() + "; numbers in the picture are CLASS.COMPONENT", cut.words()};
  if (cut.count > kMostDrawn) figure.captions.push_back("cells are not outlined: too many");
  return figure;
}

}  // namespace

int run_regions(const Common& common, const RegionsOptions& options) {
  const NewCase made(options.output);
  const CaseFile file = read_case(options.case_path, made.folder);
  const Scene scene = read_scene(file, options);
  Cut cut;
  try {
    cut = cut_plane(scene, !options.vertices.empty(), common);
  } catch (const Outcome& why) {
    begin_to_end();
    fmt::print(stderr, "{}: {}\n", options.case_path, why.explanation);
    return kUndecided;
  }

  Json entries = count_entries(scene, cut, options.classes);
  const std::size_t counts = entries.size();
  add_lines(scene, entries);
  fs::create_directories(made.folder);
  write_atomically(made.file, to_text(Json{{"format", "widecert-case"},
                                           {"version", 1},
                                           {"title", "Decision regions of " + file.name + " " + scene.where()},
                                           {"network", to_json(file.network)},
                                           {"prove", entries}}));
  const Proved proved = prove_case(common, made.file, made.folder);
  int exit = kProved;
  for (std::size_t k = 0; k < counts; ++k) exit = worse(exit, proved.exit_of(k));

  std::string view;
  const std::string picture = made.base + ".svg";
  write_atomically(picture, draw_regions(figure_of(scene, cut, proved, counts, options, view)));
  if (!options.vertices.empty()) {
    Json exact{{"cells", Json::array()}, {"pieces", Json::array()}};
    for (const Polygon& cell : cut.cells) exact["cells"].push_back(exact_corners(cell));
    for (std::size_t j = 0; j < cut.regions.size(); ++j)
      for (std::size_t s = 0; s < cut.regions[j].pieces().size(); ++s)
        exact["pieces"].push_back({{"class", j},
                                   {"component", cut.component[j][s] + 1},
                                   {"corners", exact_corners(cut.regions[j].pieces()[s].corners)}});
    write_atomically(options.vertices, to_text(exact));
  }

  Json rows = Json::array();
  for (std::size_t j = 0, k = 0; j < cut.regions.size(); ++j) {
    const bool certified = k < counts && entries[k]["class"] == j;
    rows.push_back({{"class", j},
                    {"components", cut.components[j]},
                    {"pieces", cut.regions[j].pieces().size()},
                    {"proved", certified && proved.exit_of(k) == kProved}});
    if (certified) ++k;
  }
  begin_to_end();
  if (common.json) {
    Json result{{"case", made.file},
                {"cells", cut.count},
                {"cells_by_layer", cut.by_layer},
                {"claim_file", proved.claim_path},
                {"classes", rows},
                {"picture", picture},
                {"scope", scene.scope()},
                {"view", view},
                {"where", scene.where()}};
    if (!options.vertices.empty()) result["vertices"] = options.vertices;
    fmt::print("{}", to_text(result));
    return exit;
  }
  fmt::print("{} {}: {}\n", bold("decision regions"), scene.where(), scene.scope());
  for (const Json& row : rows)
    fmt::print("  class {:>3}  {:>5} component{}  {}\n", row["class"].get<std::size_t>(),
               row["components"].get<std::size_t>(), row["components"] == 1 ? " " : "s",
               row["proved"].get<bool>() ? "proved" : "counted, without a certificate");
  fmt::print("cells:   {}\npicture: {}, from the exact cells; the view is {}\n", cut.words(), picture, view);
  if (!options.vertices.empty()) fmt::print("corners: {}, exact\n", options.vertices);
  fmt::print("case:    {}\nclaim:   {}\n", made.file, proved.claim_path);
  return exit;
}

}  // namespace widecert::tool
