# SPDX-License-Identifier: Apache-2.0
"""Tests of the examples in headers' comments."""

def dmdax_examples_test(name, srcs, headers, deps):
    """A cc_test whose sources include "tests/examples/<header>.inc".

    Args:
      name: name of the cc_test.
      srcs: its sources.
      headers: labels of the headers whose examples they include.
      deps: libraries.
    """
    paths = [label[2:].replace(":", "/") for label in headers]
    native.genrule(
        name = name + "_pieces",
        testonly = True,
        srcs = headers,
        outs = [path[:-len(".h")] + ".inc" for path in paths],
        cmd = "$(location extract.py) $(RULEDIR) $(SRCS)",
        tools = ["extract.py"],
    )
    native.cc_library(
        name = name + "_textual",
        testonly = True,
        textual_hdrs = [":" + name + "_pieces"],
    )
    native.cc_test(
        name = name,
        size = "small",
        srcs = srcs,
        deps = deps + [":" + name + "_textual"],
    )
