#include "hunt_slice.h"

#include <widecert/number/error.h>

namespace widecert {

std::uint64_t binomial(std::uint64_t n, std::uint64_t k) {
  double value = 1;
  for (std::uint64_t i = 0; i < k; ++i) value *= static_cast<double>(n - i) / static_cast<double>(i + 1);
  if (value > 1e15) throw InputError("the search has more than 10^15 candidates; lower its bounds");
  std::uint64_t exact = 1;
  for (std::uint64_t i = 0; i < k; ++i) exact = exact * (n - i) / (i + 1);
  return exact;
}

}  // namespace widecert
