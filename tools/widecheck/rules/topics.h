// The topics: one word for each. rules/TOPIC.cpp holds its rules, rules/TOPIC.md says what they demand.
#pragma once

#include "kernel/rule.h"

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
  TOPIC(minima)                 \
  TOPIC(valleys)                \
  TOPIC(moats)                  \
  TOPIC(paths)                  \
  TOPIC(regions)                \
  TOPIC(skips)

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
}  // namespace widecheck::topics
