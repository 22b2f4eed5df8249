#!/usr/bin/env bash
# The arrows of the house: widecheck includes nothing of lib/ or proofs/, lib/ nothing of proofs/.
set -euo pipefail
cd "$(dirname "$0")/.."
fail=0
if grep -nE '#\s*include\s*[<"](\.\./|widecert/)' -r tools/widecheck --include='*.h' --include='*.cpp'; then
  echo "widecheck includes code of the prover"; fail=1
fi
if grep -nE '#\s*include\s*[<"](widecert/)?proofs/' -r lib; then
  echo "lib/ includes a prover"; fail=1
fi
if grep -nE '\b(double|float)\b' tools/widecheck/{bounds,activation,forward,network,seeded,limits}.{h,cpp}; then
  echo "floating point in the checker's arithmetic"; fail=1
fi
lines=$(cat tools/widecheck/*.cpp tools/widecheck/*.h | grep -cvE '^[[:space:]]*(//.*)?$')
if [ "$lines" -gt 6400 ]; then
  echo "the checker has $lines lines of code; the README promises fewer than 6,400"; fail=1
fi
# Every fixed word of a rejection stands in the format page.
while read -r word; do
  grep -q "\`$word\`" tools/widecheck/FORMAT.md || { echo "reason $word is missing in FORMAT.md"; fail=1; }
done < <(cat tools/widecheck/*.cpp | tr '\n' ' ' |
         grep -oP '(?:Rejected|Malformed)\(\s*"\K[a-z-]+(?=")|require\([^"]*"\K[a-z-]+(?=", *")' | sort -u)
exit $fail
