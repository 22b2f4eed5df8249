// What goes into a prover and what comes out, and what the catalogue says about a theorem.
//
// A prover is a function from Instance and options to Outcome. Everything else that it depends on, an entry of a case
// says; `Theorem::read` takes that in before any work is done.
#pragma once

#include <widecert/certificate/claim_file.h>
#include <widecert/number/stop.h>

#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace widecert {

struct Instance {
  Architecture network;
  std::optional<DatasetSpec> data_spec;
  Dataset data;  // without samples if there is no data_spec: enough for claims about weights
};

// Told how far a stage has come; may throw to stop the work (time limit, interruption).
using Progress = std::function<void(const std::string& stage, std::size_t done, std::size_t total)>;

// What the checker is to be convinced of a rank with: by itself (small matrices), or by a solution of a random system
// (any size; a verdict with an error bound in the random-oracle model).
enum class EvidenceKind { automatic, elimination, random_solve };

struct Options {
  std::uint64_t seed = 1;
  EvidenceKind evidence = EvidenceKind::automatic;
  std::size_t memory = std::size_t{1} << 40;                      // bytes; larger engines are refused beforehand
  double rung_seconds = std::numeric_limits<double>::infinity();  // for each rung of the ladder of precisions
  // Bounds that are found by and by are given as far as they are known then.
  TimeLimit::Clock::time_point answer_by = TimeLimit::Clock::time_point::max();
  // What evidence for the rank of a claim is bound to: the claim as it will stand in the file, in which it may be a
  // part.
  std::function<std::string(const Claim&)> bound_text = [](const Claim& claim) { return claim.text(); };
  // Before the names of files that a prover makes beside the claim.
  std::string file_prefix = {};
  Progress progress = [](const std::string&, std::size_t, std::size_t) {};
};

// recomputed: found by rigorous floating point, but nothing that the checker could verify; never counts as proved.
enum class Verdict { proved, refuted, undecided, not_applicable, recomputed };
inline constexpr Verdict kVerdicts[] = {Verdict::proved, Verdict::refuted, Verdict::undecided, Verdict::not_applicable,
                                        Verdict::recomputed};
std::string to_string(Verdict verdict);

// A claim with the proof that the checker will be asked to accept.
struct Finding {
  Claim claim;
  Proof proof;
};

// The parameters that a result rests on.
struct Witness {
  std::string what;  // "filters of full rank"
  PointSpec point;   // or a family, from alpha_0 on
  Family family;
  std::optional<Rational> alpha_0;
};

// Numbers too many for the text of a claim or certificate, which names the file by its path and SHA-256.
struct Attachment {
  std::string path, bytes;
  std::string sha256() const;
};
Attachment attachment(const Options& options, const std::string& name, const NpyIntegers& array);
// An explicit tensor as it is, or in a file if it is large and its numbers are short. `layout`: how a row of the file
// is an image.
TensorSpec tensor_for_claim(const TensorSpec& spec, const std::string& name, const Layout& layout,
                            const Options& options, std::vector<Attachment>& files);
// An explicit tensor whose text would be long, as the bytes of its integers in a file; of ln 2 times one likewise.
TensorSpec wide_tensor_for_claim(const TensorSpec& spec, const std::string& name, const Options& options,
                                 std::vector<Attachment>& files);
// How many numbers of one list stand in the text at most.
inline constexpr std::size_t kMostInText = 20'000;

struct Outcome {
  Verdict verdict = Verdict::undecided;
  std::string reason;                       // a fixed word: "patches-collide", "width", ...; empty if proved
  std::string explanation;                  // one sentence for people
  std::vector<Finding> findings;            // the main one first, hypotheses and side results after it
  std::map<std::string, Rational> numbers;  // for tables: those of Theorem::numbers that are known
  std::optional<Witness> witness;           // of the main finding
  std::vector<Attachment> files = {};       // that findings name
  std::vector<std::pair<std::string, std::string>> ingredients;  // what alpha_0 is made of, for people
};
Outcome proved(std::string explanation, std::vector<Finding> findings);
Outcome refuted(std::string reason, std::string explanation, std::vector<Finding> findings);
Outcome undecided(std::string reason, std::string explanation);
Outcome not_applicable(std::string reason, std::string explanation, std::vector<Finding> findings = {});

using Prover = std::function<Outcome(const Instance&, const Options&)>;

// An entry of a case's "prove" list, for a theorem to read: what every entry says, and the rest of it.
struct Entry {
  JsonReader& json;
  const Architecture& network;
  std::size_t node;   // whose features F (or whose patches, weights) are meant
  std::string claim;  // the kind to prove: one of Theorem::claims
};
// The point that an entry gives as "parameters", if it does.
std::optional<PointSpec> read_parameters(const Entry& entry);
inline const std::pair<std::string, std::string> kParametersKey{
    "parameters", "tensors of the linear nodes up to the layer; seeded ones if absent"};

// Theorem::read where an entry says nothing but node and claim.
using PlainProver = Outcome (*)(const Instance&, std::size_t node, const std::string& claim, const Options&);
template <PlainProver prove>
Prover read_plain(const Entry& entry) {
  return [node = entry.node, claim = entry.claim](const Instance& instance, const Options& options) {
    return prove(instance, node, claim, options);
  };
}

enum class Side { below, above };  // which way a number may be rounded and still be true

struct Theorem {
  std::string id, title;
  std::string source;     // in the papers
  std::string statement;  // in words
  std::vector<std::string> hypotheses;
  std::vector<std::string> claims;            // kinds that can be asked for; the first is the default
  std::vector<std::string> side_claims = {};  // made as well: hypotheses and refutations
  std::vector<std::string> rules;             // the checker's rules behind them
  std::vector<std::string> reasons;           // the fixed words of other outcomes
  // What an entry may say beside theorem, node, claim and expect, each with its meaning.
  std::vector<std::pair<std::string, std::string>> keys = {};
  std::vector<std::pair<std::string, Side>> numbers = {};  // of Outcome::numbers
  bool needs_data = true;
  // Asks the entry for its keys: mistakes end here, before any work.
  Prover (*read)(const Entry& entry);
  // The failed hypothesis, or a bound that refutes, cheaply; null where only proving tells. Asked at activations, or at
  // linear layers if no data are needed.
  std::optional<Outcome> (*obstacle)(const Instance&, std::size_t node, const std::string& claim) = nullptr;
};

}  // namespace widecert
