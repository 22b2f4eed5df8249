#include <fmt/format.h>
#include <widecert/certificate/model_json.h>
#include <widecert/number/error.h>

#include "proofs/output.h"
#include "proofs/regions/asked.h"
#include "proofs/regions/factor.h"
#include "proofs/regions/pieces.h"
#include "proofs/regions/regions.h"

namespace widecert {
namespace {

struct Counted {
  std::size_t components = 0, cells = 0, pieces = 0;
  std::string text() const {
    return fmt::format("{} component{} ({} cells, {} with points of the region)", components,
                       components == 1 ? "" : "s", cells, pieces);
  }
};
Counted count(const Units& network, const CellPlane& plane, std::size_t mine, const Options& options) {
  Region region(mine);
  std::size_t seen = 0;
  Counted counted;
  counted.cells = for_each_cell(network, plane, [&](const Polygon& cell, const std::vector<Ray>& outputs) {
    region.add(cell, outputs);
    if (++seen % 1'000 == 0) options.progress("cells", seen, 0);
  });
  counted.pieces = region.pieces().size();
  region.components(counted.components);
  return counted;
}

// What is claimed, with its number, and how.
Outcome answer(const char* kind, Keys keys, const Keys& proof, const Counted& counted,
               const std::optional<std::size_t>& expected) {
  keys.emplace_back("count", counted.components);
  const Finding finding{Claim(kind, keys), Proof("cells", proof)};
  if (expected && *expected != counted.components)
    return refuted("count", fmt::format("{}, not {}", counted.text(), *expected), {finding});
  return proved(counted.text(), {finding});
}

Outcome prove_count(const Instance& instance, const AskedRegion& asked, const std::optional<std::size_t>& expected,
                    const Options& options) {
  if (const auto obstacle = asked.obstacle(instance.network)) return *obstacle;
  if (const auto obstacle = asked.not_piecewise_linear(instance.network)) return *obstacle;
  const Units network = units_of(instance.network, asked.point, asked.output);
  CellPlane plane;
  Keys proof;
  if (network.inputs <= 2) {
    plane = plane_of_inputs(network.inputs);
  } else {
    const auto factor = factor_of(network);
    if (!factor)
      return not_applicable("dimension",
                            fmt::format("{} inputs, of which the network depends by more than two linear forms: "
                                        "components are counted for one or two",
                                        network.inputs));
    plane = plane_of(*factor, network.inputs);
    const auto list = [](const std::vector<std::vector<Rational>>& rows) {
      std::vector<Value> all;
      for (const auto& row : rows) all.emplace_back(row);
      return all;
    };
    proof = {{"directions", list(factor->directions)}, {"forms", list(factor->forms)}};
  }
  try {
    return answer("component-count", asked.keys(instance.network), proof, count(network, plane, asked.mine, options),
                  expected);
  } catch (const Outcome& why) {
    return why;
  }
}

struct Slice {
  TensorSpec origin, u, v;
  std::optional<std::array<Rational, 2>> low, high;
};

Outcome prove_slice(const Instance& instance, const AskedRegion& asked, const Slice& slice,
                    const std::optional<std::size_t>& expected, const Options& options) {
  if (const auto obstacle = asked.obstacle(instance.network)) return *obstacle;
  if (const auto obstacle = asked.not_piecewise_linear(instance.network)) return *obstacle;
  const Units network = units_of(instance.network, asked.point, asked.output);
  Keys keys = asked.keys(instance.network);
  keys.emplace_back("plane", Value::object({{"origin", slice.origin}, {"u", slice.u}, {"v", slice.v}}));
  CellPlane plane = plane_through(asked.row(instance.network, slice.origin, "origin"),
                                  asked.row(instance.network, slice.u, "u"), asked.row(instance.network, slice.v, "v"));
  if (slice.low) {
    for (std::size_t k = 0; k < 2; ++k) {
      std::array<Rational, 3> from{0, 0, -(*slice.low)[k]}, to{0, 0, (*slice.high)[k]};
      from[k] = 1;
      to[k] = -1;
      plane.limits.push_back(from);
      plane.limits.push_back(to);
    }
    const auto rows = [](const std::array<Rational, 2>& v) {
      return std::vector<Value>{Value(std::vector<Rational>{v[0], v[1]})};
    };
    keys.emplace_back("low", rows(*slice.low));
    keys.emplace_back("high", rows(*slice.high));
  }
  try {
    return answer("slice-component-count", keys, {}, count(network, plane, asked.mine, options), expected);
  } catch (const Outcome& why) {
    return why;
  }
}

std::optional<std::size_t> read_count(const Entry& entry) {
  const auto count = entry.json.find("count");
  return count ? std::optional(count->size()) : std::nullopt;
}
const std::pair<std::string, std::string> kCountKey{"count",
                                                    "how many are expected; refuted by another number. Any if absent"};

}  // namespace

Theorem theorems::component_count() {
  return {.id = "component-count",
          .title = "How many connected components a decision region has",
          .source = "here; the examples of Q. Nguyen's thesis (2019), section 5.3",
          .statement =
              "A piecewise linear network of one or two inputs, or one that depends on its inputs by one or two linear "
              "forms only, is affine on finitely many convex cells that cover the plane. On a cell the region of a "
              "class is convex; pieces of it that share an edge inside it are joined. The groups are its components, "
              "unbounded ones too.",
          .hypotheses = {"one or two inputs, or a first layer of rank one or two; relu, leaky-relu, identity; no max "
                         "pooling"},
          .claims = {"component-count"},
          .rules = {"cells"},
          .reasons = {"width", "dimension", "activation", "max-pooling", "too-large", "count"},
          .keys = {kOutputKey, kRegionParametersKey, kClassKey, kCountKey},
          .needs_data = false,
          .read = [](const Entry& entry) -> Prover {
            return [asked = read_asked_region(entry), expected = read_count(entry)](const Instance& instance,
                                                                                    const Options& options) {
              return prove_count(instance, asked, expected, options);
            };
          }};
}

Theorem theorems::slice_component_count() {
  return {
      .id = "slice-component-count",
      .title = "How many connected components a decision region has on a plane through the inputs",
      .source = "here",
      .statement =
          "The set of all (s, t), or of those in a rectangle, for which a class has the largest output at origin + "
          "s u + t v has so many connected components, counted as those of a region in the plane are. Nothing is "
          "said about the region off this plane: two components of the slice may be joined around it.",
      .hypotheses = {"any number of inputs; relu, leaky-relu, identity; no max pooling"},
      .claims = {"slice-component-count"},
      .rules = {"cells"},
      .reasons = {"width", "activation", "max-pooling", "too-large", "count"},
      .keys = {kOutputKey,
               kRegionParametersKey,
               kClassKey,
               {"plane", "{\"origin\", \"u\", \"v\"}: tensors of one row each"},
               {"low", "[[s, t]], the least of a rectangle; the whole plane if absent"},
               {"high", "[[s, t]], the largest of it"},
               kCountKey},
      .needs_data = false,
      .read = [](const Entry& entry) -> Prover {
        JsonReader plane = entry.json.get("plane");
        Slice slice{read_tensor(plane.get("origin")), read_tensor(plane.get("u")), read_tensor(plane.get("v")), {}, {}};
        plane.done();
        const auto corner = [&](const char* key) -> std::optional<std::array<Rational, 2>> {
          const auto given = entry.json.find(key);
          if (!given) return std::nullopt;
          const auto rows = given->list();
          if (rows.size() != 1 || rows[0].list().size() != 2) given->fail("one row of two numbers, [[s, t]]");
          return std::array<Rational, 2>{rows[0].list()[0].rational(), rows[0].list()[1].rational()};
        };
        slice.low = corner("low");
        slice.high = corner("high");
        if (slice.low.has_value() != slice.high.has_value() ||
            (slice.low && ((*slice.low)[0] >= (*slice.high)[0] || (*slice.low)[1] >= (*slice.high)[1])))
          entry.json.fail("\"low\" and \"high\" together, each number of low below that of high");
        return [asked = read_asked_region(entry), slice, expected = read_count(entry)](const Instance& instance,
                                                                                       const Options& options) {
          return prove_slice(instance, asked, slice, expected, options);
        };
      }};
}

}  // namespace widecert
