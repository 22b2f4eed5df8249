#!/usr/bin/env bash
# The scripts of the repository, as far as it goes without a network: tools/fresh-machine tries the rest.
#
# tools/setup runs here in a copy, with stubs for apt, dpkg, cmake and sudo that keep their state in files.
# With the folder of the programs as argument, the completions are made from them and tried.
set -euo pipefail
cd "$(dirname "$0")/.."
here=$PWD
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
fail() { echo "FAILED: $*"; exit 1; }

# ---- all scripts parse, and no answer hangs on a pipe that may break -------------------------------------
# In `producer | grep -q` (or head, or sed with q) under pipefail the reader leaves early, the producer may die of
# the broken pipe, and the answer is no. Whether it happens depends on timing, so nobody sees it in a test.
scripts=()
while IFS= read -r file; do
  IFS= read -r first < "$file" || true
  case $first in '#!'*bash* | '#!'*/sh*) scripts+=("$file") ;; esac
done < <(find .ci tools tests cases -type f ! -name '*.cpp' ! -name '*.h' ! -name '*.json')
[ "${#scripts[@]}" -ge 10 ] || fail "only ${#scripts[@]} scripts were found"
leaves_early='\|&?[[:space:]]*([A-Z_]+=[^ ]* )*((e|f)?grep[[:space:]]+(-[A-Za-z]+[[:space:]]+)*(-[A-Za-z]*[qml]|--quiet|--silent|--max-count)|head\b|sed[[:space:]][^|]*[0-9;{ ]q\b|(read|awk[^|]*exit)\b)'
# A continued line is one line.
offences() { sed -e ':a' -e '/[\\|]$/{N;s/\\*\n/ /;ba' -e '}' "$1" | grep -nE "$leaves_early" | grep -v '^[0-9]*:[[:space:]]*#' || true; }
printf '%s\n' 'a | grep -q b' 'a |' '  head -n 1' 'a | sed -n 1q' 'a | grep -E -m1 b' > "$scratch/bad"
[ "$(offences "$scratch/bad" | wc -l)" = 4 ] || fail "the check for breaking pipes does not see what it must"
printf '%s\n' 'head -n 1 f | fold' 'grep -q a f || b' 'a | grep -c b' '# a | grep -q b' > "$scratch/good"
[ -z "$(offences "$scratch/good")" ] || fail "the check for breaking pipes sees too much: $(offences "$scratch/good")"
for file in "${scripts[@]}"; do
  bash -n "$file" || fail "$file does not parse"
  [ -x "$file" ] || fail "$file is not executable"
  [ "$file" = tests/scripts.sh ] || [ -z "$(offences "$file")" ] ||
    fail "$file: capture the output first, then look at it: $(offences "$file")"
done
echo "ok: ${#scripts[@]} scripts parse; no answer hangs on a pipe that may break"

# ---- one list of packages --------------------------------------------------------------------------------
list=$(sed -n '/^packages=(/,/)/p' tools/setup)
list=${list#*\(} list=${list%\)*}
read -r -d '' -a packages <<< "$list" || true
[ "${#packages[@]}" -ge 15 ] || fail "the list of packages in tools/setup was not found"
for package in "${packages[@]}" libflint-arb-dev; do
  case $package in cmake | g++ | ninja-build) continue ;; esac
  grep -q -- "$package" CMakeLists.txt || fail "CMakeLists.txt does not say which package is missing: $package"
  case $package in libcli11-dev | catch2) continue ;; esac  # of no use to somebody who builds against the library
  grep -q -- "$package" tools/cmake/Package.cmake || fail "the Debian package does not suggest $package"
done
echo "ok: setup, CMakeLists.txt and the Debian package name the same packages"

# ---- tools/setup -----------------------------------------------------------------------------------------
# The stubs: state/installed and state/known hold names with versions, state/after-update what an update makes
# known; state/broken makes a configuration fail while FLINT is incomplete.
stubs=$scratch/stubs state=$scratch/state
mkdir -p "$stubs" "$scratch/real"
stub() { { echo '#!/usr/bin/env bash'; echo "state=$state"; cat; } > "$stubs/$1"; chmod +x "$stubs/$1"; }
stub dpkg-query << 'STUB'
version=$(awk -v p="${!#}" '$1 == p {print $2}' "$state/installed")
[ -n "$version" ] || { echo "dpkg-query: no packages found matching ${!#}" >&2; exit 1; }
case "$*" in *Version*) echo "$version" ;; *) echo "install ok installed" ;; esac
STUB
stub apt-cache << 'STUB'
[ "$1" = policy ] || exit 2
version=$(awk -v p="$2" '$1 == p {print $2}' "$state/known")
[ -n "$version" ] || exit 0
printf '%s:\n  Installed: (none)\n  Candidate: %s\n  Version table:\n' "$2" "$version"
# A producer that dies if its reader leaves early: much more than a pipe holds.
for ((i = 0; i < 20000; i++)); do echo "     $version 500"; done
STUB
stub apt-get << 'STUB'
echo "apt-get $*" >> "$state/log"
case " $* " in
  *' update '*) cat "$state/after-update" >> "$state/known" ;;
  *' install '*)
    for package; do
      case $package in -* | install | Dpkg::*) continue ;; esac
      version=$(awk -v p="$package" '$1 == p {print $2}' "$state/known")
      [ -n "$version" ] || { echo "E: Unable to locate package $package" >&2; exit 100; }
      echo "$package $version" >> "$state/installed"
    done
    ;;
esac
STUB
# Leaves what the real one leaves: the cache always, the generator's file only in the end.
stub cmake << 'STUB'
echo "cmake $*" >> "$state/log"
case $1 in
  --build)
    [ -f build/release/build.ninja ] || [ -f build/release/Makefile ] || { echo "ninja: error: loading 'build.ninja'" >&2; exit 1; }
    exit 0
    ;;
  --fresh) rm -f build/release/CMakeCache.txt ;;
esac
mkdir -p build/release
if [ ! -f build/release/CMakeCache.txt ]; then
  printf 'CMAKE_GENERATOR:INTERNAL=Ninja\nCMAKE_HOME_DIRECTORY:INTERNAL=%s\n' "$PWD" > build/release/CMakeCache.txt
fi
flint=$(awk '$1 == "libflint-dev" {print $2}' "$state/installed")
case $flint in
  3.*) ;;
  2.*) awk '$1 == "libflint-arb-dev" {found = 1} END {exit !found}' "$state/installed" || { echo "FLINT is missing" >&2; exit 1; } ;;
  *) echo "FLINT is missing" >&2; exit 1 ;;
esac
[ ! -f "$state/broken" ] || { echo "interrupted" >&2; exit 1; }
grep -q 'GENERATOR:INTERNAL=Unix' build/release/CMakeCache.txt && touch build/release/Makefile || touch build/release/build.ninja
STUB
stub sudo << 'STUB'
exec "$@"
STUB
known() { printf '%s 1\n' "${packages[@]}" python3-numpy dpkg-dev file help2man | sed 's/^libflint-dev 1/libflint-dev '"$1"'/'; }
begin() {  # a machine with nothing, whose lists are empty until apt-get update
  rm -rf "$state" "$scratch/tree"
  mkdir -p "$state" "$scratch/tree/tools"
  cp tools/setup "$scratch/tree/tools"
  : > "$state/installed"; : > "$state/known"; : > "$state/log"
  { known "$1"; case $1 in 2.*) echo "libflint-arb-dev 2.23" ;; esac; } > "$state/after-update"
}
setup() { PATH=$stubs:$PATH "$scratch/tree/tools/setup" "$@" > "$scratch/out" 2>&1; }
said() { [[ $(cat "$state/log") == *"$1"* ]]; }
count() { grep -c -- "$1" "$state/log" || true; }
show() { cat "$scratch/out" "$state/log"; }

begin 2.9.0-5
setup programs || { show; fail "setup on a fresh Debian 12"; }
said libflint-arb-dev || { show; fail "the package that is known only after apt-get update was not installed"; }
said 'cmake --build' || { show; fail "nothing was built"; }
: > "$state/log"
setup programs || { show; fail "the second run"; }
said apt-get && { show; fail "the second run installs again"; }
[ "$(count '^cmake')" = 1 ] && said 'cmake --build' || { show; fail "the second run configures again"; }
echo "ok: a fresh Debian 12; the second run does nothing"

begin 3.1.3-1
setup || { show; fail "setup on a fresh Debian 13"; }
said libflint-arb-dev && { show; fail "FLINT 3 contains Arb"; }
said python3-numpy || { show; fail "numpy is missing for the tests"; }
echo "ok: a fresh Debian 13"

# Everything is there but Arb, and apt's lists are empty: nothing but FLINT's version tells.
begin 2.9.0-5
known 2.9.0-5 > "$state/installed"
setup programs || { show; fail "Arb alone is missing and apt's lists are empty"; }
said libflint-arb-dev || { show; fail "Arb was not installed"; }
echo "ok: Arb alone is missing"

begin 2.9.0-5
touch "$state/broken"
setup programs && { show; fail "a failed configuration must fail"; }
[ -f "$scratch/tree/build/release/CMakeCache.txt" ] || fail "the stub must leave a cache behind"
rm "$state/broken"
setup programs || { show; fail "an unfinished configuration was not repeated"; }
echo "ok: an unfinished configuration is repeated"

# A configuration that finished before packages were installed knows nothing of them.
begin 2.9.0-5
setup programs || fail "setup"
known 2.9.0-5 > "$state/installed"; : > "$state/log"
setup programs || { show; fail "a package went away and came back"; }
said 'cmake build/release' || { show; fail "the configuration is not repeated after an installation"; }
echo "ok: configured again after packages were installed"

# The user's own folder without Ninja stays as it is; a finished one of another place does not count.
begin 2.9.0-5
setup programs || fail "setup"
build=$scratch/tree/build/release
rm "$build/build.ninja"
printf 'CMAKE_GENERATOR:INTERNAL=Unix Makefiles\nCMAKE_HOME_DIRECTORY:INTERNAL=%s\n' "$scratch/tree" > "$build/CMakeCache.txt"
touch "$build/Makefile"; : > "$state/log"
setup programs || { show; fail "a folder with Makefiles"; }
said Ninja && { show; fail "the generator of the user's folder was not kept"; }
sed -i "s|$scratch/tree|$scratch/real|" "$build/CMakeCache.txt"; : > "$state/log"
setup programs || { show; fail "a folder that was configured elsewhere"; }
said 'cmake --fresh' || { show; fail "a folder that was configured elsewhere is not configured anew"; }
echo "ok: the generator of an existing folder is kept"

begin 2.9.0-5
: > "$state/after-update"
setup programs && { show; fail "setup without a network must fail"; }
[[ $(cat "$scratch/out") == *"could not install"*libflint-dev* ]] || { show; fail "setup does not say what it could not install"; }
echo "ok: without a network setup says what it could not install"

# ---- tools/fresh-machine: what it says before it makes anything -------------------------------------------
status=0; tools/fresh-machine --release sid > "$scratch/out" 2>&1 || status=$?
[ "$status" = 2 ] || fail "an unknown release must be a usage error"
status=0; tools/fresh-machine --no-such-option > "$scratch/out" 2>&1 || status=$?
[ "$status" = 2 ] || fail "an unknown option must be a usage error"
tools/fresh-machine --help > "$scratch/out" || fail "tools/fresh-machine --help"
for option in --release --user --keep --deb --renew; do
  grep -q -- "  $option" "$scratch/out" || fail "tools/fresh-machine --help does not explain $option"
done
stub mmdebstrap << 'STUB'
echo "E: Could not resolve 'deb.debian.org'" >&2
for argument; do case $argument in *.tar) echo half > "$argument" ;; esac; done
exit 1
STUB
stub unshare << 'STUB'
while :; do
  case ${1:-true} in --propagation | --setuid | --setgid) shift 2 ;; --*) shift ;; *) break ;; esac
done
exec "$@"
STUB
stub newuidmap < /dev/null
status=0
WIDECERT_MACHINES=$scratch/machines PATH=$stubs:$PATH tools/fresh-machine true > "$scratch/out" 2>&1 || status=$?
[ "$status" = 125 ] || { cat "$scratch/out"; fail "no network: exit status $status instead of 125"; }
[[ $(cat "$scratch/out") == *"Could not resolve"*"is there a network"* ]] || { cat "$scratch/out"; fail "the reason is not named"; }
[ -z "$(find "$scratch/machines" -name '*.tar*')" ] || fail "a half-written system was left behind"
echo "ok: tools/fresh-machine says why no machine could be made"

# ---- completions -----------------------------------------------------------------------------------------
if [ $# -eq 0 ]; then
  echo "SKIPPED: completions (no folder of programs was given)"
  exit 0
fi
PATH=$1:$PATH
for shell in bash fish; do
  for program in widecert widecheck; do tools/package/completions $shell $program > "$scratch/$program.$shell"; done
done
tools/package/completions zsh > "$scratch/widecert.zsh"
complete_with() {  # PROGRAM WORD...: what is offered for the last word
  bash -c '. "$1/$2.bash"; COMP_WORDS=("${@:2}"); COMP_CWORD=$(($# - 2)); "_$2"; echo "${COMPREPLY[*]}"' bash "$scratch" "$@"
}
commands=$(tools/package/completions --commands)
[ "$(wc -l <<< "$commands")" -ge 5 ] || fail "no commands found in widecert --help"
offered=0
while IFS=$'\t' read -r command sentence; do
  [[ " $(complete_with widecert '') " == *" $command "* ]] || fail "bash does not offer the command $command"
  grep -q -- "-a $command " "$scratch/widecert.fish" || fail "fish does not offer the command $command"
  grep -q -- "^  $command) " "$scratch/widecert.zsh" || fail "zsh does not offer the command $command"
  # Looked for in the help text in another way than the generator does.
  help=$(widecert "$command" --help)
  words=$(complete_with widecert "$command" -)
  for option in $(grep -oE '^  (-[a-zA-Z],)?--[a-z-]+' <<< "$help" | grep -oE -- '--[a-z-]+'); do
    [[ " $words " == *" $option "* ]] || fail "bash does not offer widecert $command $option"
    offered=$((offered + 1))
  done
done <<< "$commands"
[ "$offered" -ge 20 ] || fail "only $offered options found"
[ "$(complete_with widecert --evidence r)" = random-solve ] || fail "values of --evidence"
[ -z "$(complete_with widecert prove --output '')" ] || fail "after --output files are completed by the shell"
[[ $(complete_with widecheck --) == *--unconditional* ]] || fail "bash does not offer widecheck --unconditional"
if command -v zsh > /dev/null; then zsh -n "$scratch/widecert.zsh" || fail "the completion for zsh does not parse"; fi
if command -v fish > /dev/null; then fish -n "$scratch"/*.fish || fail "the completion for fish does not parse"; fi
echo "ok: completions offer every command, and $offered options"
