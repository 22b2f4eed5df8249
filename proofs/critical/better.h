// A point with a smaller Phi, which shows that another one is no global minimum.
#pragma once

#include "proofs/catalogue.h"
#include "proofs/critical/loss.h"

namespace widecert {

inline const std::pair<std::string, std::string> kBetterKey{
    "better", "where a point is shown not to be global: another one, the parameters of a smaller Phi"};
inline const std::pair<std::string, std::string> kZeroLossKey{
    "zero-loss",
    "the same, by an entry of theorem-4.5 without \"theorem\": {\"node\": ..., \"rank\": ...}: zero loss exists"};

// "better" or "zero-loss" of an entry.
struct BetterEntry {
  std::optional<PointSpec> parameters;
  std::optional<Task> zero_loss;
};
// One of the two is `needed`, or none is allowed.
std::optional<BetterEntry> read_better(const Entry& entry, bool needed);

// What it adds to claim and proof.
struct Better {
  Keys claim, proof;
  std::string text;
};
// `outer`: the claim of which these keys will be a part. Nothing if the other point is no better; `failed` says why.
std::optional<Better> find_better(const Instance& instance, const BetterEntry& entry, std::size_t output,
                                  const TargetsSpec& targets, const LossSpec& loss, const Ln2& phi,
                                  const std::function<Claim(const Keys&)>& outer, const Options& options,
                                  Outcome& failed);

}  // namespace widecert
