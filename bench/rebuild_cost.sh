#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# rebuild_cost.sh: what a changed header costs, as the part of all objects that
# are compiled anew; from the dependencies that the last build has written.
#
#   bench/rebuild_cost.sh [HEADER ...]    (default: the twelve that cost most)
set -euo pipefail
cd "$(dirname "$0")/.."

bin=$(echo bazel-out/*-fastbuild/bin)
[[ -d $bin ]] || {
  echo "rebuild_cost.sh: no plain build here: bazel build //..." >&2
  exit 1
}
# "object header" for each of our headers; tools of the build are in k8-opt.
pairs=$(find "$bin/" \( -name '*.runfiles' -o -name external \) -prune -o -path '*/_objs/*.d' -print0 |
  xargs -0 awk '
    FNR == 1 { ++object }
    { for (i = 1; i <= NF; ++i)
        if ($i ~ /^[a-z_]+\/[a-z0-9_\/]*\.h$/) print object, $i }
    END { print object, "all" }')
all=$(awk '$2 == "all" { n += $1 } END { print n }' <<<"$pairs")
awk -v all="$all" '
  $2 != "all" && !seen[$0]++ { ++count[$2] }
  END { for (h in count) printf "%5.1f %%  %s\n", 100 * count[h] / all, h }
  ' <<<"$pairs" | sort -rn |
  if (($# > 0)); then grep -F -- "$(printf '%s\n' "$@")"; else head -12; fi
echo "of $all objects"
