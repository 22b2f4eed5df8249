#include "rules/premise.h"

#include <algorithm>

#include "evidence/singular.h"
#include "kernel/verdict.h"
#include "rules/topics.h"

namespace widecheck::topics {

unsigned combined_bits(const std::vector<unsigned>& premises) {
  unsigned least = 0, count = 0;
  for (const unsigned bits : premises) {
    if (bits == 0) continue;
    least = count == 0 ? bits : std::min(least, bits);
    ++count;
  }
  unsigned lost = 0;  // 2^lost >= count
  while (count > 1u << lost) ++lost;
  require(least == 0 || least > lost, "evidence-too-weak", "the errors of the premises add up to 1");
  return least - std::min(least, lost);
}

Verdict answer_inner(const Question& q, const Context& c, const Value& claim, const Value& proof) {
  const Verdict verdict = answer({c, claim.at("kind").text(), proof.at("rule").text(), claim, proof, &q});
  require(!verdict.recomputed, "wrong-rule", "a premise that is only recomputed proves nothing");
  return verdict;
}

FullRowRank full_row_rank(const Question& q, const Context& c, std::size_t node, const Value& claim,
                          const Value& proof) {
  const std::string kind = claim.at("kind").text();
  const std::size_t n = c.data.size();
  FullRowRank rank{"", 0, kind == "affinely-independent-on-ray"};
  if (kind == "singular-value-bounds") {
    rank.with_ones = claim.at("matrix").text() == "[F, 1]";
    require(read_range(claim.at("smallest")).low > 0 && c.network.node(node).width + (rank.with_ones ? 1 : 0) >= n,
            "rank", "these singular values do not show rank N");
  } else if (kind == "independent-at" || kind == "independent-almost-everywhere") {
    require(claim.at("rank").integer() == static_cast<unsigned long>(n), "rank",
            "the layer has full column rank at most: rank N is asked for");
  } else {
    require(kind == "independent-on-ray" || kind == "affinely-independent-on-ray" || kind == "independent-somewhere" ||
                kind == "in-s-k",
            "wrong-rule", "a claim of kind " + kind + " does not say rank F = N");
  }
  require(c.network.find(claim.at("node").text()) == node, "other-layers",
          "the claim about rank speaks of another layer");
  const Verdict verdict = answer_inner(q, c, claim, proof);
  rank.sentence = verdict.sentence;
  rank.error_bits = verdict.error_bits;
  return rank;
}

FullRowRank full_row_rank(const Question& q) {
  return full_row_rank(q, q.c, q.node(), q.claim.at("rank"), q.proof.at("rank"));
}

Verdict better_point(const Question& q, const Objective& objective, const Ln2& phi) {
  Budget& budget = q.c.budget;
  if (!q.claim.has("zero-loss")) {
    const Value parameters = q.claim.at("better").at("parameters");
    const Ln2 better = objective.value(parameters);
    require(phi.plus(better.negative(), budget).sign(budget) > 0, "not-better",
            "the other point has Phi = " + in_words(better) + ", no less than " + in_words(phi));
    return "another point has Phi = " + in_words(better);
  }
  const Value claim = q.claim.at("zero-loss");
  require(claim.at("kind").text() == "zero-loss-exists", "wrong-rule", "expected a claim of kind zero-loss-exists");
  require(claim.at("output").text() == q.claim.at("output").text(), "other-layers",
          "the claim about zero loss speaks of another output");
  if (claim.has("targets"))
    require(claim.at("targets").compact() == q.claim.at("targets").compact(), "targets",
            "the claim about zero loss speaks of other targets");
  require(phi.sign(budget) > 0, "not-better", "Phi is 0 at the point itself");
  const Verdict zero = answer_inner(q, q.c, claim, q.proof.at("zero-loss"));
  return {"another point has Phi = 0: " + zero.sentence, zero.error_bits};
}

}  // namespace widecheck::topics
