#include <fmt/format.h>
#include <widecert/number/error.h>
#include <widecert/number/rounding.h>
#include <widecert/number/stream.h>
#include <widecert/proofs/case_file.h>
#include <widecert/proofs/catalogue.h>
#include <widecert/proofs/sweep.h>

#include <filesystem>
#include <map>
#include <memory>
#include <mutex>

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
  in.done();
  return variable;
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

// {"format": "gaussian", ...} as inline samples.
Json gaussian(const Json& json, const std::string& place) {
  JsonReader in(json, place);
  in.get("format");
  const std::size_t count = in.get("count").size(100'000), width = in.get("width").size(100'000);
  const std::int64_t scale = in.get("scale").integer(1, 1'000'000'000);
  const auto seed = static_cast<std::uint64_t>(in.get("seed").integer(0, std::int64_t{1} << 53));
  in.done();
  if (count * width > 10'000'000) in.fail("at most 10,000,000 numbers");
  SeededIntegers integers("sweep", seed, "gaussian", -scale, scale);
  Json samples = Json::array();
  for (std::size_t i = 0; i < count; ++i) {
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
Dataset cached_data(const DatasetSpec& spec, const Json& json, const std::string& folder,
                    DatasetSpec& resolved) {
  struct Known {
    Dataset data;
    DatasetSpec resolved;
  };
  static std::mutex guard;
  static std::map<std::string, std::shared_ptr<const Known>> known;
  if (std::holds_alternative<InlineSource>(spec.source)) return load(spec, folder, &resolved);
  const std::string key = folder + "\n" + json.dump();
  const std::lock_guard lock(guard);
  auto& entry = known[key];
  if (!entry) {
    auto fresh = std::make_shared<Known>();
    fresh->resolved = spec;
    fresh->data = load(spec, folder, &fresh->resolved);
    entry = fresh;
  }
  resolved = entry->resolved;
  return entry->data;
}

const Rational* find_rational(const Outcome& outcome, bool alpha) {
  for (const Finding& finding : outcome.findings) {
    if (const auto* ray = std::get_if<IndependentOnRay>(&finding.property); ray && alpha) return &ray->alpha_0;
    if (const auto* proof = std::get_if<RayProof>(&finding.proof); proof && !alpha) return &proof->delta;
  }
  return nullptr;
}

const char* const kBounds[] = {"sigma_min_low", "sigma_min_high", "sigma_max_low", "sigma_max_high"};

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
  const auto values = values_of(spec, instance);
  Json out{{"format", "widecert-case"}, {"version", 1}, {"title", spec.title}};
  out["network"] = fill(spec.network, values, spec.place);
  out["prove"] = fill(spec.prove, values, spec.place);
  if (!spec.data.is_null()) {
    out["data"] = fill(spec.data, values, spec.place);
    if (out["data"].is_object() && out["data"].value("format", Json()) == "gaussian") {
      out["data"] = gaussian(out["data"], spec.place + ": data");
    }
  }
  return out;
}

std::uint64_t instance_seed(const SweepSpec& spec, std::uint64_t instance) {
  const Json seed = fill(spec.seed, values_of(spec, instance), spec.place);
  if (!seed.is_number_integer() || seed.get<std::int64_t>() < 0) {
    throw InputError(spec.place + ": seed: expected a number from 0 on");
  }
  return seed.get<std::uint64_t>();
}

std::vector<Json> sweep_rows(const SweepSpec& spec, std::uint64_t instance, const Options& given) {
  Json row{{"instance", instance}};
  const auto chosen = choice(spec, instance);
  std::string where = spec.place + ": instance " + std::to_string(instance);
  for (std::size_t k = 0; k < chosen.size(); ++k) {
    const std::string& label = spec.variables[k].labels[chosen[k]];
    row[spec.variables[k].name] = label;
    where += ", " + spec.variables[k].name + " = " + label;
  }
  std::vector<Json> rows;
  try {
    const Json json = instance_case(spec, instance);
    const CaseFile file = read_case_json(json, where, spec.folder);
    Instance one{file.network, file.data, {}};
    if (file.data) one.data = cached_data(*file.data, json["data"], spec.folder, *one.data_spec);
    if (file.data && one.data.width() != file.network.input_width()) {
      throw InputError(where + ": samples have " + std::to_string(one.data.width()) + " features, the network " +
                       std::to_string(file.network.input_width()) + " inputs");
    }
    Options options = given;
    options.seed = instance_seed(spec, instance);
    for (const CaseEntry& entry : file.entries) {
      const Outcome outcome = prove(one, entry.request, options);
      Json out = row;
      out["theorem"] = entry.request.theorem;
      out["outcome"] = to_string(outcome.verdict);
      out["reason"] = outcome.reason;
      if (const Rational* alpha = find_rational(outcome, true)) out["alpha_0"] = to_string(*alpha);
      if (const Rational* delta = find_rational(outcome, false)) out["delta"] = to_string(*delta);
      for (const Finding& finding : outcome.findings) {
        if (const auto* bounds = std::get_if<SingularValueBounds>(&finding.property)) {
          const Rational values[] = {bounds->smallest.low, bounds->smallest.high, bounds->largest.low,
                                     bounds->largest.high};
          for (std::size_t k = 0; k < 4; ++k) out[kBounds[k]] = to_string(values[k]);
        }
      }
      for (const auto& [name, value] : outcome.ingredients)
        if (name == "rung") out["rung"] = value;
      rows.push_back(std::move(out));
    }
  } catch (const InputError& error) {
    const std::string what = error.what();
    throw InputError(what.starts_with(where) ? what : where + ": " + what);
  } catch (const ShapeError& error) {
    throw InputError(where + ": " + error.what());
  }
  return rows;
}

std::vector<std::string> sweep_columns(const SweepSpec& spec) {
  std::vector<std::string> columns{"instance"};
  for (const SweepVariable& variable : spec.variables) columns.push_back(variable.name);
  for (const char* name : {"theorem", "outcome", "reason", "alpha_0", "delta"}) columns.emplace_back(name);
  for (const char* name : kBounds) columns.emplace_back(name);
  columns.emplace_back("rung");
  return columns;
}

std::string sweep_csv(const SweepSpec& spec, const std::vector<Json>& rows) {
  const auto quoted = [](const std::string& text) {
    if (text.find_first_of(",\"\n") == std::string::npos) return text;
    std::string out = "\"";
    for (char c : text) out += c == '"' ? "\"\"" : std::string(1, c);
    return out + "\"";
  };
  // Upper bounds are rounded up, lower ones down.
  const auto decimal = [](const std::string& text, bool up) {
    const Rational exact = parse_rational(text);
    double value = exact.convert_to<double>();
    if (up && exactly(value) < exact) value = next_up(value);
    if (!up && exactly(value) > exact) value = next_down(value);
    return fmt::format("{}", value);
  };
  const auto columns = sweep_columns(spec);
  std::string csv;
  for (const std::string& column : columns) csv += (csv.empty() ? "" : ",") + quoted(column);
  csv += "\n";
  for (const Json& row : rows) {
    bool first = true;
    for (const std::string& column : columns) {
      if (!first) csv += ",";
      first = false;
      const auto found = row.find(column);
      if (found == row.end()) continue;
      const bool up = column == "alpha_0" || column.ends_with("_high");
      if (up || column == "delta" || column.ends_with("_low")) {
        csv += decimal(found->get<std::string>(), up);
      } else {
        csv += found->is_string() ? quoted(found->get<std::string>()) : found->dump();
      }
    }
    csv += "\n";
  }
  return csv;
}

}  // namespace widecert
