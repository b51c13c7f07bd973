# SPDX-License-Identifier: Apache-2.0
"""Forwards to the copy that comes with Bazel."""

load("@bazel_tools//tools/cpp:toolchain_utils.bzl", _find = "find_cpp_toolchain")

find_cc_toolchain = _find
