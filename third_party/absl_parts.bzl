# SPDX-License-Identifier: Apache-2.0
"""How a shared object links Abseil."""

load("@com_google_absl//:parts.bzl", "PARTS")

# linkopts of a `cc_binary(linkshared = True)`.  Debian's static Abseil and
# Protobuf are not position independent; named first, the shared ones win.
SHARED_LINKOPTS = ["-lprotobuf"] + ["-labsl_" + part for part in PARTS]
