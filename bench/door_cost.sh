#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# door_cost.sh: what a call costs in `dmdax run`, as ratios to what it costs at
# least.
#
#   bench/door_cost.sh [DMDAX DOOR_COST]    (default: built with --config=opt)
#
#   preload ioctl   an ioctl of the control node, to a message of its size over
#                   a Unix socket and back            at most 3
#   notify ioctl    the same, to a system call that a supervisor answers and
#                   does nothing else for             at most 3
#   preload NAME    a call that is not ours, to the same without a door
#   notify NAME     the same, to one under the smallest filter that looks at its
#                   descriptor: what the kernel takes for any filter is beside
#                   it                                at most 1.1
#
# All take turns, and of the rounds of each the fastest counts: what else the
# machine does makes a round slower, never faster.  Exits 1 if a goal is missed.
set -euo pipefail
cd "$(dirname "$0")/.."

rounds=7

if (($# == 2)); then
  dmdax=$1 cost=$2
else
  bazel build --config=opt //tools:dmdax \
    //run/preload:libdmdax_preload.so //bench:door_cost >&2
  bin=$(bazel info --config=opt bazel-bin 2>/dev/null)
  dmdax=$bin/tools/dmdax cost=$bin/bench/door_cost
fi
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
echo 'kernel: "v6_1" block { name: "sda" sectors: 8192 }' >"$scratch/w.textproto"

measure() {
  local i
  for ((i = 0; i < rounds; ++i)); do
    "$cost" ping | sed 's/^/bare /'
    "$cost" notified | sed 's/^/bare /'
    "$cost" own | sed 's/^/bare /'
    "$cost" filtered | sed 's/^/filtered /'
    for door in preload notify; do
      for what in ioctl own; do
        "$dmdax" --world "$scratch/w.textproto" run --door=$door -- \
          "$cost" $what | sed "s/^/$door /"
      done
    done
  done
}

measure | awk '
  { key = $1 " " $2 }
  !(key in least) || $3 < least[key] { least[key] = $3 }
  function row(key, base, goal,  r) {
    r = least[key] / least[base]
    missed = goal != "" && r > goal
    printf "%-16s %5.2f x %s%s\n", key, r, base,
      goal == "" ? "" : (missed ? "  MISSED, goal " : "  goal ") goal
    failed = failed || missed
  }
  END {
    row("preload ioctl", "bare ping", 3)
    row("notify ioctl", "bare notified", 3)
    split("pread lseek fstat getpid", own)
    for (i = 1; i <= 4; ++i) {
      row("preload " own[i], "bare " own[i], "")
      row("filtered " own[i], "bare " own[i], "")
      row("notify " own[i], "filtered " own[i], 1.1)
    }
    exit failed
  }'
