// Claims inside claims: premises, with their proofs inside the proof.
#pragma once

#include "evaluate/loss.h"
#include "kernel/rule.h"

namespace widecheck::topics {

// What topics::answer says of a claim inside the claim of `q`, about the same network and data or those of `c`.
Verdict answer_inner(const Question& q, const Context& c, const Value& claim, const Value& proof);

// The bits of the error bound of what rests on several premises: errors add up. 0 is no error.
unsigned combined_bits(const std::vector<unsigned>& premises);

// rank F = N of a node, or rank [F, 1] = N, by a claim inside the claim of `q` and its proof: any kind that says so.
// Throws Rejected("rank"), Rejected("other-layers").
struct FullRowRank {
  std::string sentence;
  unsigned error_bits;
  bool with_ones;  // it is the rank of [F, 1]
};
FullRowRank full_row_rank(const Question& q, const Context& c, std::size_t node, const Value& claim,
                          const Value& proof);
// Of the claim's node, under "rank" in claim and proof.
FullRowRank full_row_rank(const Question& q);

// A point with a smaller Phi than this: the claim's "better", with "parameters"; or "zero-loss", a claim of kind
// zero-loss-exists inside the claim with its proof, where Phi > 0. Throws Rejected("not-better").
Verdict better_point(const Question& q, const Objective& objective, const Ln2& phi);

}  // namespace widecheck::topics
