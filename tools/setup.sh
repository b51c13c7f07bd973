#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Installs what building and testing needs and is not there yet, from the own
# packages of Debian 12 or 13; and the packages that the command line names.
# Does nothing, quickly, when all of it is there.
set -euo pipefail

packages=(
  # Building.
  bazel-bootstrap bazel-platforms bazel-rules-java bazel-rules-proto
  bazel-skylib g++ libabsl-dev libarchive-dev libcli11-dev libext2fs-dev
  libprotobuf-dev libre2-dev libsqlite3-dev libssl-dev nbdkit-plugin-dev
  nlohmann-json3-dev pkgconf protobuf-compiler python3 zlib1g-dev
  # Testing: the real dmsetup is what golden tests compare with, and it and
  # others run on the machine; a program is built with CMake against what
  # tools/install.sh installs.  mkfs.xfs is typed as `dmdax check` prints it.
  # Programs of Go, and with musl, run on the machine too.
  cmake cryptsetup-bin dmsetup e2fsprogs fdisk fio golang-go kpartx
  libbenchmark-dev libgmock-dev libgtest-dev libnbd-bin lvm2 musl-tools nbdkit
  python3-jsonschema qemu-utils xfsprogs
  # Formatting and fuzzing.
  clang clang-format git libclang-rt-dev
  "$@"
)

say() { echo "setup: $*"; }

installed=
if command -v dpkg-query >/dev/null; then
  # Fails for a package it has never heard of, which is a missing one.
  installed=$(dpkg-query -W -f '${db:Status-Abbrev}${Package}\n' \
    "${packages[@]}" 2>/dev/null || true)
fi
missing=()
for package in "${packages[@]}"; do
  grep -qxF "ii $package" <<<"$installed" || missing+=("$package")
done
if ((${#missing[@]} == 0)); then
  exit 0
fi

system=unknown
if [[ -r /etc/os-release ]]; then
  # shellcheck disable=SC1091
  system=$(. /etc/os-release && echo "${ID:-} ${VERSION_ID:-}")
fi
if [[ $system != "debian 12" && $system != "debian 13" ]]; then
  say "this is '$system', not Debian 12 or 13; install what provides:" >&2
  printf '  %s\n' "${missing[@]}" >&2
  exit 1
fi

root=()
if ((EUID != 0)); then
  if ! command -v sudo >/dev/null; then
    say "needs root (or sudo) to install: ${missing[*]}" >&2
    exit 1
  fi
  root=(sudo)
fi

apt() {
  "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -y \
    -o DPkg::Lock::Timeout=300 "$@" </dev/null
}

say "installing: ${missing[*]}"
# A third-party source that does not answer is no reason to stop.
apt update || say "apt-get update failed; trying with the lists there are"
apt install --no-install-recommends "${missing[@]}"
say "done"
