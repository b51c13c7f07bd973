#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Asks a real kernel: makes N random cases (./generate), runs them on the
# kernel and on dmdax, and prints where the two differ.  The last line is
# `N agree, N differ, N not yet supported`; exit 1 on a difference, 2 if a
# tool is missing.
#
#   tests/conformance/live.sh N [--oracle PROGRAM] [--kernel V] [--kind K]
#                             [--seed S] [--batch N] [--keep DIRECTORY]
#
#   --oracle  runs cases on a real kernel, as `PROGRAM --kernel V CASES --out
#             RESULTS`; default kernel-oracle in ../shared/oracle beside the
#             repository
#   --kernel  5.10, 6.1 (default), 6.12, 6.16, 6.17, 6.18, 7.2 or 7.3
#   --kind    a family of generator/families (./generate --list), table by
#             default, or mixed
#   --seed    decides the cases; default: today's date
#   --batch   cases a run of the oracle, so that one that hangs spoils no more
#             than these; default 250
#   --keep    where cases, answers and differences go; default: kept nowhere
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)

die() {
  echo "live: $*" >&2
  exit 2
}

oracle=
kernel=6.1
kind=table
seed=$(date +%Y%m%d)
batch=250
keep=
count=
while (($#)); do
  case $1 in
    --oracle) oracle=${2:?--oracle PROGRAM} ;;
    --kernel) kernel=${2:?--kernel V} ;;
    --kind) kind=${2:?--kind K} ;;
    --seed) seed=${2:?--seed S} ;;
    --batch) batch=${2:?--batch N} ;;
    --keep) keep=${2:?--keep DIRECTORY} ;;
    -h | --help)
      sed -n '/^#   tests/,/^set/{/^#/s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}"
      exit 0
      ;;
    *)
      [[ -z $count && $1 =~ ^[1-9][0-9]*$ ]] || die "what is '$1'? (--help)"
      count=$1
      shift
      continue
      ;;
  esac
  shift 2
done
[[ -n $count ]] || die "how many cases? (--help)"
[[ $batch =~ ^[1-9][0-9]*$ ]] || die "--batch: '$batch' is not a number"

# shellcheck source=tests/conformance/find_oracle.sh
. "$root/tests/conformance/find_oracle.sh"

conformance=${CONFORMANCE:-}
if [[ -z $conformance ]]; then
  (cd "$root" && bazel build --noshow_progress --ui_event_filters=-info \
    //tests/conformance >&2) || die "conformance does not build"
  conformance=$root/bazel-bin/tests/conformance/conformance
fi
[[ -x $conformance ]] || die "no conformance program at $conformance"

work=$keep
if [[ -z $work ]]; then
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
fi
mkdir -p "$work"

# conformance finds the guest's description by the name of the answers.
suffix=.$kernel
[[ $kernel != 6.1 ]] || suffix=

agree=0 differ=0 unsupported=0
for ((first = 0; first < count; first += batch)); do
  n=$((count - first < batch ? count - first : batch))
  base=$work/$kind-$seed-$first
  answers=$base.results$suffix.jsonl
  "$root/tests/conformance/generate" --kind "$kind" --seed "$seed" \
    --first "$first" --count "$n" >"$base.cases.jsonl"
  if ! nice -n 10 "$oracle" --kernel "$kernel" "$base.cases.jsonl" \
    --out "$answers" 2>"$base.log"; then
    tail -n 5 "$base.log" >&2
    die "the oracle failed"
  fi
  status=0
  (cd "$root" && "$conformance" --cases "$base.cases.jsonl" \
    --results "$answers" --kernel "$kernel") \
    >"$base.differences.$kernel" || status=$?
  ((status <= 1)) || die "conformance failed on $base.cases.jsonl"
  last=$(tail -n 1 "$base.differences.$kernel")
  [[ $last =~ ^([0-9]+)\ agree,\ ([0-9]+)\ differ,\ ([0-9]+)\ not\ yet ]] ||
    die "conformance said: $last"
  agree=$((agree + BASH_REMATCH[1]))
  differ=$((differ + BASH_REMATCH[2]))
  unsupported=$((unsupported + BASH_REMATCH[3]))
  sed '$d' "$base.differences.$kernel"
done
echo "$agree agree, $differ differ, $unsupported not yet supported"
((differ == 0))
