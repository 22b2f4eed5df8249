#include "evidence/coupling.h"

#include <map>

#include "kernel/integers.h"
#include "kernel/verdict.h"

namespace widecheck {
namespace {

// By sample, those that are not 0.
using Weights = std::map<std::size_t, mpq_class>;

Weights read_coupling(const Context& c, const Value& json, const std::vector<std::vector<mpz_class>>& x) {
  Weights rho;
  std::map<std::size_t, std::vector<mpq_class>> pull;  // by t: sum of kappa_st (x_s - x_t)
  for (const Value& entry : json.list()) {
    const auto triple = entry.list();
    if (triple.size() != 3) entry.bad("[s, t, kappa]");
    const std::size_t s = triple[0].number(x.size() - 1), t = triple[1].number(x.size() - 1);
    const mpq_class kappa = triple[2].rational();
    require(kappa >= 0, "sign", "a weight kappa is negative");
    add(rho[s], kappa, c.budget);
    add(rho[t], -kappa, c.budget);
    c.budget.spend(100 * x[t].size());
    std::vector<mpq_class>& sum = pull.try_emplace(t, x[t].size()).first->second;
    for (std::size_t k = 0; k < sum.size(); ++k) {
      const mpz_class off = x[s][k] - x[t][k];
      c.budget.spend(50 +
                     4 * (Products::words(kappa.get_num()) + Products::words(kappa.get_den())) * Products::words(off));
      if (off != 0) add(sum[k], kappa * off, c.budget);
    }
  }
  for (const auto& [t, sum] : pull)
    for (const mpq_class& v : sum)
      require(v == 0, "barycentre", "the weights of a sample do not have it as their mean");
  return rho;
}

}  // namespace

std::vector<std::vector<mpq_class>> residual_of_terms(const Context& c, const Value& terms,
                                                      const std::vector<std::vector<mpz_class>>& samples,
                                                      std::size_t outputs, const Curvature& curvature) {
  std::vector<std::vector<mpq_class>> sum(samples.size(), std::vector<mpq_class>(outputs));
  for (const Value& term : terms.list()) {
    std::vector<mpq_class> u;
    Products words = 0;
    for (const Value& v : term.at("u").list()) {
      u.push_back(v.rational());
      words += Products::words(u.back().get_num()) + Products::words(u.back().get_den());
    }
    if (u.size() != outputs) term.at("u").bad(number(outputs) + " numbers, one for each output");
    for (const auto& [i, rho] : read_coupling(c, term.at("coupling"), samples)) {
      const Products size = Products::words(rho.get_num()) + Products::words(rho.get_den());
      c.budget.spend(8 * size * words + 100 * outputs);
      for (std::size_t j = 0; j < outputs; ++j) add(sum[i][j], rho * u[j], c.budget);
    }
    const BendLabel label = curvature.of(u);
    require(label.convex, label.lost[0] == '\0' ? "sign" : label.lost,
            "<u, F_L> is not shown to be convex over the samples on the whole box");
  }
  return sum;
}

}  // namespace widecheck
