#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# bulk_cost.sh: what much data costs on a mapped device in `dmdax run`, as ratios
# to a plain file of the same size in the same directory.
#
#   bench/bulk_cost.sh [DMDAX]              (default: built with --config=opt)
#
#   DOOR ext4       mkfs.ext4 and e2fsck -f of a volume of 4 GiB   at most 3
#   DOOR write      dd bs=1M of 1 GiB to it                        at most 2
#   DOOR read       dd bs=1M of 1 GiB from it                      at most 2
#
# All take turns, and of the rounds of each the fastest counts.  Exits 1 if a
# goal is missed.
set -euo pipefail
cd "$(dirname "$0")/.."

rounds=5

if (($# == 1)); then
  dmdax=$(realpath "$1")
else
  bazel build --config=opt //tools:dmdax \
    //run/preload:libdmdax_preload.so >&2
  dmdax=$(bazel info --config=opt bazel-bin 2>/dev/null)/tools/dmdax
fi
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch"
export PATH=$PATH:/usr/sbin:/sbin
echo 'kernel: "v6_1" block { name: "sda" sectors: 8390656 }' >w.textproto

# Prints what each takes on FILE, as "WHAT SECONDS".
cat >work <<'END'
file=$1
TIMEFORMAT=%R
took() {
  local what=$1
  shift
  echo "$what $({ time "$@" >/dev/null 2>&1; } 2>&1)"
}
ext4() { mkfs.ext4 -F -q "$file" && e2fsck -f -p "$file"; }
took ext4 ext4
took write dd if=/dev/zero of="$file" bs=1M count=1024 conv=notrunc
took read dd if="$file" of=/dev/null bs=1M count=1024
END

# Each begins with what has no byte yet: what mkfs discards or leaves costs a
# file and a device differently.
measure() {
  local i door
  for ((i = 0; i < rounds; ++i)); do
    truncate -s 4G plain
    bash work plain | sed 's/^/file /'
    rm plain
    for door in preload notify; do
      "$dmdax" --state s machine load w.textproto >/dev/null
      "$dmdax" --state s create v --table '0 8388608 linear /dev/sda 2048' \
        >/dev/null
      "$dmdax" --state s run --root --door=$door -- \
        bash work /dev/mapper/v | sed "s/^/$door /"
      rm -r s
    done
  done
}

measure | awk '
  { key = $1 " " $2 }
  !(key in least) || $3 < least[key] { least[key] = $3 }
  function row(what, goal,  door, i, r) {
    split("preload notify", doors, " ")
    for (i = 1; i <= 2; ++i) {
      key = doors[i] " " what
      r = least[key] / least["file " what]
      missed = missed || r > goal
      printf "%-16s %5.2f x a file%s\n", key, r,
        (r > goal ? "  MISSED, goal " : "  goal ") goal
    }
  }
  END { row("ext4", 3); row("write", 2); row("read", 2); exit missed }'
