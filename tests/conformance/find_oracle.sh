# SPDX-License-Identifier: Apache-2.0
#
# Sourced by the scripts that ask real kernels, after they have read their
# options: makes sure of `oracle`, or calls their die().  $root is the checkout.

# A clone elsewhere still finds what lies beside the main tree.
if [[ -z $oracle ]]; then
  beside=$(dirname "$root")/shared/oracle/kernel-oracle
  origin=$(git -C "$root" config --get remote.origin.url || true)
  for oracle in "$beside" "$origin/../shared/oracle/kernel-oracle"; do
    [[ -x $oracle ]] && break
  done
fi
[[ -x $oracle ]] || die "no oracle at $oracle; give one with --oracle"
[[ -x $(type -P qemu-system-x86_64) ]] || die "needs qemu-system-x86_64"
