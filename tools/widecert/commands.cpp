#include "commands.h"

#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>
#include <widecert/certificate/atomic_file.h>
#include <widecert/certificate/model_json.h>
#include <widecert/data/idx.h>
#include <widecert/number/error.h>
#include <widecert/proofs/case_file.h>
#include <widecert/proofs/catalogue.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <sstream>

#include "report.h"

namespace widecert::tool {
namespace fs = std::filesystem;
namespace {

// ---- the checker, a separate program ----

std::string checker_path() {
  std::error_code unknown;
  const fs::path self = fs::read_symlink("/proc/self/exe", unknown);
  const fs::path beside = self.parent_path() / "widecheck";
  return !unknown && fs::exists(beside) ? beside.string() : "widecheck";
}

std::string shell_quote(const std::string& text) {
  std::string quoted = "'";
  for (char c : text) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quoted + "'";
}

struct CheckerResult {
  int exit = kInternal;
  Json report;
};

CheckerResult run_checker(const std::vector<std::string>& files) {
  std::string command = shell_quote(checker_path()) + " --json";
  for (const std::string& file : files) command += " " + shell_quote(file);
  std::unique_ptr<FILE, int (*)(FILE*)> pipe(popen(command.c_str(), "r"), &pclose);
  if (!pipe) throw InputError("widecheck cannot be started");
  std::string text;
  std::array<char, 4096> buffer;
  for (std::size_t got; (got = fread(buffer.data(), 1, buffer.size(), pipe.get())) > 0;) {
    text.append(buffer.data(), got);
  }
  const int status = pclose(pipe.release());
  CheckerResult result;
  result.exit = WIFEXITED(status) ? WEXITSTATUS(status) : kInternal;
  if (result.exit == 127 || text.empty()) {
    throw InputError(
        "widecheck was not found beside widecert nor on the PATH; build or install it");
  }
  result.report = parse_json(text, "widecheck's output");
  return result;
}

// ---- proving a case ----

struct Proved {
  CaseFile file;
  std::size_t samples = 0;
  std::vector<Outcome> outcomes;
  std::vector<std::vector<std::size_t>> places;  // of each finding in the claim file, per outcome
  std::string claim_path;                        // empty if there was nothing to claim
  CheckerResult check;

  // The checker's line on a claim; null if it never came to it.
  Json line(std::size_t place) const {
    const Json lines = check.report.value("claims", Json::array());
    return place < lines.size() ? lines[place] : Json();
  }
  bool accepted(std::size_t k) const {
    return std::all_of(places[k].begin(), places[k].end(), [&](std::size_t place) {
      const Json l = line(place);
      return !l.is_null() && l["verdict"] == "PROVED";
    });
  }
  // What counts: a verdict holds only if the checker accepts every claim behind it.
  int exit_of(std::size_t k) const {
    const Outcome& outcome = outcomes[k];
    if (!outcome.findings.empty() && !accepted(k)) return kRejected;
    switch (outcome.verdict) {
      case Verdict::proved:
        return outcome.findings.empty() ? kUndecided : kProved;
      case Verdict::refuted:
        return outcome.findings.empty() ? kUndecided : kRefuted;
      default:
        return kUndecided;
    }
  }
};

// Paths in a claim are relative to the claim file.
DatasetSpec relocate(DatasetSpec data, const std::string& from, const std::string& to) {
  const auto move = [&](std::string& path) {
    if (!path.empty()) path = fs::relative(fs::absolute(fs::path(from) / path), to).string();
  };
  if (auto* idx = std::get_if<IdxSource>(&data.source)) {
    move(idx->path);
    move(idx->labels);
  }
  if (auto* csv = std::get_if<CsvSource>(&data.source)) move(csv->path);
  return data;
}

Proved prove_case(const Common& common, const std::string& path, const std::string& output) {
  Proved result{read_case(path), 0, {}, {}, "", {}};
  const Instance instance = load_instance(result.file);
  result.samples = instance.data.size();
  ProgressBar bar(common.console);
  Options options;
  options.seed = common.seed;
  options.progress = [&](const std::string& stage, std::size_t done, std::size_t total) {
    bar.update(stage, done, total);
  };
  ClaimFile claim{instance.network, instance.data_spec, {}};
  std::vector<Proof> proofs;
  std::map<std::string, std::size_t> place_of;
  for (const CaseEntry& entry : result.file.entries) {
    result.outcomes.push_back(prove(instance, entry.request, options));
    auto& places = result.places.emplace_back();
    for (const Finding& finding : result.outcomes.back().findings) {
      // Two requests may rest on the same hypothesis: it is claimed once.
      const auto [known, added] =
          place_of.try_emplace(property_text(finding.property), proofs.size());
      places.push_back(known->second);
      if (!added) continue;
      claim.properties.push_back(finding.property);
      proofs.push_back(finding.proof);
    }
  }
  if (!proofs.empty()) {
    fs::create_directories(output);
    claim.data = relocate(claim.data, result.file.directory(), fs::absolute(output));
    const std::string base = (fs::path(output) / result.file.name).string();
    const std::string text = claim_text(claim);
    write_atomically(base + ".claim.json", text);
    write_atomically(base + ".cert.json", certificate_text(text, proofs));
    result.claim_path = base + ".claim.json";
    bar.update("widecheck", 0, 1);
    result.check = run_checker({result.claim_path});
  }
  bar.finish();
  return result;
}

void print_proved(const Proved& p) {
  fmt::print("{}\n", bold(p.file.title.empty() ? p.file.name : p.file.title));
  if (!p.file.about.empty()) fmt::print("{}\n", p.file.about);
  for (std::size_t k = 0; k < p.outcomes.size(); ++k) {
    const Outcome& outcome = p.outcomes[k];
    const Request& request = p.file.entries[k].request;
    const bool rejected = p.exit_of(k) == kRejected;
    fmt::print("\n{}  {} at layer {}{}\n",
               rejected ? "REJECTED BY WIDECHECK" : verdict_word(outcome.verdict),
               theorem(request.theorem).title, request.node,
               outcome.reason.empty() ? "" : "  [reason: " + outcome.reason + "]");
    fmt::print("  {}\n", outcome.explanation);
    for (const auto& [name, value] : outcome.ingredients)
      fmt::print("    {:<10} {}\n", name, value);
    for (std::size_t f = 0; f < outcome.findings.size(); ++f) {
      const Json line = p.line(p.places[k][f]);
      if (line.is_null()) {
        fmt::print("  not checked: {}\n", state(outcome.findings[f].property, p.samples));
      } else if (line["verdict"] == "PROVED") {
        fmt::print("  checked: {}  [rule {}]\n", line["text"].get<std::string>(),
                   line["rule"].get<std::string>());
      } else {
        fmt::print("  REJECTED: {}  [reason: {}]\n", line["text"].get<std::string>(),
                   line.value("reason", ""));
      }
    }
  }
  if (p.claim_path.empty()) {
    fmt::print("\nnothing was claimed, so there is nothing to check\n");
    return;
  }
  if (p.check.report.contains("message")) {
    fmt::print("\nwidecheck: {}\n", p.check.report["message"].get<std::string>());
  }
  fmt::print("\nclaim:        {}\ncertificate:  {}\ntrusted base: {}\n", p.claim_path,
             p.claim_path.substr(0, p.claim_path.size() - 11) + ".cert.json",
             p.check.report["trusted_base"].get<std::string>());
}

Json to_json(const Proved& p) {
  Json out{{"case", p.file.name}, {"samples", p.samples}, {"results", Json::array()}};
  for (std::size_t k = 0; k < p.outcomes.size(); ++k) {
    const Outcome& outcome = p.outcomes[k];
    Json result{{"theorem", p.file.entries[k].request.theorem},
                {"node", p.file.entries[k].request.node},
                {"outcome", to_string(outcome.verdict)},
                {"reason", outcome.reason},
                {"explanation", outcome.explanation},
                {"accepted_by_widecheck", !outcome.findings.empty() && p.accepted(k)},
                {"claims", Json::array()}};
    for (const Finding& finding : outcome.findings) {
      result["claims"].push_back(
          {{"kind", kind_of(finding.property)}, {"statement", state(finding.property, p.samples)}});
    }
    for (const auto& [name, value] : outcome.ingredients) result["ingredients"][name] = value;
    out["results"].push_back(result);
  }
  if (!p.claim_path.empty()) {
    out["claim_file"] = p.claim_path;
    out["widecheck"] = p.check.report;
  }
  return out;
}

void write_witness(const Proved& p, const ProveOptions& options) {
  for (const Outcome& outcome : p.outcomes) {
    if (outcome.findings.empty()) continue;
    const Family* family = nullptr;
    Rational alpha_0;
    if (const auto* ray = std::get_if<IndependentOnRay>(&outcome.findings.front().property)) {
      family = &ray->family;
      alpha_0 = ray->alpha_0;
    } else if (const auto* from = std::get_if<FromRayProof>(&outcome.findings.front().proof)) {
      family = &from->family;
      alpha_0 = from->alpha_0;
    }
    if (family == nullptr) continue;
    const Rational alpha = options.alpha.empty() ? alpha_0 : parse_rational(options.alpha);
    if (alpha < alpha_0) {
      throw InputError("--alpha " + to_string(alpha) + " is below alpha_0 = " + to_string(alpha_0) +
                       "; nothing is proved there");
    }
    write_atomically(options.witness, witness_text(p.file.network, *family, alpha));
    fmt::print(stderr, "witness at alpha = {} written to {}\n", to_string(alpha), options.witness);
    return;
  }
  throw InputError("--witness: no ray was proved, so there is no witness to write");
}

std::string xml_escape(const std::string& text) {
  std::string out;
  for (char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

// A folder that is removed again.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string name = (fs::temp_directory_path() / "widecert-XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) throw InputError("no temporary folder can be made");
    path_ = name;
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  std::string path() const { return path_.string(); }

 private:
  fs::path path_;
};

// The data file of a case that is not there, if any.
std::string missing_data(const CaseFile& file) {
  std::string path;
  if (const auto* idx = std::get_if<IdxSource>(&file.data.source)) path = idx->path;
  if (const auto* csv = std::get_if<CsvSource>(&file.data.source)) path = csv->path;
  if (path.empty() || fs::exists(fs::path(file.directory()) / path)) return "";
  return path;
}

}  // namespace

int worse(int a, int b) {
  for (int code :
       {kInternal, kInterrupted, kTimeout, kUsage, kMalformed, kRejected, kRefuted, kUndecided})
    if (a == code || b == code) return code;
  return kProved;
}

int run_prove(const Common& common, const ProveOptions& options) {
  const Proved p = prove_case(common, options.case_path, options.output);
  int exit = kProved;
  for (std::size_t k = 0; k < p.outcomes.size(); ++k) exit = worse(exit, p.exit_of(k));
  if (!p.claim_path.empty()) exit = worse(exit, p.check.exit);
  if (common.json) {
    Json out = to_json(p);
    out["exit"] = exit;
    fmt::print("{}", to_text(out));
  } else if (!common.console.quiet) {
    print_proved(p);
  }
  if (!options.witness.empty()) write_witness(p, options);
  return exit;
}

int run_check(const Common& common, const std::vector<std::string>& files) {
  std::vector<std::string> arguments{checker_path()};
  if (common.json) arguments.emplace_back("--json");
  arguments.insert(arguments.end(), files.begin(), files.end());
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  std::fflush(stdout);
  execvp(argv[0], argv.data());
  throw InputError("widecheck was not found beside widecert nor on the PATH; build or install it");
}

int run_inspect(const Common& common, const std::string& case_path) {
  const CaseFile file = read_case(case_path);
  const Instance instance = load_instance(file);
  const std::size_t n = instance.data.size();
  const Chain chain = file.network.paper_chain();
  Json out{
      {"case", file.name}, {"samples", n}, {"layers", Json::array()}, {"theorems", Json::array()}};
  if (!common.json) {
    fmt::print("{}: {} samples of {} features\n\n{:>3}  {:<14} {:<46} {:<14} {:>9}\n",
               bold(file.name), n, instance.data.width(), "k", "layer", "what it is", "shape",
               "neurons");
  }
  for (std::size_t i = 0; i < file.network.nodes().size(); ++i) {
    const Node& node = file.network.node(i);
    std::string k;
    for (std::size_t l = 0; l < chain.layers.size(); ++l)
      if (chain.layers[l].output() == i) k = std::to_string(l + 1);
    out["layers"].push_back({{"name", node.name},
                             {"description", describe(node)},
                             {"shape", node.shape},
                             {"neurons", node.width},
                             {"k", k}});
    if (!common.json) {
      fmt::print("{:>3}  {:<14} {:<46} {:<14} {:>9}{}\n", k, node.name, describe(node),
                 describe(node.shape), node.width, node.width >= n ? "  >= N" : "");
    }
  }
  if (!common.json) {
    if (!chain.obstacle.empty()) fmt::print("\nnot a chain: {}\n", chain.obstacle);
    fmt::print("\nwhich theorems apply\n");
  }
  for (const Layer& layer : chain.layers) {
    if (!layer.activation) continue;
    const std::string name = file.network.node(*layer.activation).name;
    for (const TheoremEntry& entry : catalogue()) {
      if (entry.obstacle == nullptr) continue;
      const auto obstacle = entry.obstacle(instance, {entry.id, name, ""});
      out["theorems"].push_back({{"theorem", entry.id},
                                 {"node", name},
                                 {"applies", !obstacle},
                                 {"reason", obstacle ? obstacle->reason : ""},
                                 {"explanation", obstacle ? obstacle->explanation : ""}});
      if (!common.json) {
        fmt::print("  {:<16} at {:<12} {}\n", entry.id, name,
                   obstacle ? "no: " + obstacle->explanation + " [" + obstacle->reason + "]"
                            : std::string("applies"));
      }
    }
  }
  if (common.json) fmt::print("{}", to_text(out));
  return kProved;
}

int run_explain(const Common& common, const std::string& id) {
  const auto list = [](const std::vector<std::string>& items) {
    return fmt::format("{}", fmt::join(items, ", "));
  };
  if (id.empty()) {
    Json out = Json::array();
    for (const TheoremEntry& entry : catalogue()) {
      out.push_back({{"id", entry.id}, {"title", entry.title}, {"source", entry.source}});
      if (!common.json)
        fmt::print("{:<18} {}\n{:<18}   {}\n", entry.id, entry.title, "", entry.source);
    }
    if (common.json) fmt::print("{}", to_text(out));
    return kProved;
  }
  const TheoremEntry& entry = theorem(id);
  if (common.json) {
    fmt::print("{}", to_text(Json{{"id", entry.id},
                                  {"title", entry.title},
                                  {"source", entry.source},
                                  {"statement", entry.statement},
                                  {"hypotheses", entry.hypotheses},
                                  {"claims", entry.claims},
                                  {"rules", entry.rules},
                                  {"reasons", entry.reasons}}));
    return kProved;
  }
  fmt::print("{}: {}\n{}\n\n{}\n\nhypotheses\n", bold(entry.id), entry.title, entry.source,
             entry.statement);
  for (const std::string& hypothesis : entry.hypotheses) fmt::print("  - {}\n", hypothesis);
  fmt::print("\nclaims it can make:    {}\nchecker's rules:       {}\nother outcomes:        {}\n",
             list(entry.claims), list(entry.rules), list(entry.reasons));
  fmt::print("\nin a case file:  {{\"theorem\": \"{}\", \"node\": \"<layer>\"}}\n", entry.id);
  return kProved;
}

int run_report(const Common& common, const ReportOptions& options) {
  const std::string suffix = ".claim.json";
  const std::string& path = options.claim_path;
  if (!path.ends_with(suffix)) {
    throw InputError(path + ": expected a claim file, NAME.claim.json (widecert prove writes it)");
  }
  const std::string base = path.substr(0, path.size() - suffix.size());
  const CheckerResult check = run_checker({path});
  const std::string html = html_report(path, base + ".cert.json", check.report);
  const std::string target = options.output.empty() ? base + ".html" : options.output;
  write_atomically(target, html);
  if (common.json) {
    fmt::print("{}", to_text(Json{{"report", target}, {"exit", check.exit}}));
  } else if (!common.console.quiet) {
    fmt::print("report written to {}\n", target);
  }
  return check.exit;
}

int run_regress(const Common& common, const RegressOptions& options) {
  std::vector<std::string> cases;
  for (const std::string& path : options.paths) {
    const auto found = find_cases(path);
    cases.insert(cases.end(), found.begin(), found.end());
  }
  const TemporaryFolder folder;
  std::size_t passed = 0, failed = 0, skipped = 0;
  std::string xml;
  Json out = Json::array();
  for (const std::string& path : cases) {
    std::vector<std::string> problems;
    std::string skip;
    try {
      const CaseFile file = read_case(path);
      skip = missing_data(file);
      if (skip.empty()) {
        const Proved p =
            prove_case(common, path, folder.path() + "/" + std::to_string(&path - cases.data()));
        for (std::size_t k = 0; k < p.outcomes.size(); ++k) {
          const CaseEntry& entry = p.file.entries[k];
          const Expectation expected = entry.expected.value_or(Expectation{});
          const Outcome& outcome = p.outcomes[k];
          const std::string where = entry.request.theorem + " at " + entry.request.node + ": ";
          if (outcome.verdict != expected.verdict || outcome.reason != expected.reason) {
            problems.push_back(fmt::format("{}expected {} [{}], found {} [{}]", where,
                                           to_string(expected.verdict), expected.reason,
                                           to_string(outcome.verdict), outcome.reason));
          }
          if (p.exit_of(k) == kRejected) problems.push_back(where + "widecheck rejects a claim");
          if (outcome.verdict == Verdict::proved && outcome.findings.empty()) {
            problems.push_back(where + "proved without a claim");
          }
        }
      }
    } catch (const InputError& error) {
      problems.emplace_back(error.what());
    }
    const char* word = !skip.empty() ? "SKIPPED" : problems.empty() ? "ok" : "FAILED";
    (!skip.empty() ? skipped : problems.empty() ? passed : failed) += 1;
    const std::string detail =
        skip.empty() ? fmt::format("{}", fmt::join(problems, "; "))
                     : "data file " + skip + " is absent; see the README beside the case";
    out.push_back({{"case", path}, {"result", word}, {"detail", detail}});
    if (!common.json && !common.console.quiet) {
      fmt::print("{:<8} {}{}\n", word, path, detail.empty() ? "" : "\n         " + detail);
      std::fflush(stdout);
    }
    xml += fmt::format("  <testcase classname=\"widecert\" name=\"{}\">{}</testcase>\n",
                       xml_escape(path),
                       !skip.empty()      ? "<skipped message=\"" + xml_escape(detail) + "\"/>"
                       : problems.empty() ? std::string()
                                          : "<failure message=\"" + xml_escape(detail) + "\"/>");
  }
  if (!options.junit.empty()) {
    write_atomically(
        options.junit,
        fmt::format("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuite name=\"widecert\" "
                    "tests=\"{}\" failures=\"{}\" skipped=\"{}\">\n{}</testsuite>\n",
                    cases.size(), failed, skipped, xml));
  }
  if (common.json) {
    fmt::print("{}", to_text(out));
  } else {
    fmt::print("{} as expected, {} not, {} skipped\n", passed, failed, skipped);
  }
  if (failed != 0) return kRefuted;
  return passed == 0 ? kUndecided : kProved;
}

// ---- init ----

namespace {

// "conv2d:3x3:50 sigmoid maxpool2d:2x2 dense:100 relu" -> nodes named conv1, sigmoid1, ...
void add_layers(Architecture& network, const std::string& line) {
  std::istringstream words(line);
  std::string word, previous = network.node(0).name;
  std::map<std::string, int> counts;
  const auto number = [&](const std::string& text) {
    if (text.empty() || text.size() > 9 ||
        text.find_first_not_of("0123456789") != std::string::npos) {
      throw InputError("--layers: \"" + word + "\": \"" + text + "\" is not a number");
    }
    return static_cast<std::size_t>(std::stoul(text));
  };
  while (words >> word) {
    std::vector<std::string> parts;
    std::istringstream fields(word);
    for (std::string part; std::getline(fields, part, ':');) parts.push_back(part);
    const std::string op = parts.empty() ? word : parts[0];
    const auto window = [&](const std::string& text, int dimensions) {
      WindowSpec w;
      w.dimensions = dimensions;
      const auto cross = text.find('x');
      if (dimensions == 1) {
        w.size = {1, number(text)};
      } else {
        if (cross == std::string::npos)
          throw InputError("--layers: \"" + word + "\": expected HxW");
        w.size = {number(text.substr(0, cross)), number(text.substr(cross + 1))};
      }
      return w;
    };
    NodeSpec spec;
    std::string stem = op;
    if ((op == "conv2d" || op == "conv1d") && parts.size() == 3) {
      LinearSpec linear;
      linear.form = ConvSpec{window(parts[1], op == "conv1d" ? 1 : 2), number(parts[2]), 1};
      spec = linear;
      stem = "conv";
    } else if (op == "dense" && parts.size() == 2) {
      LinearSpec linear;
      linear.form = DenseSpec{number(parts[1])};
      spec = linear;
    } else if ((op == "maxpool2d" || op == "maxpool1d") && parts.size() == 2) {
      WindowSpec w = window(parts[1], op == "maxpool1d" ? 1 : 2);
      w.stride = w.size;
      spec = PoolSpec{PoolSpec::Kind::max, w};
      stem = "pool";
    } else if (const auto kind = activation_by_name(op);
               kind && parts.size() == (*kind == ActivationKind::leaky_relu ? 2u : 1u)) {
      spec = ActivationSpec{{*kind, parts.size() == 2 ? parse_rational(parts[1]) : Rational(1)}};
    } else {
      throw InputError("--layers: \"" + word +
                       "\" is not understood; write for example "
                       "\"conv2d:3x3:50 sigmoid maxpool2d:2x2 dense:2000 leaky-relu:1/100\"");
    }
    const std::string name = stem + std::to_string(++counts[stem]);
    network.add(name, spec, {previous});
    previous = name;
  }
}

}  // namespace

int run_init(const Common& common, const InitOptions& options) {
  if (fs::exists(options.output)) {
    throw InputError(options.output + " exists already; choose another --output or remove it");
  }
  const std::string folder = fs::absolute(options.output).parent_path().string();
  DatasetSpec data;
  const std::string relative = fs::relative(fs::absolute(options.data), folder).string();
  const bool csv = options.data.ends_with(".csv") || options.data.ends_with(".csv.gz");
  Shape shape;
  if (csv) {
    data.source = CsvSource{relative, "", {}};
  } else {
    data.source = IdxSource{relative, "", ""};
    const IdxFile file = read_idx(options.data);
    shape.assign(file.extents.begin() + 1, file.extents.end());
    if (shape.size() == 2) shape.push_back(1);
    const auto* pixels = std::get_if<std::vector<std::int64_t>>(&file.values);
    if (pixels != nullptr) {
      // The paper perturbs its images; bounded integer noise makes patches distinct.
      data.multiply = 256;
      data.divide = 256;
      data.noise = NoiseSpec{common.seed, 0, 255};
    }
  }
  const Dataset samples = load(data, folder, &data);
  if (shape.empty()) shape = {samples.width()};
  if (!options.shape.empty()) {
    shape.clear();
    std::istringstream extents(options.shape);
    for (std::string part; std::getline(extents, part, 'x');) {
      const Rational extent = parse_rational(part);
      if (extent < 1 || extent > 1'000'000 || denominator(extent) != 1) {
        throw InputError("--shape: expected for example 28x28x1");
      }
      shape.push_back(numerator(extent).convert_to<std::size_t>());
    }
  }
  Architecture network("x", shape);
  if (network.input_width() != samples.width()) {
    throw InputError("--shape " + describe(shape) + " has " +
                     std::to_string(network.input_width()) + " entries; a sample has " +
                     std::to_string(samples.width()));
  }
  add_layers(network, options.layers);
  // The first activation that is wide enough, else the last one.
  std::string node;
  for (const Node& candidate : network.nodes()) {
    if (!std::holds_alternative<ActivationSpec>(candidate.spec)) continue;
    node = candidate.name;
    if (candidate.width >= samples.size()) break;
  }
  if (node.empty())
    throw InputError("--layers has no activation; the theorems speak of features after one");
  const auto kind =
      std::get<ActivationSpec>(network.node(network.index_of(node)).spec).function.kind;
  const std::string theorem_id = satisfies_assumption_3_2({kind, 1}) || kind != ActivationKind::tanh
                                     ? "theorem-3.4"
                                     : "row-difference";
  const Json out{{"format", "widecert-case"},
                 {"version", 1},
                 {"title", fs::path(options.data).filename().string() + ": " + options.layers},
                 {"network", to_json(network)},
                 {"data", to_json(data)},
                 {"prove", Json::array({Json{{"theorem", theorem_id}, {"node", node}}})}};
  write_atomically(options.output, to_text(out));
  if (!common.console.quiet) {
    fmt::print("{} written: {} samples, layer {} has {} neurons\nnext: widecert prove {}\n",
               options.output, samples.size(), node, network.node(network.index_of(node)).width,
               options.output);
  }
  return kProved;
}

}  // namespace widecert::tool
