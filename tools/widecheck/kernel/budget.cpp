#include "kernel/budget.h"

#include <cstdint>

#include "kernel/verdict.h"

namespace widecheck {

void Budget::spend(Products work) {
  constexpr std::uint64_t kMostProducts = 1'000'000'000'000;
  granted_ += work;
  if (!(granted_.n_ <= static_cast<double>(kMostProducts)))  // what is not a number is refused too
    throw Malformed("too-large", "checking these claims takes more than 10^12 products; refused");
}

}  // namespace widecheck
