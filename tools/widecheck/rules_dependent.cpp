// Rules about dependent features: for every parameter, at one, on an open set.
#include <algorithm>
#include <set>

#include "rules.h"
#include "verdict.h"

namespace widecheck {

namespace {

// The sides of their kink on which the units of an activation are found, over all samples.
class Sides {
 public:
  explicit Sides(std::size_t units) : side_(units, kNew) {}
  // The pre-activation of unit h on one more sample lies between the two signs.
  void note(std::size_t h, int sign_of_low, int sign_of_high) {
    const int here = sign_of_low >= 0 ? 1 : sign_of_high <= 0 ? -1 : 0;
    side_[h] = side_[h] == kNew || side_[h] == here ? here : 0;
  }
  // The most dimensions that the columns of the activation `node` span, those of the linear node below
  // it spanning at most `below` together with the constants: columns are 0, affine in the latter, or
  // anything at all.
  std::size_t dimensions(const Node& node, std::size_t below) const {
    const Function f = node.activation.function;
    std::size_t affine = 0, any = 0;
    for (int s : side_) {
      const bool linear = f == Function::leaky_relu                   ? s != 0
                          : f == Function::relu || f == Function::elu ? s == 1
                                                                      : false;
      const bool dead = f == Function::relu && s == -1;
      if (linear) ++affine;
      if (!linear && !dead) ++any;
    }
    return std::min(affine, below) + any;
  }

 private:
  static constexpr int kNew = 2;
  std::vector<int> side_;  // 1: >= 0 on all samples, -1: <= 0 on all, 0: neither, or unknown
};

}  // namespace

std::string never_independent(const Context& c, std::size_t i, Value& proof, const std::string& rule) {
  const std::size_t n = c.data.size();
  const Node& node = c.network.node(i);
  const std::string& name = node.name;
  std::string why;
  if (rule == "width") {
    require(node.width < n, "width", "the layer has " + number(node.width) + " >= N neurons");
    why = "it has only " + number(node.width) + " neurons";
  } else if (rule == "equal-samples") {
    const auto samples = read_samples(c, proof);
    const std::size_t a = samples[0], b = samples[1];
    std::vector<mpz_class> content[2];
    c.data.for_each([&](std::size_t s, const std::vector<mpz_class>& x) {
      if (s == a) content[0] = x;
      if (s == b) content[1] = x;
    });
    require(content[0] == content[1], "samples-differ", "the two samples differ");
    why = "samples " + number(a + 1) + " and " + number(b + 1) + " are equal";
  } else if (rule == "affine-dimension") {
    const std::size_t most = affine_dimension(c.network, i);
    require(most < n, "dimension", "the values may span " + number(most) + " >= N dimensions");
    why = "the network is affine through few neurons and spans at most " + number(most) + " dimensions";
  } else if (rule == "patch-contents") {
    // The columns of a patch are functions of its content.
    require(node.op == Op::activation, "layer-kind", "the claimed layer is not an activation");
    const Node& map = linear_node(c, node.inputs[0]);
    require(map.inputs == std::vector<std::size_t>{0}, "layer-kind", "the layer does not read the data");
    require_feasible(c, node.inputs[0], 0, 20);
    std::vector<std::set<std::vector<mpz_class>>> contents(map.patches.count());
    c.data.for_each([&](std::size_t, const std::vector<mpz_class>& x) {
      for (std::size_t p = 0; p < contents.size(); ++p) {
        if (contents[p].size() > map.filters) continue;
        std::vector<mpz_class> content;
        for (long e : map.patches.entries()[p]) content.push_back(entry(x, e));
        contents[p].insert(std::move(content));
      }
    });
    std::size_t most = 1;  // the constants, shared by all patches
    for (const auto& of_patch : contents) most += std::min(map.filters, of_patch.size() - 1);
    require(most < n, "dimension", "the values may span " + number(most) + " >= N dimensions");
    why = "its patches take few different contents; at most " + number(most) + " dimensions";
  } else if (rule == "equal-columns") {
    // The claimed node is an activation on a linear node on the data, with biases tied or absent:
    // neurons (p, t), (q, t) of a bank are equal columns if patches p, q agree on every sample.
    require(node.op == Op::activation, "layer-kind", "the claimed layer is not an activation");
    const Node& map = linear_node(c, node.inputs[0]);
    require(map.inputs == std::vector<std::size_t>{0}, "layer-kind", "the layer does not read the data");
    require_feasible(c, node.inputs[0], 0, 100);  // a comparison of patches each
    require(map.bias != Bias::neuron, "free-biases", "each neuron has a bias of its own");
    std::vector<std::size_t> cls;
    for (std::size_t p = 0; p < map.patches.count(); ++p) cls.push_back(map.patches.bank(p));
    std::size_t classes = 0;
    c.data.for_each([&](std::size_t, const std::vector<mpz_class>& x) {
      std::map<std::pair<std::size_t, std::vector<mpz_class>>, std::size_t> refined;
      for (std::size_t p = 0; p < cls.size(); ++p) {
        std::vector<mpz_class> content;
        for (long e : map.patches.entries()[p]) content.push_back(entry(x, e));
        cls[p] = refined.emplace(std::pair(cls[p], std::move(content)), refined.size()).first->second;
      }
      classes = refined.size();
    });
    require(classes * map.filters < n, "columns",
            "there may be " + number(classes * map.filters) + " >= N distinct columns");
    why = "tied biases leave at most " + number(classes * map.filters) + " distinct columns";
  } else {
    throw Rejected("wrong-rule", "rule " + rule + " does not prove never-independent");
  }
  return "rank F(" + name + ") < " + number(n) + " for every parameter: " + why;
}

std::string dependent_at(const Context& c, std::size_t i, Value& claim, Value& proof, const std::string& rule) {
  const std::size_t n = c.data.size();
  const Node& node = c.network.node(i);
  require_feasible(c, i, 0);
  const auto theta = read_point(c.network, i, claim.at("parameters"));
  const std::string sentence = "rank F(" + node.name + ") < " + number(n) + " at the given parameters: ";
  if (rule == "width" || rule == "affine-dimension") {
    never_independent(c, i, proof, rule);
    return sentence + "it holds at all of them, by rule " + rule;
  }
  if (rule == "units-without-kinks") {
    require(node.op == Op::activation, "layer-kind", node.name + " is not an activation");
    const std::size_t map = node.inputs[0];
    linear_node(c, map);
    const Forward forward = make_forward(c, c.network, map, theta, 64);
    Sides sides(node.width);
    c.data.for_each([&](std::size_t, const std::vector<mpz_class>& x) {
      const Values g = forward(x);
      for (std::size_t h = 0; h < g.v.size(); ++h)
        sides.note(h, sgn(mpz_class(g.v[h] - g.radius)), sgn(mpz_class(g.v[h] + g.radius)));
    });
    const std::size_t most = sides.dimensions(node, affine_dimension(c.network, map));
    require(most < n, "dimension", "the features may span " + number(most) + " >= N dimensions");
    return sentence + "all but " + number(most) + " dimensions are lost to units without a kink";
  }
  const Forward forward = make_forward(c, c.network, i, theta, 1);
  require(forward.exact(), "irrational", "the values of the layer are not rational");
  if (rule == "equal-rows") {
    const auto samples = read_samples(c, proof);
    const std::size_t a = samples[0], b = samples[1];
    std::vector<mpz_class> row[2];
    c.data.for_each([&](std::size_t s, const std::vector<mpz_class>& x) {
      if (s == a || s == b) row[s == a ? 0 : 1] = forward(x).v;
    });
    require(row[0] == row[1], "rows-differ", "the features of the two samples differ");
    return sentence + "samples " + number(a + 1) + " and " + number(b + 1) + " have equal features";
  }
  if (rule != "left-kernel") throw Rejected("wrong-rule", "rule " + rule + " does not prove dependent-at");
  std::vector<mpz_class> v;
  for (const Value& entry : proof.at("v").list()) v.push_back(entry.integer());
  if (v.size() != n) proof.at("v").bad(number(n) + " integers");
  require(std::any_of(v.begin(), v.end(), [](const mpz_class& e) { return e != 0; }), "zero-vector",
          "the kernel vector is 0");
  std::vector<mpz_class> sum(node.width, 0);
  c.data.for_each([&](std::size_t s, const std::vector<mpz_class>& x) {
    if (v[s] == 0) return;
    const Values f = forward(x);
    for (std::size_t h = 0; h < sum.size(); ++h) sum[h] += v[s] * f.v[h];
  });
  for (std::size_t h = 0; h < sum.size(); ++h)
    require(sum[h] == 0, "not-a-kernel-vector", "the combination of rows does not vanish at neuron " + number(h + 1));
  return sentence + "a combination of rows vanishes";
}

namespace {

constexpr std::size_t kMaxBits = 2048;  // of an end of an interval

struct Box {  // low <= value <= high
  mpq_class low, high;
};

Box hull(const Box& a, const Box& b) { return {std::min(a.low, b.low), std::max(a.high, b.high)}; }

Box product(const Box& a, const Box& b) {
  const mpq_class p[4] = {a.low * b.low, a.low * b.high, a.high * b.low, a.high * b.high};
  return {*std::min_element(p, p + 4), *std::max_element(p, p + 4)};
}

Box apply(const Activation& f, const Box& x) {
  const mpq_class zero = 0;
  switch (f.function) {
    case Function::identity:
      return x;
    case Function::relu:
      return {std::max(x.low, zero), std::max(x.high, zero)};
    case Function::leaky_relu: {
      const auto at = [&](const mpq_class& v) -> mpq_class { return v < 0 ? f.parameter * v : v; };
      Box y = hull({at(x.low), at(x.low)}, {at(x.high), at(x.high)});
      return x.low < 0 && x.high > 0 ? hull(y, {zero, zero}) : y;
    }
    default:
      throw Rejected("unsupported", f.name + " below the layer is not enclosed over a box");
  }
}

// Encloses the values of a node over all parameters in the box: free tensors within `radius` of the
// point, frozen ones fixed.
class BoxForward {
 public:
  BoxForward(const Network& network, std::map<std::size_t, Parameters> centre, const mpq_class& radius)
      : network_(network), centre_(std::move(centre)), radius_(radius) {}

  std::vector<Box> operator()(std::size_t target, const std::vector<mpq_class>& x) const {
    std::map<std::size_t, std::vector<Box>> known;
    for (std::size_t i : network_.below(target)) {
      const Node& node = network_.node(i);
      std::vector<Box> y(node.width, Box{0, 0});
      const auto in = [&](std::size_t k) -> const std::vector<Box>& { return known.at(node.inputs[k]); };
      switch (node.op) {
        case Op::input:
          for (std::size_t h = 0; h < y.size(); ++h) y[h] = {x[h], x[h]};
          break;
        case Op::linear:
          for (std::size_t h = 0; h < y.size(); ++h) y[h] = neuron(i, h, in(0));
          break;
        case Op::activation:
          for (std::size_t h = 0; h < y.size(); ++h) y[h] = apply(node.activation, in(0)[h]);
          break;
        case Op::max_pool:
        case Op::average_pool:
          for (std::size_t h = 0; h < y.size(); ++h) y[h] = pool(node, h, in(0));
          break;
        default:
          throw Rejected("unsupported", "layer " + node.name + " is not enclosed over a box");
      }
      for (const Box& box : y) {
        for (const mpq_class* end : {&box.low, &box.high})
          if (mpz_sizeinbase(end->get_num_mpz_t(), 2) > kMaxBits || mpz_sizeinbase(end->get_den_mpz_t(), 2) > kMaxBits)
            throw Malformed("too-large", "layer " + node.name + ": intervals of more than 2,048 bits");
      }
      known[i] = std::move(y);
    }
    return std::move(known.at(target));
  }

 private:
  Box around(const Tensor& tensor, std::size_t row, std::size_t column, bool frozen) const {
    mpq_class v(tensor.rows[row][column], tensor.divisor);
    v.canonicalize();
    if (frozen) return {v, v};
    return {v - radius_, v + radius_};
  }
  Box neuron(std::size_t i, std::size_t h, const std::vector<Box>& x) const {
    const Node& node = network_.node(i);
    const Parameters& theta = centre_.at(i);
    const auto& entries = node.patches.entries()[h / node.filters];
    Box sum{0, 0};
    if (node.bias != Bias::none) sum = around(theta.bias, 0, network_.bias_of(i, h), node.frozen_bias.has_value());
    for (std::size_t r = 0; r < entries.size(); ++r) {
      if (entries[r] == kPad) continue;
      const Box w = around(theta.weights, network_.filter_of(i, h), r, node.frozen_weights.has_value());
      const Box term = product(w, x[static_cast<std::size_t>(entries[r])]);
      sum.low += term.low;
      sum.high += term.high;
    }
    return sum;
  }
  static Box pool(const Node& node, std::size_t h, const std::vector<Box>& x) {
    Box result{0, 0};
    bool first = true;
    const auto& entries = node.patches.entries()[h];
    for (long e : entries) {
      if (e == kPad) continue;
      const Box& v = x[static_cast<std::size_t>(e)];
      if (node.op == Op::average_pool) {
        result.low += v.low / entries.size();
        result.high += v.high / entries.size();
      } else {
        result = first ? v : Box{std::max(result.low, v.low), std::max(result.high, v.high)};
      }
      first = false;
    }
    return result;
  }

  const Network& network_;
  std::map<std::size_t, Parameters> centre_;
  mpq_class radius_;
};

}  // namespace

std::string dependent_on_open_set(const Context& c, std::size_t i, Value& claim) {
  const std::size_t n = c.data.size();
  const Node& node = c.network.node(i);
  require(node.op == Op::activation, "layer-kind", node.name + " is not an activation");
  const std::size_t map = node.inputs[0];
  linear_node(c, map);
  require_feasible(c, map, 0, 5000);  // products of intervals of rationals of up to 2,048 bits
  const mpq_class radius = claim.at("radius").rational();
  require(radius > 0, "radius", "the radius must be positive");
  const BoxForward forward(c.network, read_point(c.network, i, claim.at("centre")), radius);
  Sides sides(node.width);
  std::vector<mpq_class> sample(c.network.inputs());
  c.data.for_each([&](std::size_t, const std::vector<mpz_class>& x) {
    for (std::size_t j = 0; j < x.size(); ++j) {
      sample[j] = mpq_class(x[j], c.data.divisor());
      sample[j].canonicalize();
    }
    const std::vector<Box> g = forward(map, sample);
    for (std::size_t h = 0; h < g.size(); ++h) sides.note(h, sgn(g[h].low), sgn(g[h].high));
  });
  const std::size_t most = sides.dimensions(node, affine_dimension(c.network, map));
  require(most < n, "dimension", "the features may span " + number(most) + " >= N dimensions over the box");
  return "rank F(" + node.name + ") <= " + number(most) + " < " + number(n) +
         " wherever every free parameter is within " + show(radius) + " of the centre";
}

}  // namespace widecheck
