#!/usr/bin/env bash
# Makes the Python environment `target/venv-<name>` from `requirements-<name>.txt` if it is missing or old; prints its interpreter.
set -eu
name=$1
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
wanted=$here/requirements-$name.txt
venv=$root/target/venv-$name
mkdir -p "$root/target"
# Several tests may ask at the same time.
exec 9>"$venv.lock"
flock 9
if ! cmp -s "$wanted" "$venv/made-from.txt"; then
  # The seed's packages need Python 3.11; the others run with any.
  python=$(command -v python3.11 || command -v python3) || { echo "no python3 on PATH: install Python 3.11" >&2; exit 1; }
  if [ "$name" = seed ] && ! "$python" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))'; then
    echo "the environment 'seed' needs python3.11, found $("$python" --version)" >&2
    exit 1
  fi
  rm -rf "$venv"
  "$python" -m venv "$venv" >&2
  install() { "$venv/bin/python" -m pip install --quiet --disable-pip-version-check -r "$wanted" >&2; }
  install || { echo "pip failed, once more" >&2; install; } || { echo "cannot install $wanted: is there a network?" >&2; exit 1; }
  cp "$wanted" "$venv/made-from.txt"
fi
echo "$venv/bin/python"
