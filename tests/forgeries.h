// Forging one claim of a genuine pair of files.
#pragma once

#include "genuine.h"

namespace widecert::test {

inline json& claim(json& c, std::size_t k) { return c["claims"][k]; }
inline json& proof(json& p, std::size_t k) { return p["proofs"][k]; }

// The place of the n-th claim of this kind; whose proof has this rule.
inline std::size_t of_kind(const Genuine& g, const std::string& kind, std::size_t skip = 0) {
  for (std::size_t k = 0; k < g.claim()["claims"].size(); ++k)
    if (g.claim()["claims"][k]["kind"] == kind && skip-- == 0) return k;
  FAIL("no claim of kind " + kind);
  return 0;
}
inline std::size_t of_rule(const Genuine& g, const std::string& rule, std::size_t skip = 0) {
  for (std::size_t k = 0; k < g.certificate()["proofs"].size(); ++k)
    if (g.certificate()["proofs"][k]["rule"] == rule && skip-- == 0) return k;
  FAIL("no proof by " + rule);
  return 0;
}

// One claim alone, edited.
inline Verdict forge(const Genuine& g, std::size_t k, const std::function<void(json&, json&)>& edit) {
  return g.forge([&](json& c, json& p) {
    edit(c, p);
    c["claims"] = json::array({claim(c, k)});
    p["proofs"] = json::array({proof(p, k)});
  });
}

}  // namespace widecert::test
