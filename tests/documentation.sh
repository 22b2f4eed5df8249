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
export PYTHONPATH="$scratch/tools/python" PYTHONDONTWRITEBYTECODE=1
export PATH="$programs:$PATH" NO_COLOR=1 WIDECERT_BUILD="${programs%/bin}"
count=0
mapfile -t pages < <(printf 'README.md\n'; find proofs tools cases -name '*.md' | sort)
[ "${#pages[@]}" -ge 10 ] || { echo "only ${#pages[@]} pages found"; exit 1; }
for page in "${pages[@]}"; do
  while IFS= read -r line; do
    case "$line" in
      ''|'#'*) continue ;;
      tools/test* | tools/fresh-machine* | tools/package/*) echo "not repeated: $line"; continue ;;
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
# Tables stand in cases/README.md as the programs print them.
for table in 'widecert widths cases/architectures' 'widecert explain keys' 'widecert explain columns'; do
  rows=0
  printed=$($table)  # captured first: the status of a command in <(...) is lost
  while IFS= read -r row; do
    case "$row" in '|'*) ;; *) continue ;; esac
    rows=$((rows + 1))
    grep -qxF -e "$row" cases/README.md || { echo "cases/README.md lacks the row of $table: $row"; exit 1; }
  done <<< "$printed"
  [ "$rows" -ge 5 ] || { echo "$table prints $rows rows"; exit 1; }
done
# The figure of the tour is what its sweep draws.
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
for needed in 'numpy, torch' numpy; do
  for candidate in python3 /usr/bin/python3; do
    if [ -z "$python" ] && "$candidate" -c "import $needed" 2> /dev/null; then python=$candidate; fi
  done
done
for page in "${pages[@]}"; do
  blocks=$(awk '/^```python$/{n++} END{print n+0}' "$page")
  if [ -z "$python" ] && [ "$blocks" -gt 0 ]; then
    echo "SKIPPED: $blocks Python block(s) of $page: no Python with NumPy (apt-get install python3-numpy)"
    continue
  fi
  for ((block = 1; block <= blocks; block++)); do
    awk -v want="$block" '/^```python$/{on=(++n==want); next} /^```/{on=0} on' "$page" > "$scratch/.py"
    if grep -q '^import torch' "$scratch/.py" && ! "$python" -c 'import torch' 2> /dev/null; then
      echo "SKIPPED: Python block $block of $page: no PyTorch (apt-get install python3-torch)"
      continue
    fi
    "$python" "$scratch/.py" > "$scratch/.log" 2>&1 ||
      { echo "$page: Python block $block failed"; cat "$scratch/.py" "$scratch/.log"; exit 1; }
    echo "ok: Python block $block of $page"
  done
done
[ "$count" -ge 10 ] || { echo "only $count commands found"; exit 1; }
echo "$count commands of the documentation ran"
