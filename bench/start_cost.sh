#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# start_cost.sh: from the start of the command to its answer, as ratios to
# `true`, which does nothing.
#
#   bench/start_cost.sh [DMDAX]    (default: built with --config=opt)
#
# The commands take turns, and of the rounds of each the fastest counts: what
# else the machine does makes a round slower, never faster.  The state has one
# pmem and one linear device.  Prints the size of the stripped command too.
set -euo pipefail
cd "$(dirname "$0")/.."

rounds=15 runs=40  # runs in a round

dmdax=${1:-}
if [[ -z $dmdax ]]; then
  bazel build --config=opt //tools:dmdax >&2
  dmdax=$(bazel info --config=opt bazel-bin 2>/dev/null)/tools/dmdax
fi
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
export DMDAX_STATE=$scratch/state
strip -s -o "$scratch/dmdax" "$dmdax"
dmdax=$scratch/dmdax
"$dmdax" machine add-pmem pmem0 --base 4G --size 1G >/dev/null
"$dmdax" create home --table '0 524288 linear /dev/pmem0 4096' >/dev/null

# Microseconds that `runs` runs of a command take.
round() {
  local begin=${EPOCHREALTIME/[.,]/} i
  for ((i = 0; i < runs; ++i)); do "$@" >/dev/null; done
  echo $((${EPOCHREALTIME/[.,]/} - begin))
}

names=('true' 'dmdax --version' 'dmdax translate home 0')
least=()
for ((r = 0; r < rounds; ++r)); do
  times=("$(round /bin/true)" "$(round "$dmdax" --version)"
    "$(round "$dmdax" translate home 0)")
  for i in "${!times[@]}"; do
    if [[ -z ${least[i]:-} || ${times[i]} -lt ${least[i]} ]]; then
      least[i]=${times[i]}
    fi
  done
done
for i in "${!names[@]}"; do
  awk -v name="${names[i]}" -v t="${least[i]}" -v one="${least[0]}" \
    'BEGIN { printf "%-24s %5.1f x true\n", name, t / one }'
done
awk -v bytes="$(stat -c %s "$dmdax")" \
  'BEGIN { printf "%-24s %5.2f MB\n", "stripped", bytes / 1e6 }'
