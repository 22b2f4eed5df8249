// The hunt for layers that violate Assumption 2.4.
#include <fmt/format.h>
#include <widecert/certificate/model_json.h>

#include <algorithm>

#include "hunt.h"
#include "weight_hunt.h"

namespace widecert::tool {
namespace {

class WeightsQuarry : public Quarry {
 public:
  WeightsQuarry(std::uint64_t seed, const HuntOptions& options) : seed_(seed), options_(options) {}

  std::uint64_t total() const override {
    return options_.convolutions  ? count_convolutions(options_.convolution)
           : options_.random != 0 ? options_.random
                                  : count_structures(options_.structure);
  }

  Json parameters() const override {
    const HuntOptions& o = options_;
    if (o.convolutions) {
      return {{"convolutions",
               {{"dimensions", o.convolution.dimensions},
                {"image", o.convolution.image},
                {"size", o.convolution.size},
                {"channels", o.convolution.channels},
                {"filters", o.convolution.filters},
                {"stride", o.convolution.stride},
                {"same", o.convolution.same_padding}}}};
    }
    Json out{{"structures",
              {{"neurons", o.structure.neurons},
               {"length", o.structure.length},
               {"patches", o.structure.patches},
               {"filters", o.structure.filters}}}};
    if (o.random != 0) out["random"] = o.random;
    return out;
  }

  void run(const HuntSlice& slice, const HuntLog& log) const override {
    const HuntCallbacks callbacks{[&](const HuntCandidate& candidate) { visit(candidate, log); }, log.tick};
    if (options_.convolutions) {
      hunt_convolutions(options_.convolution, slice, callbacks);
    } else if (options_.random != 0) {
      hunt_random_structures(options_.structure, seed_, options_.random, slice, callbacks);
    } else {
      hunt_structures(options_.structure, slice, callbacks);
    }
  }

  const char* name() const override { return "VIOLATION"; }
  const char* summary() const override {
    return "{0} layers examined whose patches cover the input and differ: {1} violate Assumption 2.4, {2} of them with "
           "a certificate that widecheck accepts";
  }
  const char* heading() const override { return "Layers that violate Assumption 2.4"; }
  std::string introduction() const override {
    return "Layers whose patches cover the input and differ. Ranks are those at seeded filters modulo a prime below "
           "2<sup>31</sup>, which are hints; what is proved is listed with its certificate.";
  }
  std::string figure(const Json& table) const override { return rank_map(table); }

 private:
  void visit(const HuntCandidate& candidate, const HuntLog& log) const {
    log.examined();
    const Node& node = candidate.network.node(1);
    const std::size_t full = std::min(node.patches->inputs(), node.width), rank = probable_rank(candidate, seed_);
    if (options_.convolutions) {
      Json row(candidate.parameters);
      row["rank"] = rank;
      row["full"] = full;
      log.row(std::move(row));
    }
    if (rank == full) return;
    const Json generic{{"theorem", "full-rank-weights"}, {"node", "layer"}, {"claim", "weights-generic-rank"}};
    log.found({candidate.name, candidate.title, fmt::format("{}: rank {} of {}", candidate.title, rank, full),
               Json{{"network", to_json(candidate.network)},
                    {"prove", Json::array({Json{{"theorem", "full-rank-weights"}, {"node", "layer"}}, generic})}},
               Json{{"rank", rank}, {"full", full}}});
  }

  std::uint64_t seed_;
  const HuntOptions& options_;
};

}  // namespace

std::unique_ptr<Quarry> weights_quarry(const Common& common, const HuntOptions& options) {
  return std::make_unique<WeightsQuarry>(common.seed, options);
}

}  // namespace widecert::tool
