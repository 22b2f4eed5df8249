// The exact forward pass for a block of samples at once, vectorised over them: for filters with few weights other than
// 0, where a pass over filters would multiply zeros, and for values whose bounds get beyond 2^62 though they do not.
// Only neurons that the target depends on are computed.
#pragma once

#include <widecert/network/exact_forward.h>

#include <optional>
#include <span>

namespace widecert {

class BlockForward {
 public:
  static constexpr std::size_t kSamples = 16;

  // Cost: about that of one sample in integers.
  explicit BlockForward(std::shared_ptr<const ExactForward> exact);
  // Weights, biases and factors are below 2^62, and a block takes at most about 250 MB.
  bool possible() const { return possible_; }
  // It multiplies less than a quarter as often as ExactForward.
  bool worthwhile() const { return possible_ && products_ * 4 < dense_products_; }
  // Of kSamples samples, sample by sample: the numerators of the target's values, likewise; nothing where a number
  // might get beyond 2^62. Threads may call it at once.
  std::optional<std::vector<std::int64_t>> operator()(std::span<const std::int64_t> samples) const;

 private:
  // Weights other than 0, with their positions in a patch.
  struct Taps {
    std::vector<std::uint32_t> position;
    std::vector<std::int64_t> weight;
  };
  struct Plan {
    const ExactForward::Step* step = nullptr;
    std::vector<std::size_t> inputs;     // plans
    std::vector<std::size_t> last_uses;  // plans whose values no later one needs
    std::vector<Taps> taps;              // by bank, then filter
    std::vector<std::int64_t> bias, factors, shifts;
    std::vector<std::size_t> needed;   // neurons
    bool joins = false, sums = false;  // the inputs, by one factor each
    Integer norm = 1, most_shift = 0;  // else values grow by that factor at most; and then by that
  };

  void plan_linear(Plan& plan, const Node& node);
  void find_needed();
  template <class Int>
  std::optional<std::vector<std::int64_t>> run(std::span<const std::int64_t> samples) const;
  template <class Int>
  void evaluate(const Plan& plan, const std::vector<std::vector<Int>>& values, std::vector<Int>& y) const;

  std::shared_ptr<const ExactForward> exact_;
  std::vector<Plan> plans_;
  bool possible_ = true, narrow_ = true;  // narrow: all in 32 bits
  double products_ = 0, dense_products_ = 0;
};

}  // namespace widecert
