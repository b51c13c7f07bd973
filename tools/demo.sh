#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# The main job on real input: loads tables that a real kernel printed for
# volumes LVM2 made over persistent memory, translates the pages that were
# touched there, and compares with the page frames the kernel mapped.  Fails if
# one differs.  Arguments go to Bazel: --config=ci, say.
#
# Built as the tests are, so that the two commands of the README share a build.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

tools/setup.sh
bazel build --show_result=0 "$@" //:dmdax </dev/null
exec python3 tools/demo.py \
  "$(bazel info "$@" bazel-bin)/tools/dmdax"
