// widecert hunt: a search that can be stopped, resumed and divided; what it finds is proved and kept.
#include "hunt.h"

#include <fmt/format.h>
#include <widecert/certificate/atomic_file.h>
#include <widecert/certificate/model_json.h>
#include <widecert/number/error.h>

#include <chrono>
#include <filesystem>

#include "proved_case.h"

namespace widecert::tool {
namespace fs = std::filesystem;
namespace {

class Hunt {
 public:
  Hunt(const Common& common, const HuntOptions& options, const Quarry& quarry)
      : common_(common), options_(options), quarry_(quarry), bar_(common.console), total_(quarry.total()) {
    const Shard shard = read_shard(options.shard);
    slice_.shard = shard.index;
    slice_.shards = shard.count;
    fs::create_directories(options.output);
    state_path_ = options.output + "/hunt.json";
    Json parameters = quarry.parameters();
    parameters["seed"] = common.seed;
    parameters["shard"] = options.shard.empty() ? "1/1" : options.shard;
    state_ = {{"format", "widecert-hunt"},
              {"version", 1},
              {"parameters", std::move(parameters)},
              {"position", 0},
              {"examined", 0},
              {"found", Json::array()},
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
    try {
      if (!state_["done"].get<bool>()) {
        quarry_.run(slice_,
                    {[this] { ++examined_; }, [this](Json row) { table_.push_back(std::move(row)); },
                     [this](const Find& find) { keep(find); }, [this](std::uint64_t position) { tick(position); }});
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
    write_atomically(options_.output + "/hunt.html", hunt_page(quarry_, state_));
    bar_.finish();
  }

  const Json& state() const { return state_; }

 private:
  void keep(const Find& find) {
    Json found = find.facts;
    found["name"] = find.name;
    found["title"] = find.title;
    if (state_["found"].size() + found_.size() < options_.keep) prove(find, found);
    if (!common_.json && !common_.console.quiet) {
      bar_.finish();
      fmt::print("{}  {}  [{}]\n", quarry_.name(), find.line, found.value("verdict", "not kept: --keep"));
      std::fflush(stdout);
    }
    found_.push_back(std::move(found));
  }

  // Writes the case, its claim and its certificate, and lets the checker judge.
  void prove(const Find& find, Json& found) {
    const std::string path = options_.output + "/" + find.name + ".case.json";
    Json file = find.case_file;
    file["format"] = "widecert-case";
    file["version"] = 1;
    file["title"] = find.title;
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
    const bool good = exit == kRefuted || exit == kProved;
    found["exit"] = exit;
    found["accepted"] = good;
    found["verdict"] = exit == kRefuted    ? proved.outcomes[0].reason + ", accepted by widecheck"
                       : good              ? "accepted by widecheck"
                       : exit == kRejected ? "REJECTED BY WIDECHECK"
                                           : "not proved: " + proved.outcomes[0].reason;
    for (const auto& [name, bound] : proved.outcomes[0].numbers) found[name] = to_string(bound);
    if (proved.outcomes.size() > 1) found["exact"] = proved.exit_of(1) == kProved;
  }

  // What was found since the last tick belongs to positions that are done now. A search that is
  // stopped between two ticks begins again at the earlier one.
  void tick(std::uint64_t position) {
    state_["position"] = position;
    state_["examined"] = state_["examined"].get<std::uint64_t>() + examined_;
    for (Json& found : found_) state_["found"].push_back(std::move(found));
    for (Json& row : table_) state_["table"].push_back(std::move(row));
    examined_ = 0;
    found_.clear();
    table_.clear();
    if (++ticks_ % 256 != 0) return;
    bar_.update(fmt::format("examined {}, found {}", state_["examined"].get<std::uint64_t>(), state_["found"].size()),
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
  const Quarry& quarry_;
  HuntSlice slice_;
  ProgressBar bar_;
  std::uint64_t total_, ticks_ = 0;
  std::string state_path_;
  Json state_;
  std::uint64_t examined_ = 0;  // since the last tick; so are the next two
  std::vector<Json> found_, table_;
  std::chrono::steady_clock::time_point saved_ = std::chrono::steady_clock::now();
};

}  // namespace

int run_hunt(const Common& common, const HuntOptions& options) {
  const std::unique_ptr<Quarry> quarry =
      options.minima ? minima_quarry(common, options) : weights_quarry(common, options);
  Hunt hunt(common, options, *quarry);
  hunt.run();
  const Json& state = hunt.state();
  int exit = kProved;
  std::size_t accepted = 0;
  for (const Json& found : state["found"]) {
    if (found.value("accepted", false)) {
      ++accepted;
    } else if (found.contains("exit")) {
      exit = worse(exit, found["exit"].get<int>());
    }
  }
  if (common.json) {
    Json out = state;
    out["exit"] = exit;
    fmt::print("{}", to_text(out));
  } else if (!common.console.quiet) {
    fmt::print("{}\nstate: {}/hunt.json, page: {}/hunt.html\n",
               fmt::format(fmt::runtime(quarry->summary()), state["examined"].get<std::uint64_t>(),
                           state["found"].size(), accepted),
               options.output, options.output);
  }
  return exit;
}

}  // namespace widecert::tool
