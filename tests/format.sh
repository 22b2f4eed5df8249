#!/usr/bin/env bash
# C++ is formatted by clang-format as .clang-format says. Without version 14 of it (the one of Debian 12; others break lines
# elsewhere) only the width of lines is tested, and that is said aloud.
set -euo pipefail
cd "$(dirname "$0")/.."
mapfile -t files < <(find lib proofs tools tests -name '*.h' -o -name '*.cpp' | sort)
[ "${#files[@]}" -ge 200 ] || { echo "only ${#files[@]} files found"; exit 1; }
long=$(grep -nHP '^.{121}' "${files[@]}" || [ $? -eq 1 ])
[ -z "$long" ] || { echo "$long"; echo "lines of more than 120 columns"; exit 1; }
formatter=$(command -v clang-format-14 || command -v clang-format || true)
version=$([ -z "$formatter" ] || "$formatter" --version)
case $version in
  *' 14.'*) "$formatter" --dry-run -Werror "${files[@]}" && echo "${#files[@]} files are formatted" ;;
  *) echo "SKIPPED: the rest, as there is no clang-format 14 (apt-get install clang-format-14); no line is too long" ;;
esac
