// The search for a proof of full rank: preconditioners X_1, ..., X_k, their product P and B = P A' with sigma_min(B) >
// ||B - P A'|| for every A' of the enclosure. Then P A', and so A', has full rank.
//
// Steps, of which each is a function from what was found before to what is found then (full_rank_search.cpp): the Gram
// matrix of A' itself; where only the rank is asked for and the singular values seem to fall slowly, one preconditioner
// from its shifted Gram matrix; the elimination of A'^T; and then by turns another preconditioner from the Gram
// matrix of B, or more slices where B is not known well enough. The first step is enough for a condition number up to
// about 10^5 at m = 1,000, the elimination for about 10^15 (singular_bounds.h). Which way is taken is heuristic.
//
// Internal to singular_bounds.h.
#pragma once

#include <widecert/linalg/preconditioned_matrix.h>
#include <widecert/linalg/row_scaling.h>
#include <widecert/linalg/singular_bounds.h>
#include <widecert/linalg/verified_cholesky.h>

#include <optional>
#include <variant>

namespace widecert {

// How far the search has come.
struct SearchState {
  PreconditionedMatrix b;        // the last that was computed
  std::optional<GramTest> test;  // of b.high() and b.error(), if it was made
  int level = 0;                 // how often a preconditioner was found
  int slices = 1;                // of the products; of those that were not allowed, where there were too few

  bool begun() const { return test || !b.preconditioners().empty(); }
};

// sigma_min(b.high()) >= least > b.error(), rigorously.
struct Certified {
  double least;
};

struct FullRankSearch {
  SearchState last;
  std::variant<Certified, Undecided> verdict;
};

// `a` has to outlive the result. With Effort::sharp a certified search ends with a test that decides (test->factor).
FullRankSearch search_full_rank(const ScaledRows& a, const SingularOptions& options);

}  // namespace widecert
