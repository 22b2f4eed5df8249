#include <widecert/network/curvature.h>
#include <widecert/number/error.h>
#include <widecert/number/overloaded.h>

#include <algorithm>

namespace widecert {
namespace {

constexpr long kBits = 128;

Ball around(const Ln2& centre, bool free, const Rational& radius) {
  Ball x = centre.enclosure();
  if (free) {
    const Ball r = Ball::enclosing(radius);
    arb_add_error(x.data(), r.data());
  }
  return x;
}

const BendLabel kConstant{true, true, true, true, ""}, kAffine{false, true, true, true, ""};

}  // namespace

Curvature::Curvature(const Architecture& network, const Dataset& data, const Parameters<Ln2>& centre,
                     const Rational& radius, std::size_t target)
    : network_(network), target_(target) {
  const PrecisionScope precision(kBits);
  Parameters<Ball> box;
  for (const auto& [i, theta] : centre) {
    const auto& spec = std::get<LinearSpec>(network.node(i).spec);
    for (const auto& row : theta.weights) {
      auto& balls = box[i].weights.emplace_back();
      auto& ends = weights_[i].emplace_back();
      for (const Ln2& w : row) {
        balls.push_back(around(w, !spec.frozen_weights, radius));
        const bool exact = spec.frozen_weights && w.is_rational();
        ends.push_back(
            {exact ? w.constant() : balls.back().lower_bound(), exact ? w.constant() : balls.back().upper_bound()});
      }
    }
    for (const Ln2& b : theta.bias) box[i].bias.push_back(around(b, spec.free_bias(), radius));
  }
  for (std::size_t s = 0; s < data.size(); ++s) {
    poll();
    std::vector<Ball> x;
    for (const Rational& v : data.sample(s)) x.push_back(Ball::enclosing(v));
    const auto values = forward(network, box, x, target);
    for (std::size_t i : network.ancestors(target)) {
      if (!std::holds_alternative<ActivationSpec>(network.node(i).spec)) continue;
      const auto& in = values[network.node(i).inputs[0]];
      auto& hull = hull_[i];
      for (std::size_t h = 0; h < in.size(); ++h) {
        const Rational low = in[h].lower_bound(), high = in[h].upper_bound();
        if (hull.size() <= h) {
          hull.push_back({low, high});
        } else {
          hull[h].low = std::min(hull[h].low, low);
          hull[h].high = std::max(hull[h].high, high);
        }
      }
    }
  }
  for (std::size_t i : network.ancestors(target)) label(i);
}

BendLabel Curvature::sum(const std::vector<std::pair<BendLabel, Ends>>& terms, const std::string& name) {
  BendLabel all = kConstant;
  for (const auto& [x, w] : terms) {
    if (w.low == 0 && w.high == 0) continue;
    all.constant = all.constant && x.constant;
    all.affine = all.affine && x.affine;
    if (x.affine) continue;
    const bool up = w.low >= 0, down = w.high <= 0;
    const bool convex = (x.convex && up) || (x.concave && down), concave = (x.concave && up) || (x.convex && down);
    if (!convex && !concave)
      all.lost = x.convex || x.concave ? "a weight of " + name + " may have either sign" : x.lost;
    all.convex = all.convex && convex;
    all.concave = all.concave && concave;
  }
  if (!all.convex && !all.concave && all.lost.empty()) all.lost = name + " has terms that bend both ways";
  return all;
}

void Curvature::label(std::size_t i) {
  const Node& node = network_.node(i);
  std::vector<BendLabel>& labels = labels_[i];
  const auto in = [&](std::size_t k = 0) -> const std::vector<BendLabel>& { return labels_.at(node.inputs[k]); };
  const Ends one{1, 1};
  std::vector<std::int64_t> entries;
  const auto pooled = [&](auto make) {
    for (std::size_t p = 0; p < node.patches->count(); ++p) {
      node.patches->expand(p, entries);
      std::vector<BendLabel> of;
      for (std::int64_t e : entries)
        if (e != kPadding) of.push_back(in()[static_cast<std::size_t>(e)]);
      labels.push_back(make(of));
    }
  };
  const auto gather = [&] {
    labels.resize(node.width);
    for (std::size_t k = 0; k < node.inputs.size(); ++k)
      for (std::size_t h = 0; h < in(k).size(); ++h)
        if (const std::size_t to = node.place(k, h); to != Node::kNowhere) labels[to] = in(k)[h];
  };
  std::visit(
      overloaded{
          [&](const InputSpec&) { labels.assign(node.width, kAffine); },
          [&](const LinearSpec&) {
            for (std::size_t h = 0; h < node.width; ++h) {
              std::vector<std::pair<BendLabel, Ends>> terms;
              const auto& w = weights_.at(i)[network_.filter_index(i, h)];
              node.patches->expand(h / node.filters, entries);
              for (std::size_t r = 0; r < entries.size(); ++r)
                if (entries[r] != kPadding) terms.emplace_back(in()[static_cast<std::size_t>(entries[r])], w[r]);
              labels.push_back(sum(terms, node.name));
            }
          },
          [&](const ActivationSpec& activation) {
            const Activation& f = activation.function;
            const bool linear = f.kind == ActivationKind::relu || f.kind == ActivationKind::leaky_relu ||
                                f.kind == ActivationKind::identity;
            for (std::size_t h = 0; h < node.width; ++h) {
              const BendLabel& x = in()[h];
              const auto& [low, high] = hull_.at(i)[h];
              if (x.constant || f.kind == ActivationKind::identity || (linear && low >= 0)) {
                labels.push_back(x);
              } else if (f.kind == ActivationKind::relu && high <= 0) {
                labels.push_back(kConstant);
              } else if (f.kind == ActivationKind::leaky_relu && high <= 0) {
                labels.push_back(f.parameter > 0 ? x : BendLabel{x.constant, x.affine, x.concave, x.convex, x.lost});
              } else {
                const Bend b = bend(f, low, high);
                const Trend t = trend(f, low, high);
                BendLabel y;
                y.convex = b.convex && (x.affine || (x.convex && t.up) || (x.concave && t.down));
                y.concave = b.concave && (x.affine || (x.concave && t.up) || (x.convex && t.down));
                y.lost = x.affine || x.convex || x.concave
                             ? "neuron " + std::to_string(h + 1) + " of " + node.name +
                                   (linear ? " crosses its kink" : " bends both ways on the values it takes")
                             : x.lost;
                labels.push_back(y);
              }
            }
          },
          [&](const PoolSpec& pool) {
            if (pool.kind == PoolSpec::Kind::average) {
              pooled([&](const std::vector<BendLabel>& of) {
                std::vector<std::pair<BendLabel, Ends>> terms;
                for (const BendLabel& x : of) terms.emplace_back(x, one);
                return sum(terms, node.name);
              });
              return;
            }
            pooled([&](const std::vector<BendLabel>& of) {
              BendLabel all{true, false, true, false, "the maximum of " + node.name + " is convex only"};
              for (const BendLabel& x : of) {
                all.constant = all.constant && x.constant;
                all.convex = all.convex && x.convex;
              }
              return all.constant ? kConstant : all;
            });
          },
          [&](const SumSpec&) {
            for (std::size_t h = 0; h < node.width; ++h) {
              std::vector<std::pair<BendLabel, Ends>> terms;
              for (std::size_t k = 0; k < node.inputs.size(); ++k) terms.emplace_back(in(k)[h], one);
              labels.push_back(sum(terms, node.name));
            }
          },
          [&](const ConcatSpec&) { gather(); }, [&](const SelectSpec&) { gather(); },
          [&](const BatchNormSpec& norm) {
            const Tensor scale = expand(norm.scale, network_.norm_shape(i), "scale");
            for (std::size_t h = 0; h < node.width; ++h) {
              const Rational& a = scale[0][h % scale[0].size()];
              labels.push_back(sum({{in()[h], {a, a}}}, node.name));
            }
          }},
      node.spec);
}

BendLabel Curvature::of(const std::vector<Rational>& u) const {
  const Node& node = network_.node(target_);
  const auto times = [](const Rational& factor, const Ends& w) {
    const Rational a = factor * w.low, b = factor * w.high;
    return Ends{std::min(a, b), std::max(a, b)};
  };
  std::vector<std::pair<BendLabel, Ends>> terms;
  if (!std::holds_alternative<LinearSpec>(node.spec)) {
    for (std::size_t j = 0; j < node.width; ++j) terms.emplace_back(outputs()[j], Ends{u[j], u[j]});
    return sum(terms, node.name);
  }
  const auto& below = labels_.at(node.inputs[0]);
  std::vector<Ends> together(below.size());
  std::vector<std::int64_t> entries;
  for (std::size_t j = 0; j < node.width; ++j) {
    const auto& w = weights_.at(target_)[network_.filter_index(target_, j)];
    node.patches->expand(j / node.filters, entries);
    for (std::size_t r = 0; r < entries.size(); ++r) {
      if (entries[r] == kPadding) continue;
      const Ends part = times(u[j], w[r]);
      together[static_cast<std::size_t>(entries[r])].low += part.low;
      together[static_cast<std::size_t>(entries[r])].high += part.high;
    }
  }
  for (std::size_t h = 0; h < below.size(); ++h) terms.emplace_back(below[h], together[h]);
  return sum(terms, node.name);
}

}  // namespace widecert
