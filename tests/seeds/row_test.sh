#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# row_test.sh SEEDS ID GOLDEN: one row of the acceptance list.
exec "$@"
