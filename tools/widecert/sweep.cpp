// widecert sweep: bulk runs that can be stopped, resumed, divided and merged.
//
// DIR/rows.jsonl grows in the order of instances while the sweep runs (rows-I-of-N.jsonl for a shard); its first line
// names the spec by its SHA-256, so that a half-finished file of another sweep is not continued. When all is there,
// results.jsonl, results.csv, sweep.html and figure-K.svg are written: the same bytes however the work was divided. What each
// instance took goes to seconds.csv, which is not the same twice.
#include <fmt/format.h>
#include <widecert/certificate/atomic_file.h>
#include <widecert/number/error.h>
#include <widecert/number/parallel.h>
#include <widecert/number/sha256.h>

#include <chrono>
#include <filesystem>
#include <fstream>

#include "commands.h"
#include "sweep_figure.h"

namespace widecert::tool {
namespace fs = std::filesystem;
namespace {

std::string slurp(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

// The rows of one part, on disk.
struct Part {
  std::string path;
  Json header;
  std::vector<Json> rows;
  std::uint64_t done = 0;  // instances

  // What a run before has left: complete lines of complete instances.
  void resume(std::size_t entries) {
    if (!fs::exists(path)) return;
    const std::string text = slurp(path);
    std::size_t begin = 0, kept = 0;
    bool first = true;
    std::vector<Json> pending;
    while (begin < text.size()) {
      const std::size_t end = text.find('\n', begin);
      if (end == std::string::npos) break;
      const Json line = Json::parse(text.substr(begin, end - begin), nullptr, false);
      if (line.is_discarded()) break;
      begin = end + 1;
      if (first) {
        if (line != header) {
          throw InputError(path + " belongs to another sweep or another division of it; choose another --output, or "
                                  "--restart to begin anew");
        }
        first = false;
        kept = begin;
        continue;
      }
      pending.push_back(line);
      if (pending.size() == entries) {
        for (Json& row : pending) rows.push_back(std::move(row));
        pending.clear();
        ++done;
        kept = begin;
      }
    }
    fs::resize_file(path, kept);
  }
};

std::string part_path(const std::string& folder, const Shard& shard) {
  return shard.count == 1 ? folder + "/rows.jsonl"
                          : fmt::format("{}/rows-{}-of-{}.jsonl", folder, shard.index + 1, shard.count);
}

Json part_header(const std::string& digest, const Shard& shard, const Common& common) {
  return {{"widecert-sweep", digest}, {"shard", fmt::format("{}/{}", shard.index + 1, shard.count)},
          {"evidence", static_cast<int>(common.evidence)}};
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

void merge(const SweepSpec& spec, const std::string& digest, const Common& common, const std::string& folder,
           std::vector<Json>& rows) {
  // The division is told by the names of the files.
  std::uint64_t count = 0;
  for (const auto& entry : fs::directory_iterator(folder)) {
    unsigned long i = 0, n = 0;
    if (std::sscanf(entry.path().filename().c_str(), "rows-%lu-of-%lu.jsonl", &i, &n) != 2) continue;
    if (count != 0 && count != n) {
      throw InputError(folder + " has parts of two divisions (" + std::to_string(count) + " and " + std::to_string(n) + ")");
    }
    count = n;
  }
  if (count == 0) throw InputError(folder + ": there are no parts to merge (rows-I-of-N.jsonl)");
  std::vector<Part> parts;
  for (std::uint64_t i = 0; i < count; ++i) {
    const Shard shard{i, count};
    Part part{part_path(folder, shard), part_header(digest, shard, common), {}, 0};
    if (!fs::exists(part.path)) throw InputError(part.path + " is missing: --shard " + std::to_string(i + 1) + "/" + std::to_string(count));
    part.resume(spec.entries());
    const std::uint64_t wanted = (spec.size() + count - 1 - i) / count;
    if (part.done != wanted) {
      throw InputError(fmt::format("{}: {} of {} instances; the same --shard goes on from there", part.path, part.done, wanted));
    }
    parts.push_back(std::move(part));
  }
  for (std::uint64_t k = 0; k < spec.size(); ++k) {
    Part& part = parts[k % count];
    for (std::size_t e = 0; e < spec.entries(); ++e) rows.push_back(std::move(part.rows[k / count * spec.entries() + e]));
  }
}

void compute(const SweepSpec& spec, const Common& common, const std::string& folder, const Shard& shard, Part& part) {
  const std::uint64_t total = (spec.size() + shard.count - 1 - shard.index) / shard.count;
  const bool fresh = !fs::exists(part.path);
  std::ofstream out(part.path, std::ios::app | std::ios::binary);
  const std::string seconds_path = folder + "/seconds.csv";
  std::ofstream seconds(seconds_path, std::ios::app);
  if (fresh) out << part.header.dump() << "\n";
  ProgressBar bar(common.console);
  constexpr std::uint64_t kChunk = 64;
  Options options;
  options.evidence = common.evidence;
  options.memory = common.memory;
  options.progress = [](const std::string&, std::size_t, std::size_t) { throw_if_stopped(); };
  while (part.done < total) {
    bar.update("instances", part.done, total);
    const std::uint64_t first = part.done, count = std::min(kChunk, total - first);
    std::vector<std::vector<Json>> found(count);
    std::vector<double> took(count);
    parallel_for(count, [&](std::size_t k) {
      throw_if_stopped();
      const SingleThread alone;
      const auto start = std::chrono::steady_clock::now();
      found[k] = sweep_rows(spec, (first + k) * shard.count + shard.index, options);
      took[k] = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    });
    std::string lines;
    for (std::uint64_t k = 0; k < count; ++k) {
      for (Json& row : found[k]) {
        lines += row.dump() + "\n";
        part.rows.push_back(std::move(row));
      }
      seconds << (first + k) * shard.count + shard.index << "," << fmt::format("{:.6f}", took[k]) << "\n";
    }
    out << lines << std::flush;
    seconds.flush();
    if (!out) throw InputError(part.path + ": cannot be written; is the disk full?");
    part.done += count;
  }
  bar.finish();
}

}  // namespace

int run_sweep(const Common& common, const SweepOptions& options) {
  const SweepSpec spec = read_sweep(options.spec);
  check_figure(spec);
  if (!options.instance.empty()) {  // one instance as a case of its own
    const std::uint64_t instance = std::strtoull(options.instance.c_str(), nullptr, 10);
    if (std::to_string(instance) != options.instance || instance >= spec.size()) {
      throw InputError(fmt::format("--instance {}: expected a number from 0 to {}", options.instance, spec.size() - 1));
    }
    fs::create_directories(options.output);
    const std::string path = options.output + "/instance-" + options.instance + ".case.json";
    write_atomically(path, to_text(instance_case(spec, instance)));
    const std::uint64_t seed = instance_seed(spec, instance);
    if (common.json) {
      fmt::print("{}", to_text(Json{{"case", path}, {"seed", seed}, {"exit", 0}}));
    } else if (!common.console.quiet) {
      fmt::print("{}\nwidecert --seed {} prove {} -o {}\n", path, seed, path, options.output);
    }
    return kProved;
  }
  const std::string digest = to_hex(sha256(slurp(options.spec)));
  const Shard shard = read_shard(options.shard);
  fs::create_directories(options.output);
  std::vector<Json> rows;
  bool complete = true;
  if (options.merge) {
    if (!options.shard.empty()) throw InputError("--merge joins all shards; leave --shard away");
    merge(spec, digest, common, options.output, rows);
  } else {
    Part part{part_path(options.output, shard), part_header(digest, shard, common), {}, 0};
    if (options.restart) fs::remove(part.path);
    part.resume(spec.entries());
    try {
      compute(spec, common, options.output, shard, part);
    } catch (...) {
      fmt::print(stderr, "stopped after {} instances; the same command goes on from there ({})\n", part.done, part.path);
      throw;
    }
    rows = std::move(part.rows);
    complete = shard.count == 1;
  }
  if (complete) write_results(spec, options.output, rows);
  std::map<std::string, std::size_t> outcomes;
  for (const Json& row : rows) ++outcomes[row["outcome"]];
  if (common.json) {
    fmt::print("{}", to_text(Json{{"instances", spec.size()}, {"rows", rows.size()}, {"outcomes", outcomes},
                                  {"complete", complete}, {"output", options.output}, {"exit", 0}}));
  } else if (!common.console.quiet) {
    std::string found;
    for (const auto& [outcome, count] : outcomes) found += fmt::format("{}{} {}", found.empty() ? "" : ", ", count, outcome);
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
