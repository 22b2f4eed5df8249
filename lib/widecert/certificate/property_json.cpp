// Properties as JSON and in words.
#include <fmt/format.h>
#include <widecert/certificate/model_json.h>
#include <widecert/number/overloaded.h>

namespace widecert {
namespace {

// For people (the claim has the exact number), rounded to the safe side: what is printed has been proved.
std::string below(const Rational& value) { return decimal_below(value, 5); }
std::string above(const Rational& value) { return decimal_above(value, 5); }
std::string describe(const Range& range) {
  return fmt::format("[{}, {}]", below(range.low), above(range.high));
}

}  // namespace

Json to_json(const Range& range) { return Json{to_json(range.low), to_json(range.high)}; }

Range read_range(const JsonReader& in) {
  const auto list = in.list();
  if (list.size() != 2) in.fail("[low, high]");
  return {list[0].rational(), list[1].rational()};
}

Json property_json(const Property& property) {
  Json out = std::visit(
      overloaded{[](const PatchesDistinct& p) {
                   return Json{{"node", p.node}};
                 },
                 [](const PatchesCollide& p) {
                   return Json{{"node", p.node}, {"first", {p.i, p.p}}, {"second", {p.j, p.q}}};
                 },
                 [](const FeaturesDistinctAt& p) {
                   return Json{{"node", p.node}, {"parameters", to_json(p.parameters)}};
                 },
                 [](const WeightsFullRankAt& p) {
                   return Json{{"node", p.node}, {"weights", to_json(p.weights)}};
                 },
                 [](const WeightsDeficientAt& p) {
                   return Json{{"node", p.node}, {"weights", to_json(p.weights)}};
                 },
                 [](const WeightsFullRank& p) {
                   return Json{{"node", p.node}};
                 },
                 [](const WeightsNeverFullRank& p) {
                   return Json{{"node", p.node}};
                 },
                 [](const WeightsGenericRank& p) {
                   return Json{{"node", p.node}, {"rank", p.rank}};
                 },
                 [](const ActivationViolates& p) {
                   return Json{{"node", p.node}, {"assumption", "3.2"}};
                 },
                 [](const NeverIndependent& p) {
                   return Json{{"node", p.node}};
                 },
                 [](const IndependentOnRay& p) {
                   return Json{{"node", p.node},
                               {"alpha_0", to_json(p.alpha_0)},
                               {"family", to_json(p.family)}};
                 },
                 [](const IndependentSomewhere& p) {
                   return Json{{"node", p.node}};
                 },
                 [](const IndependentAt& p) {
                   return Json{{"node", p.node},
                               {"rank", p.rank},
                               {"parameters", to_json(p.parameters)}};
                 },
                 [](const DependentAt& p) {
                   return Json{{"node", p.node}, {"parameters", to_json(p.parameters)}};
                 },
                 [](const IndependentAlmostEverywhere& p) {
                   return Json{{"node", p.node}, {"rank", p.rank}};
                 },
                 [](const DependentOnOpenSet& p) {
                   return Json{{"node", p.node},
                               {"centre", to_json(p.centre)},
                               {"radius", to_json(p.radius)}};
                 },
                 [](const SingularValueBounds& p) {
                   return Json{{"node", p.node},
                               {"matrix", p.ones ? "[F, 1]" : "F"},
                               {"smallest", to_json(p.smallest)},
                               {"largest", to_json(p.largest)},
                               {"parameters", to_json(p.parameters)}};
                 },
                 [](const WeightsSingularValueBounds& p) {
                   return Json{{"node", p.node},
                               {"smallest", to_json(p.smallest)},
                               {"largest", to_json(p.largest)},
                               {"weights", to_json(p.weights)}};
                 },
                 [](const InSk& p) {
                   Json weights = Json::array();
                   for (const Rational& low : p.weights) weights.push_back(to_json(low));
                   return Json{{"node", p.node},
                               {"output", p.output},
                               {"features", to_json(p.features)},
                               {"weights", weights},
                               {"parameters", to_json(p.parameters)}};
                 },
                 [](const GradientEnclosure& p) {
                   return Json{{"node", p.node},
                               {"output", p.output},
                               {"residual", to_json(p.residual)},
                               {"gradient", to_json(p.gradient)},
                               {"targets", to_json(p.targets)},
                               {"parameters", to_json(p.parameters)}};
                 },
                 [](const GradientBounds& p) {
                   return Json{{"node", p.node},
                               {"output", p.output},
                               {"lower", to_json(p.lower)},
                               {"upper", to_json(p.upper)},
                               {"parameters", to_json(p.parameters)}};
                 },
                 [](const GradientDominance& p) {
                   return Json{{"node", p.node},
                               {"output", p.output},
                               {"mu", to_json(p.mu)},
                               {"bias", p.bias},
                               {"parameters", to_json(p.parameters)}};
                 }},
      property);
  out["kind"] = kind_of(property);
  return out;
}

Property read_property(JsonReader in) {
  const std::string kind = in.get("kind").text();
  const std::string node = in.get("node").text();
  Property property = [&]() -> Property {
    if (kind == "patches-distinct") return PatchesDistinct{node};
    if (kind == "patches-collide") {
      const auto a = read_pair(in.get("first")), b = read_pair(in.get("second"));
      return PatchesCollide{node, a[0], a[1], b[0], b[1]};
    }
    if (kind == "features-distinct-at") {
      return FeaturesDistinctAt{node, read_point(in.get("parameters"))};
    }
    if (kind == "weights-full-rank-at")
      return WeightsFullRankAt{node, read_tensor(in.get("weights"))};
    if (kind == "weights-deficient-at")
      return WeightsDeficientAt{node, read_tensor(in.get("weights"))};
    if (kind == "weights-full-rank") return WeightsFullRank{node};
    if (kind == "weights-never-full-rank") return WeightsNeverFullRank{node};
    if (kind == "weights-generic-rank") return WeightsGenericRank{node, in.get("rank").size()};
    if (kind == "activation-violates") {
      if (in.get("assumption").text() != "3.2") in.get("assumption").fail("\"3.2\"");
      return ActivationViolates{node};
    }
    if (kind == "never-independent") return NeverIndependent{node};
    if (kind == "independent-somewhere") return IndependentSomewhere{node};
    if (kind == "independent-on-ray" || kind == "affinely-independent-on-ray") {
      return IndependentOnRay{node, kind[0] == 'a', in.get("alpha_0").rational(),
                              read_family(in.get("family"))};
    }
    if (kind == "independent-at") {
      return IndependentAt{node, in.get("rank").size(), read_point(in.get("parameters"))};
    }
    if (kind == "dependent-at") return DependentAt{node, read_point(in.get("parameters"))};
    if (kind == "independent-almost-everywhere") {
      return IndependentAlmostEverywhere{node, in.get("rank").size()};
    }
    if (kind == "dependent-on-open-set") {
      return DependentOnOpenSet{node, read_point(in.get("centre")), in.get("radius").rational()};
    }
    if (kind == "singular-value-bounds") {
      const JsonReader matrix = in.get("matrix");
      if (matrix.text() != "F" && matrix.text() != "[F, 1]") matrix.fail("\"F\" or \"[F, 1]\"");
      return SingularValueBounds{node, matrix.text() != "F", read_range(in.get("smallest")),
                                 read_range(in.get("largest")), read_point(in.get("parameters"))};
    }
    if (kind == "weights-singular-value-bounds") {
      return WeightsSingularValueBounds{node, read_range(in.get("smallest")),
                                        read_range(in.get("largest")), read_tensor(in.get("weights"))};
    }
    if (kind == "in-s-k") {
      InSk p{node, in.get("output").text(), in.get("features").rational(), {}, read_point(in.get("parameters"))};
      for (const JsonReader& low : in.get("weights").list()) p.weights.push_back(low.rational());
      return p;
    }
    if (kind == "gradient-enclosure") {
      return GradientEnclosure{node,
                               in.get("output").text(),
                               read_range(in.get("residual")),
                               read_range(in.get("gradient")),
                               read_tensor(in.get("targets")),
                               read_point(in.get("parameters"))};
    }
    if (kind == "gradient-bounds") {
      return GradientBounds{node, in.get("output").text(), in.get("lower").rational(),
                            in.get("upper").rational(), read_point(in.get("parameters"))};
    }
    if (kind == "gradient-dominance") {
      return GradientDominance{node, in.get("output").text(), in.get("mu").rational(),
                               in.get("bias").boolean(), read_point(in.get("parameters"))};
    }
    in.get("kind").fail("a kind of claim of version 1");
  }();
  in.done();
  return property;
}

std::string kind_of(const Property& property) {
  return std::visit(overloaded{[](const PatchesDistinct&) { return "patches-distinct"; },
                               [](const PatchesCollide&) { return "patches-collide"; },
                               [](const FeaturesDistinctAt&) { return "features-distinct-at"; },
                               [](const WeightsFullRankAt&) { return "weights-full-rank-at"; },
                               [](const WeightsDeficientAt&) { return "weights-deficient-at"; },
                               [](const WeightsFullRank&) { return "weights-full-rank"; },
                               [](const WeightsNeverFullRank&) {
                                 return "weights-never-full-rank";
                               },
                               [](const WeightsGenericRank&) { return "weights-generic-rank"; },
                               [](const ActivationViolates&) { return "activation-violates"; },
                               [](const NeverIndependent&) { return "never-independent"; },
                               [](const IndependentOnRay& p) {
                                 return p.affine ? "affinely-independent-on-ray"
                                                 : "independent-on-ray";
                               },
                               [](const IndependentSomewhere&) { return "independent-somewhere"; },
                               [](const IndependentAt&) { return "independent-at"; },
                               [](const DependentAt&) { return "dependent-at"; },
                               [](const IndependentAlmostEverywhere&) {
                                 return "independent-almost-everywhere";
                               },
                               [](const DependentOnOpenSet&) { return "dependent-on-open-set"; },
                               [](const SingularValueBounds&) { return "singular-value-bounds"; },
                               [](const WeightsSingularValueBounds&) {
                                 return "weights-singular-value-bounds";
                               },
                               [](const InSk&) { return "in-s-k"; },
                               [](const GradientEnclosure&) { return "gradient-enclosure"; },
                               [](const GradientBounds&) { return "gradient-bounds"; },
                               [](const GradientDominance&) { return "gradient-dominance"; }},
                    property);
}

std::string state(const Property& property, std::size_t n) {
  return std::visit(
      overloaded{
          [&](const PatchesDistinct& p) {
            return fmt::format("no patch of layer {} is shared by two of the {} samples", p.node,
                               n);
          },
          [](const PatchesCollide& p) {
            return fmt::format("under layer {}, patch {} of sample {} equals patch {} of sample {}",
                               p.node, p.p + 1, p.i + 1, p.q + 1, p.j + 1);
          },
          [&](const FeaturesDistinctAt& p) {
            return fmt::format(
                "at the given parameters no two of the {} samples share a patch of features under "
                "layer {}",
                n, p.node);
          },
          [](const WeightsFullRankAt& p) {
            return fmt::format("the weight matrix U of layer {} has full rank at the given filters",
                               p.node);
          },
          [](const WeightsDeficientAt& p) {
            return fmt::format("the weight matrix U of layer {} has not full rank at the given filters",
                               p.node);
          },
          [](const WeightsFullRank& p) {
            return fmt::format("the weight matrix U of layer {} has full rank for almost every W", p.node);
          },
          [](const WeightsNeverFullRank& p) {
            return fmt::format("the weight matrix U of layer {} has full rank for no W", p.node);
          },
          [](const WeightsGenericRank& p) {
            return fmt::format("rank U of layer {} is {} for almost every W, and never more", p.node,
                               p.rank);
          },
          [](const ActivationViolates& p) {
            return fmt::format("the activation of layer {} violates Assumption 3.2", p.node);
          },
          [&](const NeverIndependent& p) {
            return fmt::format("rank F({}) < {} for every parameter", p.node, n);
          },
          [&](const IndependentOnRay& p) {
            return fmt::format("rank {} = {} for every alpha >= {}",
                               p.affine ? "[F(" + p.node + "), 1]" : "F(" + p.node + ")", n,
                               to_string(p.alpha_0));
          },
          [&](const IndependentSomewhere& p) {
            return fmt::format("rank F({}) = {} for some parameter", p.node, n);
          },
          [](const IndependentAt& p) {
            return fmt::format("rank F({}) = {} at the given parameters", p.node, p.rank);
          },
          [&](const DependentAt& p) {
            return fmt::format("rank F({}) < {} at the given parameters", p.node, n);
          },
          [](const IndependentAlmostEverywhere& p) {
            return fmt::format("rank F({}) = {} for almost every parameter", p.node, p.rank);
          },
          [&](const DependentOnOpenSet& p) {
            return fmt::format("rank F({}) < {} on an open set of parameters", p.node, n);
          },
          [](const SingularValueBounds& p) {
            return fmt::format("singular values of {} at the given parameters: smallest in {}, largest in {}",
                               p.ones ? "[F(" + p.node + "), 1]" : "F(" + p.node + ")",
                               describe(p.smallest), describe(p.largest));
          },
          [](const WeightsSingularValueBounds& p) {
            return fmt::format("singular values of U of layer {} at the given filters: smallest in {}, largest in {}",
                               p.node, describe(p.smallest), describe(p.largest));
          },
          [&](const InSk& p) {
            std::string text = fmt::format("the parameters lie in S_k for layer {}, up to layer {}: rank F = {} with sigma_min >= {}", p.node, p.output, n,
                                           below(p.features));
            for (std::size_t j = 0; j < p.weights.size(); ++j) {
              text += fmt::format("{} {}", j == 0 ? ", U_{k+2}, ... of full rank with sigma_min >=" : ",",
                                  below(p.weights[j]));
            }
            return text;
          },
          [](const GradientEnclosure& p) {
            return fmt::format("||F_L - Y|| in {}, the norm of the gradient for U (as a free matrix) above layer {} in {}",
                               describe(p.residual), p.node, describe(p.gradient));
          },
          [](const GradientBounds& p) {
            return fmt::format(
                "for every Y, {} ||F_L - Y|| <= the norm of the gradient for U (as a free matrix) above layer {} <= {} ||F_L - Y||",
                below(p.lower), p.node, above(p.upper));
          },
          [](const GradientDominance& p) {
            return fmt::format("for every Y, Phi <= ||g||^2/(2 mu), mu = {}, g the gradient for U (as a free matrix){} above layer {}",
                               below(p.mu), p.bias ? " and biases" : "", p.node);
          }},
      property);
}

std::string property_text(const Property& property) { return property_json(property).dump(); }

}  // namespace widecert
