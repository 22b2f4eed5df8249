// rank F_k = N or rank [F_k, 1] = N, proved by whatever theorem an entry names, as a part of other claims.
#pragma once

#include "proofs/catalogue.h"

namespace widecert {

// The key "rank" of an entry, itself an entry without "node"; theorem-3.5 where it is absent.
Task read_rank(const Entry& entry);
inline const std::pair<std::string, std::string> kRankKey{
    "rank",
    "how rank F = N of the layer is proved: an entry of its own, {\"theorem\": ..., ...} without \"node\"; "
    "{\"theorem\": \"theorem-3.5\"} if absent"};

struct FullRowRank {
  Finding finding;
  std::string explanation;
  bool with_ones;  // it is the rank of [F, 1]
  std::vector<Attachment> files;
};
// `outer`: the claim of which this will be a part. Nothing if rank N was not proved; `failed` says why.
std::optional<FullRowRank> full_row_rank(const Instance& instance, const Task& task,
                                         const std::function<Claim(const Claim&)>& outer, const Options& options,
                                         Outcome& failed);

// The dense layer with free weights that a theorem solves a system for; else why it is none, with the reason.
std::optional<Outcome> not_solvable(const Architecture& network, std::size_t layer);

}  // namespace widecert
