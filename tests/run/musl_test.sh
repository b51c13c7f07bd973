#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Programs with another libc, musl: static and dynamic ones, through the door
# that is chosen for them and through each that sees them.
#
#   musl_test.sh DMDAX LIBRARY WORLD CLIENT_SOURCE
#
# Where there is no musl-gcc (Debian's musl-tools), it says so and is over.
set -euo pipefail

if ! type musl-gcc >/dev/null 2>&1; then
  echo "skipped: no program with musl, there is no musl-gcc"
  exit 0
fi
dir=$(mktemp -d /tmp/musl-XXXXXX)
trap 'rm -rf "$dir"' EXIT
mkdir -p "$dir/bin/tools" "$dir/bin/run/preload" "$dir/here"
dmdax=$dir/bin/tools/dmdax
cp -L "$1" "$dmdax"
cp -L "$2" "$dir/bin/run/preload/"
cp -L "$3" "$dir/world.textproto"
musl-gcc -O1 -pthread -o "$dir/dynamic" "$4"
musl-gcc -O1 -pthread -static -o "$dir/static" "$4"
cd "$dir/here"
export TMPDIR=$dir LC_ALL=C
unset DMDAX_STATE DMDAX_SOCKET

failed=0
# expect NAME COMMAND...: it prints "ok" and no more.
expect() {
  local name=$1 got status=0
  shift
  got=$(timeout -k 1 120 "$dmdax" --world "$dir/world.textproto" run --root \
    "$@" 2>&1) || status=$?
  if [[ $status:$got != 0:ok ]]; then
    printf '%s: exit %s\n  %s\n' "$name" "$status" "$got"
    failed=1
  fi
}

# A build that puts a header of its own in front of each source may have brought
# C++'s streams into the library.
if grep -q 'libstdc++\.so' "$dir/bin/run/preload/libdmdax_preload.so"; then
  echo "skipped: a library that needs libstdc++ is not loaded into a musl program"
else
  expect "dynamic, preload" --door=preload -- "$dir/dynamic" /dev/pmem1 200
  expect "dynamic, preload, from a shell" --door=preload -- \
    sh -c "'$dir/dynamic' /dev/pmem1 200"
fi
words=$("$dmdax" run --door=notify -- true 2>&1) || true
if [[ $words == *"--door=preload serves programs"* ]]; then
  echo "skipped: $words"
  exit "$failed"
fi
expect "dynamic, its door chosen" -- "$dir/dynamic" /dev/pmem1 200
expect "dynamic, notify" --door=notify -- "$dir/dynamic" /dev/pmem1 200
expect "static, its door chosen" -- "$dir/static" /dev/pmem1 200
expect "static, notify" --door=notify -- "$dir/static" /dev/pmem1 200
exit "$failed"
