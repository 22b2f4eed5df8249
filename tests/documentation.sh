#!/usr/bin/env bash
# Runs every command of the documentation: each line of each ```sh block of the pages below, in order,
# in a copy of the repository without shared data, as a reader would. tools/test and tools/demo, which
# install and build, are not repeated inside the tests: tools/test is what runs them, and tools/demo is
# run here on the build at hand.
set -euo pipefail
programs=$1
here=$(cd "$(dirname "$0")/.." && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cp -r "$here"/{cases,tools,proofs,README.md} "$scratch"
cd "$scratch"
export PATH="$programs:$PATH" NO_COLOR=1 WIDECERT_BUILD="${programs%/bin}"
count=0
for page in README.md proofs/README.md tools/widecheck/FORMAT.md cases/README.md; do
  [ -f "$page" ] || { echo "missing page $page"; exit 1; }
  while IFS= read -r line; do
    case "$line" in
      ''|'#'*) continue ;;
      tools/test*) echo "not repeated: $line"; continue ;;
      tools/demo*) line="tools/demo --programs $programs" ;;
    esac
    expected=0
    case "$line" in
      *'# exit '*) expected=${line##*'# exit '}; line=${line%%'# exit '*} ;;
    esac
    count=$((count + 1))
    status=0
    bash -c "$line" > "$scratch/.log" 2>&1 < /dev/null || status=$?
    if [ "$status" != "$expected" ]; then
      echo "$page: \"$line\" ended with $status, expected $expected"; cat "$scratch/.log"; exit 1
    fi
    echo "ok: $line"
  done < <(awk '/^```sh$/{on=1; next} /^```/{on=0} on' "$page")
done
# The table of widths stands in cases/README.md as the command prints it.
while IFS= read -r row; do
  case "$row" in '|'*) ;; *) continue ;; esac
  grep -qxF "$row" cases/README.md || { echo "cases/README.md lacks the row: $row"; exit 1; }
done < <(widecert widths cases/architectures)
# The figure of the README is what its sweep draws.
cmp out/relu/figure-1.svg cases/sweeps/relu-deficient.svg ||
  { echo "cases/sweeps/relu-deficient.svg is not what the sweep draws"; exit 1; }
# The case files of networks are what their script writes.
if command -v python3 > /dev/null; then
  python3 cases/architectures/write.py --check || exit 1
else
  echo "SKIPPED: cases/architectures/write.py --check: no python3"
fi
# ```python blocks, where there is a Python with NumPy.
python=
for candidate in python3 /usr/bin/python3; do
  if "$candidate" -c 'import numpy' 2> /dev/null; then python=$candidate; break; fi
done
blocks=$(awk '/^```python$/{n++} END{print n+0}' README.md)
if [ -z "$python" ]; then
  echo "SKIPPED: $blocks Python block(s) of README.md: no Python with NumPy (apt-get install python3-numpy)"
else
  for ((block = 1; block <= blocks; block++)); do
    awk -v want="$block" '/^```python$/{on=(++n==want); next} /^```/{on=0} on' README.md > "$scratch/.py"
    "$python" "$scratch/.py" > "$scratch/.log" 2>&1 ||
      { echo "README.md: Python block $block failed"; cat "$scratch/.py" "$scratch/.log"; exit 1; }
    echo "ok: Python block $block"
  done
fi
[ "$count" -ge 10 ] || { echo "only $count commands found"; exit 1; }
echo "$count commands of the documentation ran"
