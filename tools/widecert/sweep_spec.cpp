#include "sweep_spec.h"

#include <fmt/format.h>
#include <widecert/data/byte_source.h>
#include <widecert/number/error.h>
#include <widecert/number/sha256.h>
#include <widecert/number/stream.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <set>

#include "proofs/case_file.h"

namespace widecert {
namespace {

constexpr std::uint64_t kMostInstances = 100'000'000;

SweepVariable read_variable(JsonReader in) {
  SweepVariable variable;
  variable.name = in.get("name").text();
  if (const auto values = in.find("values")) {
    for (JsonReader value : values->list()) {
      const Json& json = value.json();
      if (json.is_object() && json.contains("label")) {
        variable.labels.push_back(value.get("label").text());
        variable.values.push_back(value.get("value").json());
        value.done();
      } else {
        if (!json.is_string() && !json.is_number_integer()) {
          value.fail("a number, a text, or {\"label\": ..., \"value\": ...}");
        }
        variable.labels.push_back(json.is_string() ? json.get<std::string>() : json.dump());
        variable.values.push_back(json);
      }
    }
  } else {
    const std::int64_t first = in.get("first").integer(0, 1'000'000'000),
                       last = in.get("last").integer(first, 1'000'000'000);
    std::int64_t step = 1;
    if (const auto given = in.find("step")) step = given->integer(1, 1'000'000'000);
    if ((last - first) / step > 10'000'000) in.fail("at most 10,000,000 values");
    for (std::int64_t v = first; v <= last; v += step) {
      variable.values.push_back(v);
      variable.labels.push_back(std::to_string(v));
    }
  }
  if (variable.values.empty()) in.fail("at least one value");
  const std::set<std::string> labels(variable.labels.begin(), variable.labels.end());
  if (labels.size() != variable.labels.size()) in.fail("labels that are different");
  in.done();
  return variable;
}

void collect_variables(const Json& json, std::set<std::string>& names) {
  if (json.is_string()) {
    const std::string& text = json.get_ref<const std::string&>();
    if (!text.empty() && text[0] == '$') names.insert(text.substr(1));
  } else if (json.is_structured()) {
    for (const Json& entry : json) collect_variables(entry, names);
  }
}

// The files that a case names.
void collect_files(const Json& json, std::set<std::string>& paths) {
  if (!json.is_structured()) return;
  if (json.is_object() && json.contains("path") && json["path"].is_string())
    paths.insert(json["path"].get<std::string>());
  for (const Json& entry : json) collect_files(entry, paths);
}

// Replaces "$name" everywhere.
Json fill(const Json& json, const std::map<std::string, Json>& values, const std::string& place) {
  if (json.is_string()) {
    const std::string& text = json.get_ref<const std::string&>();
    if (text.empty() || text[0] != '$') return json;
    const auto found = values.find(text.substr(1));
    if (found == values.end()) throw InputError(place + ": there is no variable " + text);
    return found->second;
  }
  Json out = json;
  if (json.is_object() || json.is_array()) {
    for (auto it = out.begin(); it != out.end(); ++it) *it = fill(*it, values, place);
  }
  return out;
}

std::map<std::string, Json> values_of(const SweepSpec& spec, std::uint64_t instance) {
  std::map<std::string, Json> values;
  const auto chosen = choice(spec, instance);
  for (std::size_t k = 0; k < chosen.size(); ++k) {
    values[spec.variables[k].name] = spec.variables[k].values[chosen[k]];
  }
  return values;
}

// {"format": "gaussian", ...} as inline samples, at most so many.
Json gaussian(const Json& json, const std::string& place, std::size_t most) {
  JsonReader in(json, place);
  in.get("format");
  const std::size_t count = in.get("count").size(100'000), width = in.get("width").size(100'000);
  const std::int64_t scale = in.get("scale").integer(1, 1'000'000'000);
  const auto seed = static_cast<std::uint64_t>(in.get("seed").integer(0, std::int64_t{1} << 53));
  in.done();
  if (count * width > 10'000'000) in.fail("at most 10,000,000 numbers");
  SeededIntegers integers("sweep", seed, "gaussian", -scale, scale);
  Json samples = Json::array();
  for (std::size_t i = 0; i < std::min(count, most); ++i) {
    Json row = Json::array();
    for (std::size_t j = 0; j < width; ++j) {
      std::int64_t sum = 0;
      for (std::size_t k = 0; k < 16; ++k) sum += integers.at(i, 16 * j + k);
      row.push_back(sum);
    }
    samples.push_back(std::move(row));
  }
  return {{"format", "inline"}, {"samples", std::move(samples)}};
}

// Data files are read once, however many instances use them.
Dataset cached_data(const CaseFile& file, const Json& json, DatasetSpec& resolved) {
  struct Known {
    Dataset data;
    DatasetSpec resolved;
  };
  static std::mutex guard;
  static std::map<std::string, std::shared_ptr<const Known>> known;
  if (std::holds_alternative<InlineSource>(file.data->source)) return load_data(file, resolved);
  const std::string key = file.folder + "\n" + describe(file.network.node(0).shape) + "\n" + json.dump();
  const std::lock_guard lock(guard);
  auto& entry = known[key];
  if (!entry) {
    auto fresh = std::make_shared<Known>();
    fresh->resolved = *file.data;
    fresh->data = load_data(file, fresh->resolved);
    entry = fresh;
  }
  resolved = entry->resolved;
  return entry->data;
}

std::pair<CaseFile, Instance> read_instance(const SweepSpec& spec, const Json& json, const std::string& where) {
  CaseFile file = read_case_json(json, where, spec.folder);
  Instance instance{file.network, file.data, {}};
  if (file.data) instance.data = cached_data(file, json["data"], *instance.data_spec);
  return {std::move(file), std::move(instance)};
}

std::string place_of(const SweepSpec& spec, std::uint64_t instance) {
  std::string where = spec.place + ": instance " + std::to_string(instance);
  const auto chosen = choice(spec, instance);
  for (std::size_t k = 0; k < chosen.size(); ++k) {
    where += ", " + spec.variables[k].name + " = " + spec.variables[k].labels[chosen[k]];
  }
  return where;
}

// Errors that name the instance.
template <class Work>
auto at_place(const std::string& where, const Work& work) {
  try {
    return work();
  } catch (const InputError& error) {
    const std::string what = error.what();
    throw InputError(what.starts_with(where) ? what : where + ": " + what);
  } catch (const ShapeError& error) {
    throw InputError(where + ": " + error.what());
  }
}

Json make_case(const SweepSpec& spec, std::uint64_t instance, std::size_t most_samples) {
  const auto values = values_of(spec, instance);
  Json out{{"format", "widecert-case"}, {"version", 1}, {"title", spec.title}};
  const Json seed = fill(spec.seed, values, spec.place);
  if (!seed.is_number_integer() || seed.get<std::int64_t>() < 0) {
    throw InputError(spec.place + ": seed: expected a number from 0 on");
  }
  out["seed"] = seed;
  out["network"] = fill(spec.network, values, spec.place);
  out["prove"] = fill(spec.prove, values, spec.place);
  if (!spec.data.is_null()) {
    out["data"] = fill(spec.data, values, spec.place);
    if (out["data"].is_object() && out["data"].value("format", Json()) == "gaussian") {
      out["data"] = gaussian(out["data"], spec.place + ": data", most_samples);
    }
  }
  return out;
}

// Instances in which every value occurs, or 200 of many.
std::set<std::uint64_t> telling_instances(const SweepSpec& spec) {
  constexpr std::uint64_t kMost = 200;
  std::set<std::uint64_t> out;
  const auto spread = [&](std::uint64_t count, std::uint64_t stride) {
    for (std::uint64_t k = 0; k < std::min(count, kMost); ++k) {
      out.insert((count <= kMost ? k : k * (count - 1) / (kMost - 1)) * stride);
    }
  };
  if (spec.draws > 0) {
    spread(spec.draws, 1);
    return out;
  }
  std::uint64_t stride = 1;
  for (std::size_t k = spec.variables.size(); k-- > 0;) {
    spread(spec.variables[k].values.size(), stride);
    stride *= spec.variables[k].values.size();
  }
  out.insert(spec.size() - 1);
  return out;
}

}  // namespace

std::uint64_t SweepSpec::size() const {
  if (draws > 0) return draws;
  std::uint64_t size = 1;
  for (const SweepVariable& variable : variables) size *= variable.values.size();
  return size;
}

SweepSpec read_sweep(const std::string& path) {
  const Json json = read_json_file(path);
  JsonReader in(json, path);
  SweepSpec spec;
  spec.place = path;
  spec.folder = in.folder();
  if (in.get("format").text() != "widecert-sweep") in.get("format").fail("\"widecert-sweep\"");
  if (in.get("version").integer(0, 1'000'000) != 1) in.get("version").fail("version 1");
  if (const auto title = in.find("title")) spec.title = title->text();
  if (const auto about = in.find("about")) spec.about = about->text();
  double size = 1;
  for (const JsonReader& entry : in.get("variables").list()) {
    spec.variables.push_back(read_variable(entry));
    size *= static_cast<double>(spec.variables.back().values.size());
    const std::string& name = spec.variables.back().name;
    for (std::size_t k = 0; k + 1 < spec.variables.size(); ++k) {
      if (spec.variables[k].name == name) entry.fail("a name that is not taken");
    }
    for (const std::string& column : sweep_columns(SweepSpec())) {
      if (column == name) entry.fail("a name that is no column of the table");
    }
  }
  if (auto draws = in.find("draws")) {
    spec.draws = static_cast<std::uint64_t>(draws->get("count").integer(1, kMostInstances));
    spec.draw_seed = static_cast<std::uint64_t>(draws->get("seed").integer(0, std::int64_t{1} << 53));
    draws->done();
  } else if (size > static_cast<double>(kMostInstances)) {
    in.fail("at most 100,000,000 instances");
  }
  spec.seed = 1;
  if (const auto seed = in.find("seed")) spec.seed = seed->json();
  if (const auto data = in.find("data")) spec.data = data->json();
  spec.network = in.get("network").json();
  spec.prove = in.get("prove").json();
  if (!spec.prove.is_array() || spec.prove.empty()) in.get("prove").fail("a list of what to prove");
  for (const Json& entry : spec.prove) {
    if (entry.is_object() && entry.contains("expect")) in.get("prove").fail("no \"expect\": a sweep is to find out");
  }
  std::set<std::string> used;
  for (const Json* part : {&spec.seed, &spec.data, &spec.network, &spec.prove}) collect_variables(*part, used);
  for (const SweepVariable& variable : spec.variables) {
    if (used.erase(variable.name) == 0)
      throw InputError(fmt::format("{}: nothing uses the variable ${}", path, variable.name));
  }
  if (!used.empty()) throw InputError(fmt::format("{}: there is no variable ${}", path, *used.begin()));
  if (const auto figure = in.find("figure")) spec.figure = figure->json();
  in.done();
  return spec;
}

std::vector<std::size_t> choice(const SweepSpec& spec, std::uint64_t instance) {
  std::vector<std::size_t> chosen(spec.variables.size());
  if (spec.draws > 0) {
    for (std::size_t k = 0; k < chosen.size(); ++k) {
      SeededIntegers integers("sweep", spec.draw_seed, "draw", 0,
                              static_cast<std::int64_t>(spec.variables[k].values.size()) - 1);
      chosen[k] = static_cast<std::size_t>(integers.at(instance, k));
    }
    return chosen;
  }
  for (std::size_t k = chosen.size(); k-- > 0;) {  // the last variable runs fastest
    const std::size_t count = spec.variables[k].values.size();
    chosen[k] = instance % count;
    instance /= count;
  }
  return chosen;
}

Json instance_case(const SweepSpec& spec, std::uint64_t instance) {
  return make_case(spec, instance, std::numeric_limits<std::size_t>::max());
}

Json checked_identity(const SweepSpec& spec) {
  std::set<std::string> files;
  for (std::uint64_t instance : telling_instances(spec)) {
    const std::string where = place_of(spec, instance);
    at_place(where, [&] {
      const Json json = make_case(spec, instance, 1);
      read_instance(spec, json, where);
      collect_files(json, files);
      return 0;
    });
  }
  Json variables = Json::array();
  for (const SweepVariable& v : spec.variables)
    variables.push_back({{"name", v.name}, {"labels", v.labels}, {"values", v.values}});
  const Json content{{"variables", variables}, {"draws", spec.draws}, {"draw_seed", spec.draw_seed},
                     {"seed", spec.seed},      {"data", spec.data},   {"network", spec.network},
                     {"prove", spec.prove}};
  Json identity{{"spec", to_hex(sha256(content.dump()))}};
  for (const std::string& path : files) {
    ByteSource source(located(spec.folder, path));
    std::vector<unsigned char> piece(1 << 20);
    while (source.read(piece.data(), piece.size()) != 0) {
    }
    identity["files"][path] = to_hex(source.digest());
  }
  return identity;
}

std::vector<Json> sweep_rows(const SweepSpec& spec, std::uint64_t instance, const Options& given) {
  Json row{{"instance", instance}};
  const auto chosen = choice(spec, instance);
  for (std::size_t k = 0; k < chosen.size(); ++k) row[spec.variables[k].name] = spec.variables[k].labels[chosen[k]];
  const std::string where = place_of(spec, instance);
  return at_place(where, [&] {
    std::vector<Json> rows;
    const auto [file, one] = read_instance(spec, instance_case(spec, instance), where);
    Options options = given;
    options.seed = *file.seed;
    for (std::size_t k = 0; k < file.entries.size(); ++k) {
      const Task& task = file.entries[k].task;
      const Outcome outcome =
          at_place(fmt::format("{}: prove[{}]", where, k), [&, &whole = one] { return task.prove(whole, options); });
      Json out = row;
      out["theorem"] = task.theorem->id;
      out["outcome"] = to_string(outcome.verdict);
      out["reason"] = outcome.reason;
      if (!outcome.findings.empty()) out["claim"] = outcome.findings.front().claim.kind();
      for (const auto& [name, value] : outcome.numbers) out[name] = to_string(value);
      for (const auto& [name, value] : outcome.ingredients)
        if (name == "rung") out["rung"] = value;
      rows.push_back(std::move(out));
    }
    return rows;
  });
}

bool fits(const SweepSpec& spec, std::uint64_t instance, const Json& row) {
  if (!row.is_object() || row.value("instance", Json()) != instance) return false;
  const auto chosen = choice(spec, instance);
  for (std::size_t k = 0; k < chosen.size(); ++k) {
    if (row.value(spec.variables[k].name, Json()) != spec.variables[k].labels[chosen[k]]) return false;
  }
  for (const char* name : {"theorem", "outcome", "reason"}) {
    if (!row.contains(name)) return false;
  }
  const auto& verdicts = kVerdicts;
  if (std::none_of(std::begin(verdicts), std::end(verdicts), [&](Verdict v) { return row["outcome"] == to_string(v); }))
    return false;
  const auto columns = sweep_columns(spec);
  for (const auto& [key, value] : row.items()) {
    if (std::find(columns.begin(), columns.end(), key) == columns.end()) return false;
    if (key != "instance" && !value.is_string()) return false;
  }
  try {
    for (const auto& [name, side] : sweep_numbers()) {
      if (row.contains(name)) parse_rational(row[name].get<std::string>());
    }
  } catch (const InputError&) {
    return false;
  }
  return true;
}

const std::vector<std::pair<std::string, Side>>& sweep_numbers() {
  static const auto numbers = [] {
    std::vector<std::pair<std::string, Side>> all;
    for (const Theorem& theorem : catalogue())
      for (const auto& number : theorem.numbers)
        if (std::find(all.begin(), all.end(), number) == all.end()) all.push_back(number);
    return all;
  }();
  return numbers;
}

std::vector<std::string> sweep_columns(const SweepSpec& spec) {
  std::vector<std::string> columns{"instance"};
  for (const SweepVariable& variable : spec.variables) columns.push_back(variable.name);
  for (const char* name : {"theorem", "claim", "outcome", "reason"}) columns.emplace_back(name);
  for (const auto& [name, side] : sweep_numbers()) columns.push_back(name);
  columns.emplace_back("rung");
  return columns;
}

std::string sweep_csv(const SweepSpec& spec, const std::vector<Json>& rows) {
  const auto quoted = [](const std::string& text) {
    if (text.find_first_of(",\"\n\r") == std::string::npos) return text;
    std::string out(1, '"');
    for (char c : text) out.append(c == '"' ? 2 : 1, c);
    out.push_back('"');
    return out;
  };
  std::map<std::string, Side> numbers;  // that occur
  for (const auto& [name, side] : sweep_numbers()) {
    const auto has = [&, key = name](const Json& row) { return row.contains(key); };
    if (std::any_of(rows.begin(), rows.end(), has)) numbers[name] = side;
  }
  std::vector<std::string> columns;
  for (const std::string& column : sweep_columns(spec)) {
    const auto is = [&](const auto& number) { return number.first == column; };
    const bool number = std::any_of(sweep_numbers().begin(), sweep_numbers().end(), is);
    if (!number || numbers.contains(column)) columns.push_back(column);
  }
  std::string csv;
  for (const std::string& column : columns) {
    if (!csv.empty()) csv += ",";
    csv += quoted(column);
  }
  csv += "\n";
  for (const Json& row : rows) {
    bool first = true;
    for (const std::string& column : columns) {
      if (!first) csv += ",";
      first = false;
      const auto found = row.find(column);
      if (found == row.end()) continue;
      if (const auto number = numbers.find(column); number != numbers.end()) {
        const Rational exact = parse_rational(found->get<std::string>());
        csv += number->second == Side::above ? decimal_above(exact, 17) : decimal_below(exact, 17);
      } else {
        csv += found->is_string() ? quoted(found->get<std::string>()) : found->dump();
      }
    }
    csv += "\n";
  }
  return csv;
}

}  // namespace widecert
