// Full rank of features at a point, as evidence that the checker accepts: what "independent-at" and
// every way to "almost everywhere" share.
#pragma once

#include <widecert/network/feature_rows.h>
#include <widecert/network/point.h>
#include "proofs/prover.h"

namespace widecert {

// Parameters of the free tensors below `target` from seed + attempt: short integer filters and
// biases. Attempts differ in the size of the biases too. With `steps` biases are odd multiples of a
// step finer than everything else, so that no pre-activation of a layer with a free bias is ever
// exactly 0. `network` has rational values.
PointSpec choose_point(const Architecture& network, const Dataset& data, std::size_t target, bool steps,
                       std::uint64_t seed, std::uint64_t attempt);

// How many attempts are worth making for a matrix of this size: many while they cost nothing.
std::uint64_t attempts_for(std::size_t rows, std::size_t cols);

// "independent-at": rank F = rank = min(N, n) at the parameters.
Claim independent_at(const std::string& node, std::size_t rank, const PointSpec& parameters);
// "exact-rank".
Proof exact_rank(const RankEvidence& evidence);

struct EvidenceOutcome {
  std::optional<RankEvidence> evidence;  // present if the rank is full
  std::uint64_t prime = 0;
  std::size_t rank = 0;  // the largest modular rank found: a lower bound
  std::string obstacle;  // of the last attempt that could not be made
  bool too_large = false;
};

// Looks for full rank of one matrix, as evidence for the claim.
EvidenceOutcome find_evidence(const ResidueRows& a, const Claim& claim, const Options& options);

// Looks for full rank of the values of `target` (times their divisor) modulo 2 and then modulo an
// odd prime. `steps`: the values are those of a step limit, which GF(2) takes halved.
EvidenceOutcome find_evidence(const Architecture& network, const PointSpec& point, const Dataset& data,
                              std::size_t target, const Claim& claim, bool steps, const Options& options);

}  // namespace widecert
