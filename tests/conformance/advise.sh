#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Holds `dmdax advise` to its promises: N random wishes, what is printed for
# them carried out in a real kernel, and each touched page looked at.  The last
# line is `N kept, N broken`; exit 1 if one was broken, 2 if a tool is missing.
#
#   tests/conformance/advise.sh N [--oracle PROGRAM] [--kernel V] [--seed S]
#                               [--batch N] [--keep DIRECTORY] [--reboot]
#
#   --oracle  runs cases on a real kernel, as `PROGRAM --kernel V CASES --out
#             RESULTS`; default kernel-oracle in ../shared/oracle beside the
#             repository
#   --kernel  5.10, 6.1 (default), 6.12, 6.16, 6.17, 6.18, 7.2 or 7.3
#   --seed    decides the wishes; default: today's date
#   --batch   cases a run of the oracle; default 50
#   --keep    where cases and answers go; default: kept nowhere
#   --reboot  a fresh guest for each case, without steps that clean up: cases
#             to be recorded
#
# Wishes that cannot be had are told, and others taken in their place.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)

die() {
  echo "advise: $*" >&2
  exit 2
}

oracle=
kernel=6.1
seed=$(date +%Y%m%d)
batch=50
keep=
count=
reboot=()
while (($#)); do
  case $1 in
    --oracle) oracle=${2:?--oracle PROGRAM} ;;
    --kernel) kernel=${2:?--kernel V} ;;
    --seed) seed=${2:?--seed S} ;;
    --batch) batch=${2:?--batch N} ;;
    --keep) keep=${2:?--keep DIRECTORY} ;;
    --reboot)
      reboot=(--reboot)
      shift
      continue
      ;;
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
[[ -n $count ]] || die "how many wishes? (--help)"
[[ $batch =~ ^[1-9][0-9]*$ ]] || die "--batch: '$batch' is not a number"

# shellcheck source=tests/conformance/find_oracle.sh
. "$root/tests/conformance/find_oracle.sh"

dmdax=${DMDAX:-}
if [[ -z $dmdax ]]; then
  (cd "$root" && bazel build --noshow_progress --ui_event_filters=-info \
    //tools:dmdax >&2) || die "dmdax does not build"
  dmdax=$root/bazel-bin/tools/dmdax
fi
[[ -x $dmdax ]] || die "no dmdax at $dmdax"

work=$keep
if [[ -z $work ]]; then
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
fi
mkdir -p "$work"

suffix=.$kernel
[[ $kernel != 6.1 ]] || suffix=
cases=$work/advise-$seed.cases.jsonl
"$root/tests/conformance/advise_cases" make --dmdax "$dmdax" \
  --kernel "$kernel" --seed "$seed" --count "$count" "${reboot[@]}" >"$cases"

kept=0 broken=0
for ((first = 1; first <= count; first += batch)); do
  part=$work/advise-$seed-$first
  answers=$part.results$suffix.jsonl
  sed -n "$first,$((first + batch - 1))p" "$cases" >"$part.cases.jsonl"
  if ! nice -n 10 "$oracle" --kernel "$kernel" "$part.cases.jsonl" \
    --out "$answers" 2>"$part.log"; then
    tail -n 5 "$part.log" >&2
    die "the oracle failed"
  fi
  said=$("$root/tests/conformance/advise_cases" judge "$part.cases.jsonl" \
    "$answers") || (($? == 1)) || die "no judgement of $answers"
  last=${said##*$'\n'}
  [[ $last =~ ^([0-9]+)\ kept,\ ([0-9]+)\ broken$ ]] || die "judge said: $last"
  kept=$((kept + BASH_REMATCH[1]))
  broken=$((broken + BASH_REMATCH[2]))
  sed '$d' <<<"$said"
done
echo "$kept kept, $broken broken"
((broken == 0))
