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
. "$(dirname "$0")/testing.sh"

if ! type musl-gcc >/dev/null 2>&1; then
  echo "skipped: no program with musl, there is no musl-gcc"
  exit 0
fi
install_here musl "$1" "$2" "$3"
musl-gcc -O1 -pthread -o "$dir/dynamic" "$4"
musl-gcc -O1 -pthread -static -o "$dir/static" "$4"
cd "$dir/here"
export TMPDIR=$dir LC_ALL=C
unset DMDAX_STATE DMDAX_SOCKET

# sees NAME OPTION... -- PROGRAM...: it prints "ok" and no more.
sees() {
  local name=$1
  shift
  expect "$name" ok timeout -k 1 120 "$dmdax" --world "$dir/world.textproto" \
    run --root "$@"
}

# A build that puts a header of its own in front of each source may have brought
# C++'s streams into the library.
if grep -q 'libstdc++\.so' "$dir/bin/run/preload/libdmdax_preload.so"; then
  echo "skipped: a library that needs libstdc++ is not loaded into a musl program"
else
  sees "dynamic, preload" --door=preload -- "$dir/dynamic" /dev/pmem1 200
  sees "dynamic, preload, from a shell" --door=preload -- \
    sh -c "'$dir/dynamic' /dev/pmem1 200"
fi
words=$("$dmdax" run --door=notify -- true 2>&1) || true
if [[ $words == *"--door=preload serves programs"* ]]; then
  echo "skipped: $words"
  exit "$failed"
fi
sees "dynamic, its door chosen" -- "$dir/dynamic" /dev/pmem1 200
sees "dynamic, notify" --door=notify -- "$dir/dynamic" /dev/pmem1 200
sees "static, its door chosen" -- "$dir/static" /dev/pmem1 200
sees "static, notify" --door=notify -- "$dir/static" /dev/pmem1 200
exit "$failed"
