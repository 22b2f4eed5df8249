// Half precision in NPY files: both programs read all 65,536 patterns of bits alike, and as the compiler does.
#include <widecert/number/half.h>

#include <cmath>

#include "../catch.h"
#include "kernel/npy.h"
#include "kernel/verdict.h"

TEST_CASE("every float of 16 bits is read exactly, by prover and checker alike") {
  for (std::uint32_t bits = 0; bits < 65536; ++bits) {
    const double prover = widecert::from_half(static_cast<std::uint16_t>(bits));
    INFO(bits);
    if (!std::isfinite(prover)) {
      CHECK((bits >> 10 & 31) == 31);
      CHECK_THROWS_AS(widecheck::exact_float(bits, 2, "x"), widecheck::Malformed);
      continue;
    }
    const bool same = widecheck::exact_float(bits, 2, "x") == mpq_class(prover);
    CHECK(same);
#ifdef __FLT16_MAX__
    CHECK(static_cast<double>(std::bit_cast<_Float16>(static_cast<std::uint16_t>(bits))) == prover);
#endif
  }
  CHECK(widecert::from_bfloat16(0x3f80) == 1);
  CHECK(widecert::from_bfloat16(0xc2f7) == -123.5);
}
