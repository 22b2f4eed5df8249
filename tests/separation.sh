#!/usr/bin/env bash
# The arrows of the house: widecheck includes nothing of lib/ or proofs/, lib/ nothing of proofs/.
set -euo pipefail
cd "$(dirname "$0")/.."
fail=0
if grep -nE '#\s*include\s*[<"](\.\./|widecert/)' -r tools/widecheck --include='*.h' --include='*.cpp'; then
  echo "widecheck includes code of the prover"; fail=1
fi
if grep -nE '#\s*include\s*<widecert/proofs/' -r lib; then
  echo "lib/ includes a prover"; fail=1
fi
if grep -nE '\b(double|float)\b' tools/widecheck/{bounds,activation,network,seeded}.{h,cpp}; then
  echo "floating point in the checker's arithmetic"; fail=1
fi
exit $fail
