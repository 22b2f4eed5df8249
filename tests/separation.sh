#!/usr/bin/env bash
# The arrows of the house: widecheck includes nothing of lib/ or proofs/, lib/ nothing of proofs/; inside
# the checker kernel <- evaluate <- evidence <- rules; and what the checker promises of its own text.
# Files are found, not listed: a check that reads no file fails, so that none can be moved out of sight.
set -euo pipefail
cd "$(dirname "$0")/.."
fail=0
complain() { echo "$*"; fail=1; }

# sources PATH...: the C++ files below these paths.
sources() { find "$@" -type f \( -name '*.h' -o -name '*.cpp' \) 2> /dev/null | sort; }
# forbid WHAT PATTERN, the files on standard input: no line of them matches.
forbid() {
  local files found
  mapfile -t files
  if [ ${#files[@]} -eq 0 ]; then complain "$1: the check reads no file"; return; fi
  found=$(grep -nHP -- "$2" "${files[@]}" || [ $? -eq 1 ])
  if [ -n "$found" ]; then echo "$found"; complain "$1"; fi
}

forbid "widecheck includes code of the prover" '#\s*include\s*[<"](widecert/|lib/|proofs/|\.\./|/)' \
  < <(sources tools/widecheck)
forbid "lib/ includes a prover" '#\s*include\s*[<"]([^>"]*/)?proofs/' < <(sources lib)

# Inside the checker a file is named by its folder, and a folder knows those before it only. Rules do not
# know each other: topics.h and premise.h are common to them.
known="kernel"
for folder in kernel evaluate evidence rules; do
  [ $folder = kernel ] || known="$known|$folder"
  forbid "$folder/ includes more than $known" \
    "#\s*include\s*\"(?!($known)/[a-z0-9_]+\.h\")" < <(sources tools/widecheck/$folder)
done
forbid "a rule includes another" '#\s*include\s*"rules/(?!(topics|premise)\.h")' < <(sources tools/widecheck/rules)
forbid "rules count costs" '\b(spend|Products|pay_for_\w+)\b' < <(sources tools/widecheck/rules)

# Binary floats are read in npy.cpp, work is estimated in budget.*; main.cpp reads --memory.
forbid "floating point in the checker" '^(?!\s*//)(?:[^"/]|"[^"]*"|/(?!/))*\b(double|float)\b' \
  < <(sources tools/widecheck | grep -vE '/(main|npy|budget)\.(h|cpp)$')
forbid "a line of more than 120 columns" '^.{121}' < <(sources tools/widecheck)

mapfile -t checker < <(sources tools/widecheck)
# What an auditor of one claim reads: at most all below the rules, and one rule file.
code_lines() { cat "$@" | grep -cvE '^[[:space:]]*(//.*)?$'; }
mapfile -t below < <(sources tools/widecheck/{kernel,evaluate,evidence})
lines=$(code_lines "${below[@]}")
if [ "$lines" -lt 1000 ] || [ "$lines" -gt 12000 ]; then
  complain "kernel, evaluate and evidence have $lines lines of code; the README promises fewer than 12,000"
fi
for rules in tools/widecheck/rules/*.cpp; do
  lines=$(code_lines "$rules")
  [ "$lines" -le 350 ] || complain "$rules has $lines lines of code; the README promises at most 350"
done

# Every fixed word of a rejection stands in a format page.
mapfile -t pages < <(find tools/widecheck -type f -name '*.md' | sort)
[ ${#pages[@]} -gt 0 ] || complain "the check of reasons reads no page"
words=0
while read -r word; do
  words=$((words + 1))
  grep -qF "\`$word\`" "${pages[@]}" || complain "reason $word is missing in the format pages"
done < <(sources tools/widecheck | grep '\.cpp$' | xargs cat | tr '\n' ' ' |
         grep -oP '(?:Rejected|Malformed)\(\s*"\K[a-z-]+(?=")|require\([^;]*?,\s*"\K[a-z-]+(?=",)' | sort -u)
[ "$words" -ge 50 ] || complain "only $words reasons were found"
exit $fail
