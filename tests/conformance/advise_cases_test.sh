#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# What `dmdax advise` prints is what advise_cases carries out: each wish becomes
# a case.  A real kernel is asked by advise.sh alone, too seldom to see that.
#
#   advise_cases_test.sh DMDAX ADVISE_CASES
set -euo pipefail

readonly kWishes=40
made=$("$2" make --dmdax "$1" --seed 1 --count "$kWishes" 2>/dev/null)
[[ $(wc -l <<<"$made") == "$kWishes" ]]
# Of each kind there are some.
for tag in ext4 xfs lvm dmsetup 2m 1g; do
  grep -qF "\"$tag\"" <<<"$made" || {
    echo "no case with $tag"
    exit 1
  }
done
# What an earlier case left of LVM2 goes first, in every case of LVM2.
left=$(grep -F '"lvm"' <<<"$made" | grep -vcF '"/dev/vg"' || true)
((left == 0)) || {
  echo "$left cases of LVM2 take what is left for theirs"
  exit 1
}
