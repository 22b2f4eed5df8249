// Bulk runs: a case with variables, and the values that they take. Every instance is a case of its own, which the
// provers of the catalogue decide; what they find is rigorous, but the checker is not asked (it is, for any instance
// that is written out as a case).
//
// {"format": "widecert-sweep", "version": 1, "title": ..., "about": ...,
//  "variables": [{"name": "width", "values": [8, 16]}, {"name": "seed", "first": 1, "last": 100}, ...],
//  "draws": {"count": 1000, "seed": 1},   (optional: random values of the variables instead of the whole grid)
//  "seed": "$seed", "data": ..., "network": ..., "prove": [...],
//  "figure": {"x": "width", "y": "sigma_min_low", "series": "activation", "log_x": true, "log_y": true}}
//
// A text "$name" anywhere in "seed", "data", "network" or "prove" stands for the value of that variable; a value may be
// any JSON, a whole list of layers too, given as {"label": ..., "value": ...}. Data may be as in a case, or
// {"format": "gaussian", "count": N, "width": d, "scale": s, "seed": k}: seeded integers, each the sum of 16 uniform
// ones in -s .. s (about normal with standard deviation 2.3 s, and bounded: not the Gaussian of the papers).
#pragma once

#include <nlohmann/json.hpp>

#include "proofs/catalogue.h"

namespace widecert {

struct SweepVariable {
  std::string name;
  std::vector<Json> values;
  std::vector<std::string> labels;  // of each value, for tables
};

struct SweepSpec {
  std::string title, about, folder;  // folder: where the paths of data start
  std::string place;                 // the file, for messages
  std::vector<SweepVariable> variables;
  std::uint64_t draws = 0, draw_seed = 0;  // draws > 0: random values
  Json seed, data, network, prove;         // templates
  Json figure;
  std::size_t entries() const { return prove.size(); }
  // How many instances; each has a row for each entry of "prove".
  std::uint64_t size() const;
};

// Throws InputError naming the place: also for a variable that nothing uses, and for labels that are not different.
SweepSpec read_sweep(const std::string& path);

// Reads instances in which every variable takes its values (200 of many), the others the first of theirs, so that a
// mistake is found before any work. What the results depend on: the digests of the spec, without title and figures,
// and of the files that it names. Throws InputError naming the instance.
Json checked_identity(const SweepSpec& spec);

// The place of each variable's value in an instance.
std::vector<std::size_t> choice(const SweepSpec& spec, std::uint64_t instance);
// The instance as the JSON of a case file.
Json instance_case(const SweepSpec& spec, std::uint64_t instance);

// The rows of an instance, one for each entry of "prove": "instance", the labels of the variables, "theorem", "claim",
// "outcome", "reason", the numbers of the claim (rational, see sweep_numbers) and the "rung". The same on every number
// of threads; sigma bounds may differ in their last digits between kinds of processors. Throws InputError naming the
// instance where it is no case.
std::vector<Json> sweep_rows(const SweepSpec& spec, std::uint64_t instance, const Options& options);

// Whether a row is one that sweep_rows could have made for this instance and entry, as far as its form tells.
bool fits(const SweepSpec& spec, std::uint64_t instance, const Json& row);

// The columns of numbers, in order: those of the catalogue's theorems.
const std::vector<std::pair<std::string, Side>>& sweep_numbers();
// All columns of a table, in order.
std::vector<std::string> sweep_columns(const SweepSpec& spec);
// Rows as CSV, with a header; columns of numbers that no row has are left out. Bounds become decimals on the safe side.
std::string sweep_csv(const SweepSpec& spec, const std::vector<Json>& rows);

}  // namespace widecert
