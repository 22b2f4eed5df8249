// widecert hunt: a search that can be stopped, resumed and divided; what it finds is proved and
// kept.
#include <fmt/format.h>
#include <widecert/certificate/atomic_file.h>
#include <widecert/certificate/model_json.h>
#include <widecert/number/error.h>
#include "weight_hunt.h"

#include <chrono>
#include <filesystem>

#include "hunt_map.h"
#include "proved_case.h"

namespace widecert::tool {
namespace fs = std::filesystem;
namespace {

Json parameters_json(const Common& common, const HuntOptions& o) {
  Json out{{"seed", common.seed}, {"shard", o.shard.empty() ? "1/1" : o.shard}};
  if (o.convolutions) {
    out["convolutions"] = {
        {"dimensions", o.convolution.dimensions}, {"image", o.convolution.image},     {"size", o.convolution.size},
        {"channels", o.convolution.channels},     {"filters", o.convolution.filters}, {"stride", o.convolution.stride},
        {"same", o.convolution.same_padding}};
  } else {
    out["structures"] = {{"neurons", o.structure.neurons},
                         {"length", o.structure.length},
                         {"patches", o.structure.patches},
                         {"filters", o.structure.filters}};
    if (o.random != 0) out["random"] = o.random;
  }
  return out;
}

class Hunt {
 public:
  Hunt(const Common& common, const HuntOptions& options) : common_(common), options_(options), bar_(common.console) {
    const Shard shard = read_shard(options.shard);
    slice_.shard = shard.index;
    slice_.shards = shard.count;
    total_ = options.convolutions  ? count_convolutions(options.convolution)
             : options.random != 0 ? options.random
                                   : count_structures(options.structure);
    fs::create_directories(options.output);
    state_path_ = options.output + "/hunt.json";
    state_ = {{"format", "widecert-hunt"},
              {"version", 1},
              {"parameters", parameters_json(common, options)},
              {"position", 0},
              {"examined", 0},
              {"violations", Json::array()},
              {"table", Json::array()},
              {"done", false}};
    if (options.restart || !fs::exists(state_path_)) return;
    const Json saved = read_json_file(state_path_);
    if (!saved.is_object() || saved.value("parameters", Json()) != state_["parameters"]) {
      throw InputError(state_path_ +
                       " belongs to a search with other parameters; choose another "
                       "--output, or --restart to begin anew");
    }
    state_ = saved;
    slice_.from = state_["position"].get<std::uint64_t>();
  }

  void run() {
    const HuntCallbacks callbacks{[this](const HuntCandidate& candidate) { visit(candidate); },
                                  [this](std::uint64_t position) { tick(position); }};
    try {
      if (!state_["done"].get<bool>()) {
        if (options_.convolutions) {
          hunt_convolutions(options_.convolution, slice_, callbacks);
        } else if (options_.random != 0) {
          hunt_random_structures(options_.structure, common_.seed, options_.random, slice_, callbacks);
        } else {
          hunt_structures(options_.structure, slice_, callbacks);
        }
        state_["done"] = true;
      }
    } catch (...) {
      save();
      bar_.finish();
      fmt::print(stderr, "stopped at {} of {}; the same command goes on from there ({})\n",
                 state_["position"].get<std::uint64_t>(), total_, state_path_);
      throw;
    }
    save();
    write_atomically(options_.output + "/hunt.html", hunt_page(state_));
    bar_.finish();
  }

  const Json& state() const { return state_; }

 private:
  void visit(const HuntCandidate& candidate) {
    ++examined_;
    const Node& node = candidate.network.node(1);
    const std::size_t full = std::min(node.patches->inputs(), node.width);
    const std::size_t rank = probable_rank(candidate, common_.seed);
    if (options_.convolutions) {
      Json row(candidate.parameters);
      row["rank"] = rank;
      row["full"] = full;
      table_.push_back(std::move(row));
    }
    if (rank == full) return;
    Json found{{"name", candidate.name}, {"title", candidate.title}, {"rank", rank}, {"full", full}};
    if (state_["violations"].size() + violations_.size() < options_.keep) {
      prove_violation(candidate, found);
    }
    violations_.push_back(found);
    if (!common_.json && !common_.console.quiet) {
      bar_.finish();
      fmt::print("VIOLATION  {}: rank {} of {}  [{}]\n", candidate.title, rank, full,
                 found.value("verdict", "not kept: --keep"));
      std::fflush(stdout);
    }
  }

  // Writes the case, its claim and its certificate, and lets the checker judge.
  void prove_violation(const HuntCandidate& candidate, Json& found) {
    const std::string path = options_.output + "/" + candidate.name + ".case.json";
    Json requests =
        Json::array({{{"theorem", "full-rank-weights"}, {"node", "layer"}},
                     {{"theorem", "full-rank-weights"}, {"node", "layer"}, {"claim", "weights-generic-rank"}}});
    Json file{{"format", "widecert-case"},
              {"version", 1},
              {"title", candidate.title},
              {"network", to_json(candidate.network)},
              {"prove", requests}};
    write_atomically(path, to_text(file));
    const Proved proved = prove_case(common_, path, options_.output);
    for (std::size_t k = 0; k < proved.outcomes.size(); ++k) {
      const Outcome& outcome = proved.outcomes[k];
      Json& expect = file["prove"][k]["expect"];
      expect["outcome"] = to_string(outcome.verdict);
      if (!outcome.reason.empty()) expect["reason"] = outcome.reason;
    }
    write_atomically(path, to_text(file));
    const int exit = proved.exit_of(0);
    found["exit"] = exit;
    found["verdict"] = exit == kRefuted    ? proved.outcomes[0].reason + ", accepted by widecheck"
                       : exit == kRejected ? "REJECTED BY WIDECHECK"
                                           : "not proved: " + proved.outcomes[0].reason;
    found["exact"] = proved.exit_of(1) == kProved;
  }

  // What was found since the last tick belongs to positions that are done now. A search that is
  // stopped between two ticks begins again at the earlier one.
  void tick(std::uint64_t position) {
    state_["position"] = position;
    state_["examined"] = state_["examined"].get<std::uint64_t>() + examined_;
    for (Json& found : violations_) state_["violations"].push_back(std::move(found));
    for (Json& row : table_) state_["table"].push_back(std::move(row));
    examined_ = 0;
    violations_.clear();
    table_.clear();
    if (++ticks_ % 256 != 0) return;
    bar_.update(
        fmt::format("examined {}, violations {}", state_["examined"].get<std::uint64_t>(), state_["violations"].size()),
        position, total_);
    const auto now = std::chrono::steady_clock::now();
    if (now - saved_ < std::chrono::seconds(10)) return;
    save();
  }

  void save() {
    write_atomically(state_path_, to_text(state_));
    saved_ = std::chrono::steady_clock::now();
  }

  const Common& common_;
  const HuntOptions& options_;
  HuntSlice slice_;
  ProgressBar bar_;
  std::uint64_t total_ = 0, ticks_ = 0;
  std::string state_path_;
  Json state_;
  std::uint64_t examined_ = 0;  // since the last tick; so are the next two
  std::vector<Json> violations_, table_;
  std::chrono::steady_clock::time_point saved_ = std::chrono::steady_clock::now();
};

}  // namespace

int run_hunt(const Common& common, const HuntOptions& options) {
  Hunt hunt(common, options);
  hunt.run();
  const Json& state = hunt.state();
  int exit = kProved;
  std::size_t proved = 0;
  for (const Json& found : state["violations"]) {
    const int each = found.value("exit", static_cast<int>(kUndecided));
    if (each == kRefuted) {
      ++proved;
    } else if (found.contains("exit")) {
      exit = worse(exit, each);
    }
  }
  if (common.json) {
    Json out = state;
    out["exit"] = exit;
    fmt::print("{}", to_text(out));
  } else if (!common.console.quiet) {
    fmt::print(
        "{} layers examined whose patches cover the input and differ: {} violate Assumption "
        "2.4, {} of them with a certificate that widecheck accepts\nstate: {}/hunt.json, "
        "page: {}/hunt.html\n",
        state["examined"].get<std::uint64_t>(), state["violations"].size(), proved, options.output, options.output);
  }
  return exit;
}

}  // namespace widecert::tool
