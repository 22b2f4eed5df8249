// The hunt for local minima that are not global, of the kind that proofs/minima proves for two classes: all weights
// below are 0, so that every output is the frequency of the classes, and one class lies inside the other (in convex
// order), so that bending the outputs does not help near by. One unit that bends further away gives a smaller loss.
#include <fmt/format.h>
#include <widecert/certificate/model_json.h>
#include <widecert/network/activation.h>
#include <widecert/number/error.h>
#include <widecert/number/stop.h>

#include <algorithm>
#include <array>
#include <map>
#include <numeric>
#include <set>

#include "hunt.h"
#include "proofs/case_file.h"
#include "proofs/minima/coupling.h"

namespace widecert::tool {
namespace {

using Points = std::vector<std::vector<Rational>>;
using Labels = std::vector<int>;  // 0: inside, 1: outside

// An activation with exact values at integers z: of z ln 2 / per.
struct Unit {
  Activation function;
  int per;   // 0: of z itself
  int rest;  // z of the local minimum, where the activation is convex
  Rational at(const Rational& z) const {
    if (per == 0) return evaluate(function, z);
    return evaluate(function, Ln2(std::vector<Rational>{0, Rational(z / per)})).constant();
  }
  // A tensor with these rows of z.
  Json tensor(const std::vector<std::vector<Rational>>& rows) const {
    Json out{{"rows", Json::array()}};
    for (const auto& row : rows) {
      Json& to = out["rows"].emplace_back(Json::array());
      for (const Rational& z : row) to.push_back(to_json(per == 0 ? z : Rational(z / per)));
    }
    return per == 0 ? out : Json{{"ln2", out}};
  }
};

Unit read_unit(const std::string& name) {
  if (name == "sigmoid") return {{ActivationKind::sigmoid, 1}, 1, -1};
  if (name == "tanh") return {{ActivationKind::tanh, 1}, 2, -1};
  if (name == "relu") return {{ActivationKind::relu, 1}, 0, 0};
  throw InputError("--activation: expected sigmoid, tanh or relu");
}

Json rows_of(const std::vector<std::vector<Rational>>& rows) {
  Json out{{"rows", Json::array()}};
  for (const auto& row : rows) {
    Json& to = out["rows"].emplace_back(Json::array());
    for (const Rational& v : row) to.push_back(to_json(v));
  }
  return out;
}

// The outer class is spread out from the inner one: a coupling exists.
bool is_inside(const Points& x, const Labels& labels) {
  const auto outer = static_cast<std::size_t>(std::count(labels.begin(), labels.end(), 1));
  const std::size_t inner = x.size() - outer;
  if (outer == 0 || inner == 0) return false;
  std::vector<Rational> rho;
  for (int label : labels) rho.push_back(label == 1 ? Rational(inner, x.size()) : Rational(-Rational(outer, x.size())));
  for (std::size_t k = 0; k < x[0].size(); ++k) {
    Rational mean = 0;
    for (std::size_t i = 0; i < x.size(); ++i) mean += rho[i] * x[i][k];
    if (mean != 0) return false;
  }
  return couple(Dataset::from_samples(x), rho).has_value();
}

// One unit and the least squares above it.
struct Better {
  std::vector<Rational> w;
  Rational b, slope, shift, phi;  // output 1 is slope s(g) + shift, output 0 is 1 less that
};
std::optional<Better> find_better(const Points& x, const Labels& labels, const Unit& unit) {
  const std::size_t d = x[0].size();
  Integer common = 1;
  Rational size = 0;
  for (const auto& point : x) {
    Rational sum = 0;
    for (const Rational& v : point) {
      common = lcm(common, Integer(denominator(v)));
      sum += abs(v);
    }
    size = std::max(size, sum);
  }
  const Rational n(static_cast<unsigned long>(x.size())),
      mean = Rational(std::accumulate(labels.begin(), labels.end(), 0)) / n;
  std::optional<Better> best;
  std::vector<int> direction(d, -1);
  const std::size_t directions = d <= 2 ? static_cast<std::size_t>(d == 1 ? 3 : 9) : 0;
  const auto try_unit = [&](const std::vector<Rational>& w) {
    const Rational most = round_down(size * common, 0) + 2;
    for (Rational b = -most; b <= most; b += std::max(Rational(1), round_down(most / 16, 0))) {
      std::vector<Rational> f;
      Rational middle = 0;
      for (const auto& point : x) {
        Rational z = b;
        for (std::size_t k = 0; k < d; ++k) z += w[k] * point[k];
        f.push_back(unit.at(std::min(Rational(64), std::max(Rational(-64), z))));
        if (z > 64 || z < -64) return;
        middle += f.back() / n;
      }
      Rational covariance = 0, variance = 0, loss = 0;
      for (std::size_t i = 0; i < x.size(); ++i) {
        covariance += (f[i] - middle) * (labels[i] - mean);
        variance += (f[i] - middle) * (f[i] - middle);
        loss += (labels[i] - mean) * (labels[i] - mean);
      }
      if (covariance == 0) continue;
      const Rational slope = covariance / variance, phi = loss - covariance * slope;
      if (!best || phi < best->phi) best = Better{w, b, slope, mean - slope * middle, phi};
    }
  };
  for (std::size_t k = 0; k < directions; ++k) {
    std::vector<Rational> w;
    std::size_t rest = k;
    for (std::size_t j = 0; j < d; ++j, rest /= 3) w.emplace_back(common * (static_cast<int>(rest % 3) - 1));
    try_unit(w);
  }
  // Of many inputs one at a time.
  for (std::size_t j = 0; directions == 0 && j < d; ++j) {
    for (int sign : {1, -1}) {
      std::vector<Rational> w(d);
      w[j] = Rational(common * sign);
      try_unit(w);
    }
  }
  return best;
}

// The case; nothing if no better unit was found.
std::optional<Find> make_find(const Points& x, const Labels& labels, const Unit& unit, const MinimaBounds& bounds,
                              std::string name, std::string title, const std::string& about) {
  const std::size_t n = x.size(), d = x[0].size(), width = bounds.width;
  const auto outer = static_cast<std::size_t>(std::count(labels.begin(), labels.end(), 1));
  const Rational p1(outer, n), p0 = 1 - p1, phi = p0 * p1 * Rational(static_cast<unsigned long>(n));
  const auto row = [&](const Rational& v) { return std::vector<Rational>(width, v); };
  const auto point = [&](const Json& below_weights, const Json& below_bias, const Json& weights, const Json& bias) {
    return Json{{"dense1", {{"weights", below_weights}, {"bias", below_bias}}},
                {"out", {{"weights", weights}, {"bias", bias}}}};
  };
  const Rational lift = p0 - unit.at(unit.rest) * Rational(static_cast<unsigned long>(width));
  Json entry{{"theorem", "local-minimum"},
             {"node", "out"},
             {"parameters", point(Json{{"fill", 0}}, unit.tensor({row(unit.rest)}), rows_of({row(1), row(0)}),
                                  rows_of({{lift, p1}}))},
             {"targets", {{"labels", labels}, {"rows", {{1, 0}, {0, 1}}}}}};
  std::string better_text;
  if (width >= n) {
    entry["zero-loss"] = {{"node", "units"}};
    if (!facts(unit.function.kind).analytic) entry["zero-loss"]["rank"] = {{"theorem", "theorem-3.4"}};
    better_text = "zero loss";
  } else {
    const auto better = find_better(x, labels, unit);
    if (!better) return std::nullopt;
    std::vector<std::vector<Rational>> weights(width, std::vector<Rational>(d)), above{row(0), row(0)};
    std::vector<Rational> bias = row(0);
    weights[0] = better->w;
    bias[0] = better->b;
    above[0][0] = -better->slope;
    above[1][0] = better->slope;
    entry["better"] =
        point(unit.tensor(weights), unit.tensor({bias}), rows_of(above), rows_of({{1 - better->shift, better->shift}}));
    better_text = fmt::format("a better point with Phi about {:.4g}", better->phi.convert_to<double>());
  }
  Json samples = Json::array();
  for (const auto& one : x) {
    Json& to = samples.emplace_back(Json::array());
    for (const Rational& v : one) to.push_back(to_json(v));
  }
  const Json nodes =
      Json::array({Json{{"name", "dense1"}, {"op", "dense"}, {"filters", width}, {"bias", "neuron"}},
                   Json{{"name", "units"}, {"op", "activation"}, {"function", facts(unit.function.kind).name}},
                   Json{{"name", "out"}, {"op", "dense"}, {"filters", 2}, {"bias", "neuron"}}});
  Json file{{"about", about},
            {"network", {{"input", {{"shape", {d}}}}, {"nodes", nodes}}},
            {"data", {{"format", "inline"}, {"samples", samples}}},
            {"prove", Json::array({entry})}};
  const std::string line =
      fmt::format("N = {}, width {}: {}; Phi = {}, and {}", n, width, title, to_string(phi), better_text);
  return Find{std::move(name), std::move(title), line, std::move(file),
              Json{{"samples", n}, {"width", width}, {"phi", to_string(phi)}}};
}

// ---- all integer points of a small grid ----

using IntegerPoints = std::vector<std::vector<int>>;  // increasing

// Moved to the origin and divided by the greatest common divisor.
IntegerPoints normal(IntegerPoints x) {
  const std::size_t d = x[0].size();
  int common = 0;
  for (std::size_t k = 0; k < d; ++k) {
    int least = x[0][k];
    for (const auto& p : x) least = std::min(least, p[k]);
    for (auto& p : x) {
      p[k] -= least;
      common = std::gcd(common, p[k]);
    }
  }
  for (auto& p : x)
    for (int& v : p) v /= std::max(common, 1);
  return x;
}

// Whether no turning, mirroring or moving gives a smaller list of points, or the same with smaller labels.
bool is_least(const IntegerPoints& x, const Labels& labels) {
  const std::size_t d = x[0].size();
  std::vector<std::size_t> axes(d);
  std::iota(axes.begin(), axes.end(), std::size_t{0});
  do {
    for (unsigned mirrored = 0; mirrored < 1u << d; ++mirrored) {
      IntegerPoints y;
      for (const auto& p : x) {
        auto& q = y.emplace_back();
        for (std::size_t k = 0; k < d; ++k) q.push_back((mirrored >> k & 1) != 0 ? -p[axes[k]] : p[axes[k]]);
      }
      y = normal(std::move(y));
      std::vector<std::size_t> order(x.size());
      std::iota(order.begin(), order.end(), std::size_t{0});
      std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return y[a] < y[b]; });
      IntegerPoints sorted;
      Labels moved;
      for (std::size_t i : order) {
        sorted.push_back(y[i]);
        moved.push_back(labels[i]);
      }
      if (sorted < x || (sorted == x && moved < labels)) return false;
    }
  } while (std::next_permutation(axes.begin(), axes.end()));
  return true;
}

// On no line, in the plane.
bool spans(const IntegerPoints& x) {
  if (x[0].size() == 1) return true;
  for (std::size_t i = 2; i < x.size(); ++i) {
    const int cross = (x[1][0] - x[0][0]) * (x[i][1] - x[0][1]) - (x[1][1] - x[0][1]) * (x[i][0] - x[0][0]);
    if (cross != 0) return true;
  }
  return false;
}

// What both ways of hunting share.
class MinimaQuarry : public Quarry {
 public:
  explicit MinimaQuarry(const MinimaBounds& bounds) : bounds_(bounds), unit_(read_unit(bounds.activation)) {}

  const char* name() const override { return "MINIMUM"; }
  const char* heading() const override { return "Local minima that are not global"; }
  std::string figure(const Json&) const override { return ""; }

 protected:
  MinimaBounds bounds_;
  Unit unit_;
};

class GridQuarry : public MinimaQuarry {
 public:
  explicit GridQuarry(const MinimaBounds& bounds) : MinimaQuarry(bounds) {}

  std::uint64_t total() const override {
    std::uint64_t total = 0;
    for (std::size_t d = 1; d <= bounds_.dimensions; ++d)
      for (std::size_t n = 3; n <= bounds_.samples; ++n) total += subsets(d, n);
    return total;
  }
  Json parameters() const override {
    return {{"minima",
             {{"dimensions", bounds_.dimensions},
              {"grid", bounds_.grid},
              {"samples", bounds_.samples},
              {"width", bounds_.width},
              {"activation", bounds_.activation}}}};
  }

  // By dimension, then by N.
  void run(const HuntSlice& slice, const HuntLog& log) const override {
    std::uint64_t position = 0;
    for (std::size_t d = 1; d <= bounds_.dimensions; ++d) {
      for (std::size_t n = 3; n <= bounds_.samples; ++n) {
        const std::uint64_t block = subsets(d, n);
        if (position + block <= slice.from || block == 0) {
          position += block;
          continue;
        }
        std::vector<std::size_t> chosen(n);
        std::iota(chosen.begin(), chosen.end(), std::size_t{0});
        const std::size_t last = points(d) - n;
        for (bool more = true; more; ++position) {
          if (slice.has(position)) {
            log.tick(position);
            visit(d, chosen, log);
          }
          std::size_t k = n;
          while (k > 0 && chosen[k - 1] == last + k - 1) --k;
          more = k > 0;
          if (!more) continue;
          ++chosen[k - 1];
          for (; k < n; ++k) chosen[k] = chosen[k - 1] + 1;
        }
      }
    }
    log.tick(position);
  }

  const char* summary() const override {
    return "{0} sets of points with two classes examined, up to symmetry: {1} with a local minimum that is not global, "
           "{2} of them with a certificate that widecheck accepts";
  }
  std::string introduction() const override {
    return "Sets of integer points, up to moving, mirroring and turning, with two classes. Where one class lies inside "
           "the "
           "other in convex order, all weights 0 below a layer of units that bend upward is a local minimum.";
  }

 private:
  std::size_t points(std::size_t d) const {
    std::size_t all = 1;
    for (std::size_t k = 0; k < d; ++k) all *= bounds_.grid + 1;
    return all;
  }
  std::uint64_t subsets(std::size_t d, std::size_t n) const { return n > points(d) ? 0 : binomial(points(d), n); }

  void visit(std::size_t d, const std::vector<std::size_t>& chosen, const HuntLog& log) const {
    IntegerPoints x;
    for (std::size_t index : chosen) {
      auto& p = x.emplace_back(d);
      for (std::size_t k = d; k-- > 0; index /= bounds_.grid + 1) p[k] = static_cast<int>(index % (bounds_.grid + 1));
    }
    if (normal(x) != x || !spans(x)) return;
    Points exact;
    for (const auto& p : x) exact.emplace_back(p.begin(), p.end());
    for (std::uint64_t mask = 1; mask + 1 < std::uint64_t{1} << x.size(); ++mask) {
      Labels labels;
      for (std::size_t i = 0; i < x.size(); ++i) labels.push_back(static_cast<int>(mask >> i & 1));
      if (!is_least(x, labels)) continue;
      poll();
      log.examined();
      if (!is_inside(exact, labels)) continue;
      std::string code, words[2];
      for (std::size_t i = 0; i < x.size(); ++i) {
        std::string one = fmt::format("{}", fmt::join(x[i], d == 1 ? "" : "_")),
                    text = fmt::format("{}", fmt::join(x[i], ", "));
        if (d > 1) text = "(" + text + ")";
        code += fmt::format(".{}{}", labels[i] == 0 ? "i" : "o", one);
        std::string& list = words[labels[i]];
        list += (list.empty() ? "" : ", ") + text;
      }
      auto found = make_find(exact, labels, unit_, bounds_, fmt::format("d{}-n{}{}", d, x.size(), code),
                             fmt::format("{} inside {}", words[0], words[1]),
                             "Found by widecert hunt minima among all sets of integer points of a grid.");
      if (found) log.found(std::move(*found));
    }
  }
};

// ---- the samples of a case ----

// Samples of one class that are midpoints of pairs of another one, at the chosen inputs: all different, and as few as
// are asked for.
class DataQuarry : public MinimaQuarry {
 public:
  explicit DataQuarry(const MinimaBounds& bounds) : MinimaQuarry(bounds) {
    CaseFile file = read_case(bounds.data);
    if (!file.data) throw InputError(bounds.data + ": a case without data has no samples to be searched");
    Instance instance = load_instance(file);
    const Json json = read_json_file(file.path);
    JsonReader in(json, file.path, file.folder);
    std::optional<ClassTargets> classes;
    for (JsonReader entry : in.get("prove").list()) {
      const auto targets = entry.find("targets");
      if (!targets || classes) continue;
      const TargetsSpec spec = read_targets(*targets);
      if (const auto* found = std::get_if<ClassTargets>(&spec)) classes = *found;
    }
    if (!classes) {
      throw InputError(file.path + ": no entry has \"targets\" with \"labels\", which say the classes of the samples");
    }
    labels_ = expand_classes(classes->labels, instance.data.size());
    where_ = describe(*instance.data_spec, file.folder);
    inputs_ = bounds.inputs;
    if (inputs_.empty()) {
      inputs_.resize(instance.data.width());
      std::iota(inputs_.begin(), inputs_.end(), std::size_t{0});
    }
    for (std::size_t k : inputs_) {
      if (k >= instance.data.width())
        throw InputError(fmt::format("--inputs {}: the samples have inputs 0 to {}", k, instance.data.width() - 1));
    }
    for (std::size_t i = 0; i < instance.data.size(); ++i) {
      auto& point = points_.emplace_back();
      for (std::size_t k : inputs_) point.push_back(instance.data.at(i, k));
    }
    std::set<std::size_t> all(labels_.begin(), labels_.end());
    const std::vector<std::size_t>& wanted = bounds.classes;
    if (!wanted.empty() && wanted.size() != 2) throw InputError("--classes: expected two, INNER,OUTER");
    for (std::size_t inner : all) {
      for (std::size_t outer : all) {
        if (inner != outer && (wanted.empty() || (wanted[0] == inner && wanted[1] == outer)))
          pairs_.emplace_back(inner, outer);
      }
    }
    if (pairs_.empty()) throw InputError("--classes: the samples have no two such classes");
  }

  std::uint64_t total() const override { return pairs_.size() * bounds_.triples; }
  Json parameters() const override {
    return {{"minima",
             {{"data", bounds_.data},
              {"inputs", bounds_.inputs},
              {"classes", bounds_.classes},
              {"triples", bounds_.triples},
              {"width", bounds_.width},
              {"activation", bounds_.activation}}}};
  }

  void run(const HuntSlice& slice, const HuntLog& log) const override {
    for (std::uint64_t position = slice.from; position < total(); ++position) {
      log.tick(position);
      if (!slice.has(position)) continue;
      log.examined();
      visit(position / pairs_.size() + 1, pairs_[position % pairs_.size()], log);
    }
    log.tick(total());
  }

  const char* summary() const override {
    return "{0} pairs of classes examined: {1} with a local minimum that is not global, {2} of them with a certificate "
           "that widecheck accepts";
  }
  std::string introduction() const override {
    return "Samples of one class that lie in the middle of two samples of another, at the inputs that are looked at. "
           "All "
           "weights 0 below a layer of units that bend upward is a local minimum there.";
  }

 private:
  void visit(std::size_t triples, std::pair<std::size_t, std::size_t> classes, const HuntLog& log) const {
    std::map<std::vector<Rational>, std::size_t> outer;  // the first sample with these values
    for (std::size_t i = 0; i < labels_.size(); ++i)
      if (labels_[i] == classes.second) outer.emplace(points_[i], i);
    std::set<std::vector<Rational>> used;
    std::vector<std::size_t> chosen;  // inner ones, then outer ones
    std::vector<std::size_t> around;
    for (std::size_t t = 0; t < labels_.size() && chosen.size() < triples; ++t) {
      if (labels_[t] != classes.first || used.contains(points_[t])) continue;
      poll();
      for (const auto& [point, s] : outer) {
        std::vector<Rational> other;
        for (std::size_t k = 0; k < point.size(); ++k) other.push_back(2 * points_[t][k] - point[k]);
        const auto found = outer.find(other);
        // (Each pair is seen twice.)
        if (found == outer.end() || !(point < other) || used.contains(point) || used.contains(other)) continue;
        for (const auto& p : {points_[t], point, other}) used.insert(p);
        chosen.push_back(t);
        around.push_back(s);
        around.push_back(found->second);
        break;
      }
    }
    if (chosen.size() < triples) return;
    Points x;
    Labels labels;
    std::vector<std::size_t> numbers[2];
    for (int label : {0, 1}) {
      for (std::size_t i : label == 0 ? chosen : around) {
        x.push_back(points_[i]);
        labels.push_back(label);
        numbers[label].push_back(i + 1);
      }
    }
    if (!is_inside(x, labels)) return;
    const std::string seen = inputs_.size() > 8 ? fmt::format("{} inputs", inputs_.size())
                                                : fmt::format("inputs {} (from 0)", fmt::join(inputs_, ", "));
    auto found = make_find(
        x, labels, unit_, bounds_, fmt::format("class-{}-in-{}-n{}", classes.first, classes.second, x.size()),
        fmt::format("{} of class {} inside {} of class {}", chosen.size(), classes.first, around.size(),
                    classes.second),
        fmt::format(
            "Found by widecert hunt minima. Samples {} of class {} inside samples {} of class {} (counted from 1) of "
            "{}; {}.",
            fmt::join(numbers[0], ", "), classes.first, fmt::join(numbers[1], ", "), classes.second, where_, seen));
    if (found) log.found(std::move(*found));
  }

  std::vector<std::size_t> labels_, inputs_;
  std::vector<std::pair<std::size_t, std::size_t>> pairs_;
  Points points_;
  std::string where_;
};

}  // namespace

std::unique_ptr<Quarry> minima_quarry(const Common&, const HuntOptions& options) {
  if (!options.minimum.data.empty()) return std::make_unique<DataQuarry>(options.minimum);
  return std::make_unique<GridQuarry>(options.minimum);
}

}  // namespace widecert::tool
