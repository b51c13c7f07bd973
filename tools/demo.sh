#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# The main job on real input: builds dmdax optimised, loads tables that a real
# kernel printed for volumes LVM2 made over persistent memory, translates the
# pages that were touched there, and compares with the page frames the kernel
# mapped.  Fails if one differs.  Arguments go to Bazel: --config=ci, say.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

tools/setup.sh
bazel build --config=opt --show_result=0 "$@" //:dmdax </dev/null
exec python3 tools/demo.py \
  "$(bazel info --config=opt "$@" bazel-bin)/tools/dmdax"
