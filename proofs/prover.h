// What goes into a prover and what comes out: a prover is a function from Instance and options to
// Outcome.
#pragma once

#include <widecert/certificate/claim.h>

#include <cstdint>
#include <functional>
#include <limits>
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

// What the checker is to be convinced of a rank with: by itself (small matrices), or by a solution
// of a random system (any size; a verdict with an error bound in the random-oracle model).
enum class EvidenceKind { automatic, elimination, random_solve };

struct Options {
  std::uint64_t seed = 1;
  EvidenceKind evidence = EvidenceKind::automatic;
  std::size_t memory = std::size_t{1} << 40;  // bytes; larger engines are refused beforehand
  double rung_seconds = std::numeric_limits<double>::infinity();  // for each rung of the ladder of precisions
  Progress progress = [](const std::string&, std::size_t, std::size_t) {};
};

// One entry of a case's "prove" list.
struct Request {
  std::string theorem;  // id in the catalogue
  std::string node;     // the node whose features F (or whose patches, weights) are meant
  std::string claim;    // kind of claim; empty: the theorem's first
  std::string rule = {};  // the checker's rule to go by, where several may serve; empty: any
  std::optional<PointSpec> parameters = {};  // the point to decide at; chosen from the seed if absent
  std::string matrix = {};  // "F" (or empty) or "[F, 1]", for singular values
  std::string output = {};  // the linear node whose values are F_L, for gradients; empty: the last of the chain
  std::optional<TensorSpec> targets = {};    // Y, for gradients
};

// recomputed: found by rigorous floating point, but nothing that the checker could verify; never counts as proved.
enum class Verdict { proved, refuted, undecided, not_applicable, recomputed };
inline constexpr Verdict kVerdicts[] = {Verdict::proved, Verdict::refuted, Verdict::undecided, Verdict::not_applicable,
                                        Verdict::recomputed};
std::string to_string(Verdict verdict);

// A property with the proof that the checker will be asked to accept.
struct Finding {
  Property property;
  Proof proof;
};

struct Outcome {
  Verdict verdict = Verdict::undecided;
  std::string reason;             // a fixed word: "patches-collide", "width", ...; empty if proved
  std::string explanation;        // one sentence for people
  std::vector<Finding> findings;  // the main one first, hypotheses and side results after it
  std::vector<std::pair<std::string, std::string>> ingredients;  // what alpha_0 is made of
};

// An outcome without findings for a hypothesis that fails.
inline Outcome not_applicable(std::string reason, std::string explanation) {
  return {Verdict::not_applicable, std::move(reason), std::move(explanation), {}, {}};
}

}  // namespace widecert
