#!/usr/bin/env bash
# Claims and certificates that rest on exact arithmetic keep their bytes: digests.txt holds the SHA-256 of each file, as
# made by `widecert prove` with the seeds of the cases. A change of bytes is a change of format, or of what is claimed.
# digests.sh PROGRAMS [--write] makes the list anew.
set -euo pipefail
programs=$1
cd "$(dirname "$0")"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
# Beside their data as anywhere else: claims hold relative paths.
mkdir "$scratch/cases" "$scratch/out"
cp -r ../cases/{small,counterexamples,weights,digits} "$scratch/cases"
digests=$PWD/digests.txt
cd "$scratch/out"
cases=0
while IFS= read -r path; do
  cases=$((cases + 1))
  status=0
  "$programs/widecert" --quiet prove "$path" -o "$(basename "$(dirname "$path")")" 2> "$scratch/log" || status=$?
  case $status in 0 | 1 | 3) ;; *) echo "$path ended with $status"; cat "$scratch/log"; exit 1 ;; esac
done < <(find ../cases -name '*.case.json' | sort)
# Bounds in floating point may differ between kinds of processors.
found=$(grep -rLE '"rule": ?"(integer-cholesky|backpropagation|recomputed)"' --include='*.cert.json' . | sort |
  while IFS= read -r file; do sha256sum "$file" "${file%.cert.json}.claim.json"; done)
count=$(wc -l <<< "$found")
[ "$count" -ge 150 ] || { echo "only $count files of $cases cases"; exit 1; }
if [ "${2:-}" = --write ]; then
  echo "$found" > "$digests"
else
  diff "$digests" <(echo "$found") || { echo "bytes differ from those of digests.txt"; exit 1; }
fi
echo "$count files of $cases cases have their digests"
