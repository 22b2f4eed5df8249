// widecert inspect and widecert explain: what the catalogue and the model know.
#include <fmt/format.h>
#include <widecert/certificate/json.h>
#include <nlohmann/json.hpp>
#include "proofs/case_file.h"
#include "proofs/catalogue.h"

#include "applies.h"
#include "commands.h"

namespace widecert::tool {

int run_inspect(const Common& common, const std::string& case_path) {
  const CaseFile file = read_case(case_path);
  const Instance instance = load_instance(file);
  const std::size_t n = instance.data.size();
  const std::string data = file.data ? describe(*instance.data_spec, file.folder) : "";
  const Chain chain = file.network.paper_chain(file.network.nodes().size() - 1);
  Json out{{"case", file.name}, {"samples", n}, {"layers", Json::array()}, {"theorems", Json::array()}};
  if (!common.json) {
    const std::string samples = file.data ? fmt::format("{} samples of {} features", n, instance.data.width())
                                          : std::string("no data: claims about weights can be proved");
    fmt::print("{}: {}\n", bold(file.name), samples);
    if (file.data) fmt::print("data: {}\n", data);
    fmt::print("\n{:>3}  {:<14} {:<46} {:<14} {:>9}\n", "k", "layer", "what it is", "shape", "neurons");
  }
  if (file.data) out["data"] = data;
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
      fmt::print("{:>3}  {:<14} {:<46} {:<14} {:>9}{}\n", k, node.name, describe(node), describe(node.shape),
                 node.width, n != 0 && node.width >= n ? "  >= N" : "");
    }
  }
  if (!common.json) {
    if (!chain.obstacle.empty()) fmt::print("\nnot a chain: {}\n", chain.obstacle);
    fmt::print("\nwhich theorems apply\n");
    std::fflush(stdout);
  }
  for (const Applies& one : which_apply(instance)) {
    Json line{{"theorem", one.theorem->id}, {"node", one.node->name}, {"applies", !one.obstacle}};
    line["reason"] = one.obstacle ? one.obstacle->reason : "";
    line["explanation"] = one.obstacle ? one.obstacle->explanation : "";
    out["theorems"].push_back(std::move(line));
    if (!common.json) fmt::print("  {:<18} at {:<12} {}\n", one.theorem->id, one.node->name, in_words(one));
  }
  std::vector<std::string> others;
  for (const Theorem& theorem : catalogue())
    if (theorem.obstacle == nullptr && (file.data || !theorem.needs_data)) others.push_back(theorem.id);
  out["decided_by_proving"] = others;
  if (common.json) {
    fmt::print("{}", to_text(out));
  } else {
    fmt::print("  at any layer, decided by proving: {}\n", fmt::join(others, ", "));
  }
  return kProved;
}

namespace {

std::string list(const std::vector<std::string>& items) { return fmt::format("{}", fmt::join(items, ", ")); }

// A word with what it means, and which theorems share that, in the order of the catalogue.
struct Shared {
  std::string word, meaning;
  std::vector<std::string> theorems;
};

template <class Each>
std::vector<Shared> shared_rows(Each each) {
  std::vector<Shared> rows;
  for (const Theorem& theorem : catalogue()) {
    each(theorem, [&](const std::string& word, const std::string& meaning) {
      auto found = std::find_if(rows.begin(), rows.end(),
                                [&](const Shared& row) { return row.word == word && row.meaning == meaning; });
      if (found == rows.end()) found = rows.insert(rows.end(), {word, meaning, {}});
      found->theorems.push_back(theorem.id);
    });
  }
  return rows;
}

// As a Markdown table, or JSON.
void print_rows(const Common& common, const std::string& heads, const std::vector<Shared>& rows) {
  Json out = Json::array();
  std::string table = heads + "\n|---|---|---|\n";
  for (const Shared& row : rows) {
    out.push_back({{"word", row.word}, {"meaning", row.meaning}, {"theorems", row.theorems}});
    table += fmt::format("| `{}` | `{}` | {} |\n", row.word, fmt::join(row.theorems, "`, `"), row.meaning);
  }
  fmt::print("{}", common.json ? to_text(out) : table);
}

// What an entry of a case may say beside "theorem", "node" and "expect".
void explain_keys(const Common& common) {
  print_rows(common, "| key | of theorem | meaning |", shared_rows([](const Theorem& theorem, auto add) {
               if (theorem.claims.size() > 1)
                 add("claim", "one of the kinds that `explain ID` lists; the first if absent");
               for (const auto& [key, meaning] : theorem.keys) add(key, meaning);
             }));
}

// The numbers that a sweep puts into columns.
void explain_columns(const Common& common) {
  print_rows(common, "| column | of theorem | a bound, rounded |", shared_rows([](const Theorem& theorem, auto add) {
               for (const auto& [name, side] : theorem.numbers) add(name, side == Side::below ? "down" : "up");
             }));
}

}  // namespace

int run_explain(const Common& common, const std::string& id) {
  if (id == "keys" || id == "columns") {
    id == "keys" ? explain_keys(common) : explain_columns(common);
    return kProved;
  }
  if (id.empty()) {
    Json out = Json::array();
    for (const Theorem& entry : catalogue()) {
      out.push_back({{"id", entry.id}, {"title", entry.title}, {"source", entry.source}});
      if (!common.json) fmt::print("{:<18} {}\n{:<18}   {}\n", entry.id, entry.title, "", entry.source);
    }
    if (common.json) fmt::print("{}", to_text(out));
    return kProved;
  }
  const Theorem& entry = theorem(id);
  std::vector<std::pair<std::string, std::string>> keys = entry.keys;
  if (entry.claims.size() > 1) {
    keys.insert(keys.begin(), {"claim", list(entry.claims) + "; the first if absent"});
  }
  if (common.json) {
    Json columns = Json::object(), of_entry = Json::object();
    for (const auto& [name, side] : entry.numbers) columns[name] = side == Side::below ? "below" : "above";
    for (const auto& [name, meaning] : keys) of_entry[name] = meaning;
    fmt::print("{}", to_text(Json{{"id", entry.id},
                                  {"title", entry.title},
                                  {"source", entry.source},
                                  {"statement", entry.statement},
                                  {"hypotheses", entry.hypotheses},
                                  {"claims", entry.claims},
                                  {"side_claims", entry.side_claims},
                                  {"keys", of_entry},
                                  {"numbers", columns},
                                  {"rules", entry.rules},
                                  {"reasons", entry.reasons}}));
    return kProved;
  }
  fmt::print("{}: {}\n{}\n\n{}\n\nhypotheses\n", bold(entry.id), entry.title, entry.source, entry.statement);
  for (const std::string& hypothesis : entry.hypotheses) fmt::print("  - {}\n", hypothesis);
  fmt::print("\nclaims:           {}\n", list(entry.claims));
  if (!entry.side_claims.empty()) fmt::print("  and beside them {}\n", list(entry.side_claims));
  fmt::print("checker's rules:  {}\nother outcomes:   {}\n", list(entry.rules), list(entry.reasons));
  if (!entry.numbers.empty()) {
    std::vector<std::string> names;
    for (const auto& [name, side] : entry.numbers) names.push_back(name);
    fmt::print("numbers:          {} (columns of a sweep)\n", list(names));
  }
  fmt::print("\nin a case file:   {{\"theorem\": \"{}\", \"node\": \"<layer>\"}}\n", entry.id);
  for (const auto& [name, meaning] : keys) fmt::print("  {:<14}  {}\n", '"' + name + '"', meaning);
  return kProved;
}

}  // namespace widecert::tool
