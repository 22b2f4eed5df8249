// widecert sweep: bulk runs that can be stopped, resumed, divided and merged.
//
// DIR/rows.jsonl grows in the order of instances while the sweep runs (rows-I-of-N.jsonl for a shard; sweep_rows.h).
// When all is there, results.jsonl, results.csv, sweep.html and figure-K.svg are written: the same bytes however the
// work was divided. What each instance took goes to seconds.csv, which is not the same twice.
#include <fmt/format.h>
#include <widecert/certificate/atomic_file.h>
#include <widecert/data/byte_source.h>
#include <widecert/number/error.h>
#include <widecert/number/parallel.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <memory>

#include "commands.h"
#include "sweep_figure.h"
#include "sweep_rows.h"

namespace widecert::tool {
namespace fs = std::filesystem;
namespace {

std::string part_path(const std::string& folder, const Shard& shard) {
  return shard.count == 1 ? folder + "/rows.jsonl"
                          : fmt::format("{}/rows-{}-of-{}.jsonl", folder, shard.index + 1, shard.count);
}

Json part_header(const Json& identity, const Shard& shard, const Common& common) {
  return {{"widecert-sweep", identity},
          {"shard", fmt::format("{}/{}", shard.index + 1, shard.count)},
          {"evidence", static_cast<int>(common.evidence)},
          {"rung-seconds", fmt::format("{}", common.rung_seconds)}};
}

void remove_results(const std::string& folder) {
  for (const auto& entry : fs::directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    if (name == "results.jsonl" || name == "results.csv" || name == "sweep.html" || name == "seconds.csv" ||
        (name.starts_with("figure-") && name.ends_with(".svg"))) {
      fs::remove(entry.path());
    }
  }
}

// Rows in the order of instances, and the page.
void write_results(const SweepSpec& spec, const std::string& folder, const std::vector<Json>& rows) {
  std::string lines;
  for (const Json& row : rows) lines += row.dump() + "\n";
  write_atomically(folder + "/results.jsonl", lines);
  write_atomically(folder + "/results.csv", sweep_csv(spec, rows));
  write_atomically(folder + "/sweep.html", sweep_page(spec, rows));
  const auto figures = sweep_figures(spec, rows);
  for (std::size_t k = 0; k < figures.size(); ++k) {
    write_atomically(fmt::format("{}/figure-{}.svg", folder, k + 1), figures[k] + "\n");
  }
}

std::vector<Json> merge(const SweepSpec& spec, const Json& identity, const Common& common, const std::string& folder) {
  // The division is told by the names of the files.
  std::uint64_t count = 0;
  for (const auto& entry : fs::directory_iterator(folder)) {
    unsigned long i = 0, n = 0;
    if (std::sscanf(entry.path().filename().c_str(), "rows-%lu-of-%lu.jsonl", &i, &n) != 2) continue;
    if (count != 0 && count != n) {
      throw InputError(folder + " has parts of two divisions (" + std::to_string(count) + " and " + std::to_string(n) +
                       ")");
    }
    count = n;
  }
  if (count == 0) throw InputError(folder + ": there are no parts to merge (rows-I-of-N.jsonl)");
  std::vector<std::unique_ptr<SweepRows>> parts;
  for (std::uint64_t i = 0; i < count; ++i) {
    const Shard shard{i, count};
    const std::string path = part_path(folder, shard);
    if (!fs::exists(path))
      throw InputError(path + " is missing: --shard " + std::to_string(i + 1) + "/" + std::to_string(count));
    parts.push_back(std::make_unique<SweepRows>(spec, shard, path, part_header(identity, shard, common), false));
    SweepRows& part = *parts.back();
    part.resume();
    if (part.done() != part.total()) {
      throw InputError(
          fmt::format("{}: {} of {} instances; the same --shard goes on from there", path, part.done(), part.total()));
    }
  }
  std::vector<Json> rows;
  for (std::uint64_t k = 0; k < spec.size(); ++k) {
    const auto from = parts[k % count]->rows().begin() + static_cast<std::ptrdiff_t>(k / count * spec.entries());
    rows.insert(rows.end(), from, from + static_cast<std::ptrdiff_t>(spec.entries()));
  }
  return rows;
}

void compute(const SweepSpec& spec, const Common& common, const std::string& folder, SweepRows& part) {
  std::ofstream seconds(folder + "/seconds.csv", std::ios::app);
  ProgressBar bar(common.console);
  constexpr std::uint64_t kChunk = 64;
  Options options = prover_options(common);
  options.progress = [](const std::string&, std::size_t, std::size_t) { throw_if_stopped(); };
  while (part.done() < part.total()) {
    bar.update("instances", part.done(), part.total());
    const std::uint64_t first = part.done(), count = std::min(kChunk, part.total() - first);
    std::vector<std::vector<Json>> found(count);
    std::vector<double> took(count);
    parallel_for(count, [&](std::size_t k) {
      throw_if_stopped();
      const SingleThread alone;
      const auto start = std::chrono::steady_clock::now();
      found[k] = sweep_rows(spec, part.instance(first + k), options);
      took[k] = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    });
    part.append(std::move(found));
    for (std::uint64_t k = 0; k < count; ++k)
      seconds << part.instance(first + k) << "," << fmt::format("{:.6f}", took[k]) << "\n";
    seconds.flush();
  }
  bar.finish();
}

// Paths of files that are relative to one folder, relative to another.
void move_paths(Json& json, const std::string& from, const std::string& to) {
  if (!json.is_structured()) return;
  if (json.is_object() && json.contains("path") && json["path"].is_string()) {
    const fs::path path = json["path"].get<std::string>();
    if (path.is_relative()) {
      json["path"] = fs::proximate(fs::absolute(located(from, path.string())), fs::absolute(to)).string();
    }
  }
  for (Json& entry : json) move_paths(entry, from, to);
}

// One instance as a case of its own.
int write_instance(const SweepSpec& spec, const Common& common, const SweepOptions& options) {
  const std::uint64_t instance = std::strtoull(options.instance.c_str(), nullptr, 10);
  if (std::to_string(instance) != options.instance || instance >= spec.size()) {
    throw InputError(fmt::format("--instance {}: expected a number from 0 to {}", options.instance, spec.size() - 1));
  }
  fs::create_directories(options.output);
  const std::string path = options.output + "/instance-" + options.instance + ".case.json";
  Json json = instance_case(spec, instance);
  move_paths(json, spec.folder, options.output);
  write_atomically(path, to_text(json));
  if (common.json) {
    fmt::print("{}", to_text(Json{{"case", path}, {"exit", 0}}));
  } else if (!common.console.quiet) {
    fmt::print("{0}\nwidecert prove {0} -o {1}\n", path, options.output);
  }
  return kProved;
}

}  // namespace

int run_sweep(const Common& common, const SweepOptions& options) {
  const SweepSpec spec = read_sweep(options.spec);
  check_figure(spec);
  if (common.seed_given) throw InputError("--seed: the seeds of a sweep stand in " + options.spec);
  const Json identity = checked_identity(spec);
  if (!options.instance.empty()) return write_instance(spec, common, options);
  const Shard shard = read_shard(options.shard);
  fs::create_directories(options.output);
  std::vector<Json> rows;
  bool complete = true;
  if (options.merge) {
    rows = merge(spec, identity, common, options.output);
  } else {
    SweepRows part(spec, shard, part_path(options.output, shard), part_header(identity, shard, common), true);
    if (options.restart) {
      part.forget();
      remove_results(options.output);
    }
    part.resume();
    try {
      compute(spec, common, options.output, part);
    } catch (const InputError&) {
      throw;  // going on would end there again
    } catch (...) {
      fmt::print(stderr, "stopped after {} instances; the same command goes on from there ({})\n", part.done(),
                 part.path());
      throw;
    }
    rows = part.rows();
    complete = shard.count == 1;
  }
  if (complete) write_results(spec, options.output, rows);
  std::map<std::string, std::size_t> outcomes;
  for (const Json& row : rows) ++outcomes[row["outcome"]];
  if (common.json) {
    fmt::print("{}", to_text(Json{{"instances", spec.size()},
                                  {"rows", rows.size()},
                                  {"outcomes", outcomes},
                                  {"complete", complete},
                                  {"output", options.output},
                                  {"exit", 0}}));
  } else if (!common.console.quiet) {
    std::string found;
    for (const auto& [outcome, count] : outcomes)
      found += fmt::format("{}{} {}", found.empty() ? "" : ", ", count, outcome);
    fmt::print("{} rows: {}\n", rows.size(), found);
    if (complete) {
      fmt::print("{0}/results.csv, {0}/results.jsonl, {0}/sweep.html\n", options.output);
    } else {
      fmt::print("part {} of {}; when all are there: widecert sweep {} -o {} --merge\n", shard.index + 1, shard.count,
                 options.spec, options.output);
    }
  }
  return kProved;
}

}  // namespace widecert::tool
