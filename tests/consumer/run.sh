#!/usr/bin/env bash
# Installs the build into a scratch prefix and builds tests/consumer against it.
set -euo pipefail
build=$1 source=$2 config=$3 generator=$4
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cmake --install "$build" --prefix "$scratch/prefix" > "$scratch/log" || { cat "$scratch/log"; exit 1; }
cmake -G "$generator" -S "$source" -B "$scratch/build" -DCMAKE_PREFIX_PATH="$scratch/prefix" -DCMAKE_BUILD_TYPE="$config"
cmake --build "$scratch/build"
(cd "$scratch" && build/consumer)
"$scratch/prefix/bin/widecheck" "$scratch/narrow.claim.json"
"$scratch/prefix/bin/widecheck" --version
"$scratch/prefix/bin/widecert" --version
