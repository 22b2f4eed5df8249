#include "rules/topics.h"

#include "kernel/verdict.h"

namespace widecheck::topics {

Verdict answer(const Question& q) {
  const Rule* found = nullptr;
  const Topic* of = nullptr;
  bool known = false, needs_data = false;
  for (const Topic* topic : all) {
    for (const Rule& rule : topic->rules) {
      if (q.kind != rule.kind) continue;
      known = true;
      needs_data = needs_data || topic->needs_data;
      if (q.rule != rule.name) continue;
      found = &rule;
      of = topic;
    }
  }
  if (!known) q.claim.at("kind").bad("a kind of claim of version 1");
  if (needs_data && q.c.data.size() == 0)
    throw Malformed("no-data", q.claim.place() + ": " + q.kind + " speaks of samples; the file has no data");
  q.c.network.charge(q.c.budget);
  require(found != nullptr, "wrong-rule", "rule " + q.rule + " does not prove " + q.kind);
  if (q.c.used != nullptr) q.c.used->insert(of);
  const Verdict verdict = found->check(q);
  q.claim.require_all_asked();
  q.proof.require_all_asked();
  return verdict;
}

}  // namespace widecheck::topics
