// The features of a dataset as a matrix over GF(p), row by row: the exact values of a node times
// their divisor, reduced. Rank over Q is at least the rank of this matrix.
#pragma once

#include <widecert/data/dataset.h>
#include <widecert/linalg/rank_evidence.h>
#include <widecert/network/block_forward.h>

#include <memory>

namespace widecert {

// What becomes of a value v (an integer over the node's divisor).
enum class Encoding {
  as_is,  // v
  halved  // v / 2: values 0 and 1 of a half-step; an odd v (a pre-activation of 0) throws OddValue
};

// A pre-activation was exactly 0 where the matrix needs 0 or 1.
struct OddValue {
  std::size_t sample;
};

// The forward pass by which the features of these data are made: sample by sample, or in blocks of them where that is
// faster or keeps values in 64 bits that bounds alone do not keep there. Cost: two blocks at most.
struct FeaturePass {
  std::shared_ptr<const ExactForward> forward;
  std::shared_ptr<const BlockForward> blocks;  // or null
  bool in_64_bits;                             // all values, or nearly

  FeaturePass(std::shared_ptr<const ExactForward> exact, const Dataset& data);
};

// Refers to `data`, which must outlive the rows.
ResidueRows feature_rows(const FeaturePass& pass, const Dataset& data, std::uint64_t prime, Encoding encoding);

// The exact values of one sample, whatever their size.
std::vector<Integer> exact_values(const ExactForward& forward, const Dataset& data, std::size_t sample);
// Of some samples.
std::vector<std::vector<Integer>> exact_values(const FeaturePass& pass, const Dataset& data,
                                               std::span<const std::size_t> samples);
// The same one after the other, where all fit into 64 bits.
std::optional<std::vector<std::int64_t>> small_values(const FeaturePass& pass, const Dataset& data,
                                                      std::span<const std::size_t> samples);

}  // namespace widecert
