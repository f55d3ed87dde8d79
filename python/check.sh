#!/usr/bin/env bash
# Runs the package's tests with the seed's pins and with the newest packages; `check.sh seed` or `check.sh newest` runs one of them.
# The end-to-end test needs a binary: QUARTET_BIN, else target/debug/quartet or target/release/quartet.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/.." && pwd)
environment() {
  wanted=$here/tests/requirements-$1.txt
  venv=$root/target/venv-package-$1
  mkdir -p "$root/target"
  exec 9>"$venv.lock"
  flock 9
  if ! cmp -s "$wanted" "$venv/made-from.txt"; then
    python=$(command -v python3.11 || command -v python3) || { echo "no python3 on PATH: install Python 3.11" >&2; exit 1; }
    rm -rf "$venv"
    "$python" -m venv "$venv"
    install() { "$venv/bin/python" -m pip install --quiet --disable-pip-version-check -r "$wanted"; }
    install || { echo "pip failed, once more" >&2; install; } || { echo "cannot install $wanted: is there a network?" >&2; exit 1; }
    cp "$wanted" "$venv/made-from.txt"
  fi
  exec 9>&-
}
cd "$here"
for name in ${1:-seed newest}; do
  environment "$name"
  echo "python package, $name:"
  PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$here "$root/target/venv-package-$name/bin/python" -m pytest
done
