// The topics: one word for each. rules/TOPIC.cpp holds its rules, rules/TOPIC.md says what they demand.
#pragma once

#include "evaluate/loss.h"

#define WIDECHECK_TOPICS(TOPIC) \
  TOPIC(distinct)               \
  TOPIC(rays)                   \
  TOPIC(generic)                \
  TOPIC(dependent)              \
  TOPIC(weights)                \
  TOPIC(singular)               \
  TOPIC(gradients)              \
  TOPIC(interpolation)          \
  TOPIC(critical)               \
  TOPIC(minima)

namespace widecheck::topics {

#define WIDECHECK_DECLARE(name) extern const Topic name;
WIDECHECK_TOPICS(WIDECHECK_DECLARE)
#undef WIDECHECK_DECLARE

#define WIDECHECK_LIST(name) &name,
inline constexpr const Topic* all[] = {WIDECHECK_TOPICS(WIDECHECK_LIST)};
#undef WIDECHECK_LIST

// Answers by the row for kind and rule: requires that the file has data where a rule of this kind needs them, and that
// every key of claim and proof is asked for. Throws Rejected("wrong-rule"), Malformed and what the rule throws.
Verdict answer(const Question& q);
// The same for a claim inside the claim of `q`, about the same network and data or those of `c`.
Verdict answer_inner(const Question& q, const Context& c, const Value& claim, const Value& proof);

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
