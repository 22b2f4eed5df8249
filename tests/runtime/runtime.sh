#!/usr/bin/env bash
# Models under a runtime of others, onnxruntime-web of npm: what PyTorch exported computes what PyTorch does, and what
# widecert exports what it proved. Skipped aloud where node, npm with a network, or NumPy are not there.
set -euo pipefail
programs=$1 build=$2
here=$(cd "$(dirname "$0")" && pwd)
skip() { echo "SKIPPED: $1"; exit 77; }
command -v node > /dev/null && command -v npm > /dev/null || skip "no node and npm (apt-get install nodejs npm)"
python=
for candidate in python3 /usr/bin/python3; do
  if [ -z "$python" ] && "$candidate" -c 'import numpy' 2> /dev/null; then python=$candidate; fi
done
[ -n "$python" ] || skip "no Python with NumPy (apt-get install python3-numpy)"
mkdir -p "$build/onnxruntime"
cp "$here/run.mjs" "$build/onnxruntime"
if [ ! -d "$build/onnxruntime/node_modules/onnxruntime-web" ]; then
  timeout 240 npm install --silent --no-audit --no-fund --prefix "$build/onnxruntime" onnxruntime-web@1 > "$build/onnxruntime/log" 2>&1 ||
    skip "npm did not give onnxruntime-web: $(tail -n 1 "$build/onnxruntime/log")"
fi
exec "$python" "$here/runtime.py" "$programs" "$build/onnxruntime"
