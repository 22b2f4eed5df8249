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
  TOPIC(gradients)

namespace widecheck::topics {

#define WIDECHECK_DECLARE(name) extern const Topic name;
WIDECHECK_TOPICS(WIDECHECK_DECLARE)
#undef WIDECHECK_DECLARE

#define WIDECHECK_LIST(name) &name,
inline constexpr const Topic* all[] = {WIDECHECK_TOPICS(WIDECHECK_LIST)};
#undef WIDECHECK_LIST

}  // namespace widecheck::topics
