#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Compiles the program of examples/embed in that workspace of its own, against
# this checkout.  What it links is linked in tests already; here it would be
# compiled once more.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../examples/embed"
exec bazel --max_idle_secs=1 build --output_groups=compilation_outputs \
  //:embed </dev/null
