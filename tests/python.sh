#!/usr/bin/env bash
# A test written in Python, with an interpreter that has its modules: python.sh PROGRAMS SCRIPT 'MODULES'... The first of the
# lists of modules that some interpreter has is taken; without any the test is skipped aloud.
set -euo pipefail
export WIDECERT=$1
script=$(cd "$(dirname "$0")" && pwd)/$2
shift 2
for needed in "$@"; do
  for python in python3 /usr/bin/python3; do
    if "$python" -c "import $needed" 2> /dev/null; then exec "$python" "$script"; fi
  done
done
echo "SKIPPED: no Python with ${!#} (apt-get install$(printf '%s' " ${!#}" | sed 's/, / /g; s/ / python3-/g'))"
exit 77
