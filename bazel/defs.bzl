# SPDX-License-Identifier: Apache-2.0
"""Macros for BUILD files."""

def dmdax_fuzz_test(name, srcs, corpus = [], deps = [], **kwargs):
    """A libFuzzer target that is an ordinary test too.

    `bazel test` runs LLVMFuzzerTestOneInput() once over each corpus file.
    To fuzz: `bazel build --config=fuzz` it, then run it from bazel-bin on a
    folder to keep new inputs in, with any of libFuzzer's options.

    Args:
      name: name of the cc_test.
      srcs: sources, which define LLVMFuzzerTestOneInput() and no main().
      corpus: files to run; a crash that was fixed becomes one of them.
      deps: libraries.
      **kwargs: passed to cc_test.
    """
    native.cc_test(
        name = name,
        srcs = srcs,
        args = ["$(locations %s)" % label for label in corpus],
        data = corpus,
        linkopts = select({
            "//bazel:fuzz": ["-fsanitize=fuzzer"],
            "//conditions:default": [],
        }),
        deps = deps + select({
            "//bazel:fuzz": [],
            "//conditions:default": ["//bazel:replay_main"],
        }),
        **kwargs
    )
