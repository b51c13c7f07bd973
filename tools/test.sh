#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Builds and runs every test.  Arguments go to Bazel: --config=asan, say.
# The last line is `N passed, N failed`.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

tools/setup.sh

events=$(mktemp)
trap 'rm -f "$events"' EXIT

status=0
bazel test --keep_going --show_progress_rate_limit=10 --test_summary=terse \
  --build_event_json_file="$events" "$@" -- //... </dev/null || status=$?

python3 - "$events" "$status" <<'PYTHON'
import json
import sys

tests, results, broken = set(), {}, set()
with open(sys.argv[1]) as events:
    for line in events:
        event = json.loads(line)
        ((kind, ident),) = event["id"].items()
        label = isinstance(ident, dict) and ident.get("label")
        if kind == "targetConfigured" and "testSize" in event.get(
                "configured", {}):
            tests.add(label)
        elif kind == "testSummary" and "testSummary" in event:
            results[label] = event["testSummary"]["overallStatus"]
        elif kind == "targetCompleted" and not event.get(
                "completed", {}).get("success"):
            broken.add(label)

# FLAKY passed when tried again.
passed = {t for t, r in results.items() if r in ("PASSED", "FLAKY")}
failed = (tests | set(results) | broken) - passed
for label in sorted(failed):
    print("failed:", label, results.get(label, "did not build"))
count = len(failed)
if sys.argv[2] != "0" and not failed:
    print("failed: Bazel itself, exit status", sys.argv[2])
    count = 1
if not passed and not count:
    print("failed: no test ran")
    count = 1
print(f"{len(passed)} passed, {count} failed")
sys.exit(count != 0)
PYTHON
