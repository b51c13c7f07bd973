#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Writes what dmdax needs to know of this machine into one tar:
#
#   sudo sh collect.sh > db1.tar            # or without root, as far as that goes
#   sudo sh collect.sh /srv/db/* > db1.tar  # with the extents of these files
#   dmdax import db1.tar
#
# It only reads, and changes nothing: standard tools are asked for what they
# print, and some files of /proc and /sys are copied.  Keys of dm-crypt are not
# asked for (dmsetup table without --showkeys).  Needs a POSIX shell, tar and
# what there is of lsblk, dmsetup, ndctl, daxctl, lvm, filefrag.
set -u
LC_ALL=C
PATH=$PATH:/usr/sbin:/sbin
export LC_ALL PATH

if [ -t 1 ]; then
  echo "usage: collect.sh [FILE...] > machine.tar" >&2
  exit 2
fi
top=$(mktemp -d) || exit 1
case $top in /*) ;; *) top=$PWD/$top ;; esac
trap 'rm -rf "$top"' EXIT
trap 'exit 1' HUP INT TERM
out=$top/dmdax-collect
mkdir "$out" || exit 1

# say WHAT: on one line, whatever is in names and in the errors of tools.
say() {
  printf 'collect.sh: %s' "$1" | tr '[:cntrl:]' '?' >&2
  echo >&2
}

# ask NAME COMMAND...: what the command prints, if it can.  Of lines those are
# kept that it printed before it failed; half of a JSON text is none.
ask() {
  name=$1
  shift
  command -v "$1" >/dev/null 2>&1 || return 0
  if ! "$@" >"$out/$name" 2>"$top/errors"; then
    say "$* failed: $(head -n 1 "$top/errors")"
    case $name in *.json) rm -f "$out/$name" ;; esac
  fi
  [ -s "$out/$name" ] || rm -f "$out/$name"
}

# copy FILE: a file of /proc or /sys, at its place below the top.
copy() {
  [ -r "$1" ] || return 0
  mkdir -p "$out$(dirname "$1")"
  cat "$1" >"$out$1" 2>/dev/null || rm -f "$out$1"
  [ -s "$out$1" ] || rm -f "$out$1"
}

# A machine of `dmdax run` says its own release in /proc alone.
ask uname sh -c 'echo "$(cat /proc/sys/kernel/osrelease 2>/dev/null ||
  uname -r) $(uname -m)"'
ask lsblk.json lsblk -J -b -O
if [ ! -e "$out/lsblk.json" ]; then ask lsblk.json lsblk -J -b; fi
ask dmsetup-table dmsetup table
ask dmsetup-info dmsetup info -c
ask losetup losetup -a
# -M: bad blocks, which ndctl of before 2018 has no option for.
ask ndctl.json ndctl list -RNMv
if [ ! -e "$out/ndctl.json" ]; then ask ndctl.json ndctl list -RNv; fi
ask daxctl.json daxctl list -DM

for file in /proc/iomem /proc/partitions /proc/devices /proc/mounts \
  /proc/self/mountinfo /proc/swaps; do
  copy "$file"
done

for disk in /sys/block/*; do
  case ${disk##*/} in ram*) continue ;; esac
  for attribute in dev size badblocks dm/name dm/uuid dm/suspended; do
    copy "$disk/$attribute"
  done
  for attribute in logical_block_size physical_block_size minimum_io_size \
    optimal_io_size max_sectors_kb chunk_sectors discard_granularity \
    rotational stable_writes write_cache dax; do
    copy "$disk/queue/$attribute"
  done
  for attribute in resource size align mode; do
    case ${disk##*/} in pmem*) copy "$disk/device/$attribute" ;; esac
  done
  for part in "$disk/${disk##*/}"*; do
    for attribute in dev size start; do
      copy "$part/$attribute"
    done
  done
done

# As root LVM says what each volume group has.
if command -v vgs >/dev/null 2>&1; then
  mkdir "$out/lvm"
  vgs --noheadings -o vg_name 2>/dev/null | while read -r group; do
    vgcfgbackup -f "$out/lvm/$group.vg" "$group" </dev/null >/dev/null 2>&1 ||
      say "vgcfgbackup $group failed"
  done
  # What that does not say.
  ask lvm/pvs.json pvs --units b --reportformat json \
    -o pv_name,pv_uuid,vg_name,pv_mda_count,pv_mda_size
  rmdir "$out/lvm" 2>/dev/null
fi

for file; do
  case $file in /*) ;; *) file=$PWD/$file ;; esac
  [ -f "$file" ] || continue
  # filefrag prints names as they are: nobody could tell where one ends, and
  # who can make a file could make up another's extents.
  case $file in
    *[[:cntrl:]]*)
      say "$file is left out: its name has a line break or the like"
      continue
      ;;
  esac
  if filefrag -v "$file" >"$top/extents" 2>/dev/null; then
    cat "$top/extents" >>"$out/filefrag.txt"
  else
    say "filefrag -v $file failed"
  fi
  # Whether it has the DAX flag.
  lsattr -d "$file" >>"$out/lsattr.txt" 2>/dev/null
done
[ -s "$out/lsattr.txt" ] || rm -f "$out/lsattr.txt"

[ "$(id -u)" = 0 ] ||
  say "not root: physical addresses and tables may be missing"
cd "$top" && tar -cf - dmdax-collect
