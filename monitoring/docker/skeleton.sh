#!/bin/sh
# Copies the workspace in $1 to $2 with empty sources: what Cargo needs to build the dependencies, and nothing else.
set -eu
from=$1
to=$2
cd "$from"
find . \( -name target -o -name .git -o -name node_modules \) -prune -o \
  \( -name Cargo.toml -o -name Cargo.lock -o -path './.cargo/config.toml' \) -type f -print | while read -r file; do
  mkdir -p "$to/$(dirname "$file")"
  cp "$file" "$to/$file"
done
# Every target that a manifest may name by its path; programs need a main.
find . \( -name target -o -name .git -o -name node_modules \) -prune -o -name '*.rs' -type f -print | while read -r file; do
  mkdir -p "$to/$(dirname "$file")"
  case $file in
    */main.rs | */src/bin/* | */examples/* | */tests/* | */benches/*) echo 'fn main() {}' > "$to/$file" ;;
    */src/lib.rs) : > "$to/$file" ;;
  esac
done
