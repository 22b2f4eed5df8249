#include "proofs/catalogue.h"

#include <fmt/format.h>
#include <widecert/number/error.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "proofs/critical/at_point.h"
#include "proofs/critical/critical_points.h"
#include "proofs/critical/separability.h"
#include "proofs/dependent/never_independent.h"
#include "proofs/dependent/open_set.h"
#include "proofs/dependent/rank_equals.h"
#include "proofs/distinct/hypotheses.h"
#include "proofs/generic/rank_at.h"
#include "proofs/generic/theorem_3_5.h"
#include "proofs/generic/untied_biases.h"
#include "proofs/gradients/gradients.h"
#include "proofs/gradients/in_s_k.h"
#include "proofs/interpolation/gradient_flow.h"
#include "proofs/interpolation/interpolation.h"
#include "proofs/interpolation/nearby.h"
#include "proofs/interpolation/zero_loss.h"
#include "proofs/minima/local_minimum.h"
#include "proofs/moats/moats.h"
#include "proofs/paths/paths.h"
#include "proofs/rays/row_difference.h"
#include "proofs/rays/theorem_3_4.h"
#include "proofs/regions/regions.h"
#include "proofs/singular/singular_values.h"
#include "proofs/skips/local_extrema.h"
#include "proofs/valleys/sublevel_sets.h"
#include "proofs/weights/full_rank_weights.h"

namespace widecert {

const std::vector<Theorem>& catalogue() {
  using namespace theorems;
  static const std::vector<Theorem> all{
      theorem_3_4(),    row_difference(),    assumption_3_1(),    full_rank_weights(), weights_rank_at(),
      theorem_3_5(),    untied_biases(),     rank_at(),           singular_values(),   in_s_k(),
      gradients(),      open_set(),          never_independent(), rank_equals(),       interpolation(),
      zero_loss(),      zero_loss_nearby(),  gradient_flow(),     critical_points(),   vacuous_hypotheses(),
      critical_point(), separability(),      local_minimum(),     sublevel_sets(),     joined(),
      not_joined(),     bad_valley(),        path_below(),        polygon(),           descent(),
      level_ray(),      regions_connected(), path_in_region(),    component_count(),   slice_component_count(),
      disconnected(),   local_extrema()};
  return all;
}

namespace {

std::string ids(const std::vector<Theorem>& known) {
  std::string text;
  for (const Theorem& one : known) text += (text.empty() ? "" : ", ") + one.id;
  return text;
}

const Theorem* find_theorem(const std::string& id, const std::vector<Theorem>& known) {
  const auto found = std::find_if(known.begin(), known.end(), [&](const Theorem& one) { return one.id == id; });
  return found == known.end() ? nullptr : &*found;
}

}  // namespace

const Theorem& theorem(const std::string& id, const std::vector<Theorem>& known) {
  if (const Theorem* found = find_theorem(id, known)) return *found;
  throw InputError("there is no theorem \"" + id + "\"; the catalogue has: " + ids(known));
}

Task read_entry(JsonReader& in, const Architecture& network, const std::vector<Theorem>& known,
                std::optional<std::size_t> node) {
  const JsonReader id = in.get("theorem");
  const Theorem* found = find_theorem(id.text(), known);
  if (found == nullptr) id.fail("a theorem of the catalogue (" + ids(known) + "; widecert explain says what they are)");
  if (!node) {
    const JsonReader given = in.get("node");
    node = network.index_of(given.text(), given.place());
  }
  Task task{found, *node, found->claims.front(), nullptr};
  if (const auto claim = in.find("claim")) {
    task.claim = claim->text();
    if (std::find(found->claims.begin(), found->claims.end(), task.claim) == found->claims.end()) {
      claim->fail(fmt::format("what theorem {} can be asked for: {}", found->id, fmt::join(found->claims, ", ")));
    }
  }
  Prover prover = found->read(Entry{in, network, task.node, task.claim});
  task.prove = [prover = std::move(prover), found](const Instance& instance, const Options& options) {
    if (found->needs_data && instance.data.size() == 0) {
      throw InputError("theorem \"" + found->id + "\" speaks of samples; the case has no \"data\"");
    }
    return prover(instance, options);
  };
  return task;
}

Outcome prove(const Instance& instance, const std::string& id, const std::string& node, const std::string& claim,
              const Options& options) {
  Json json{{"theorem", id}, {"node", node}};
  if (!claim.empty()) json["claim"] = claim;
  return prove_entry(instance, json.dump(), options);
}

Outcome prove_entry(const Instance& instance, const std::string& entry, const Options& options,
                    const std::vector<Theorem>& known) {
  const Json json = parse_json(entry, "entry");
  JsonReader in(json, "entry");
  const Task task = read_entry(in, instance.network, known);
  in.done();
  return task.prove(instance, options);
}

}  // namespace widecert
