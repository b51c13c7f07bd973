# SPDX-License-Identifier: Apache-2.0
"""Debian's packages as Bazel's repositories; nothing is fetched.

A workspace that uses dmdax calls it too (examples/embed):

    local_repository(name = "dmdax", path = "...")
    load("@dmdax//third_party:repositories.bzl", "dmdax_repositories")
    dmdax_repositories()
"""

# System libraries: headers are where the compiler looks anyway.
_LIBRARIES = {
    "cli11": "cli11",
    "com_github_google_benchmark": "benchmark",
    "com_google_googletest": "googletest",
    "com_google_protobuf": "protobuf",
    "ext2fs": "ext2fs",
    "libarchive": "libarchive",
    "nlohmann_json": "nlohmann_json",
    "openssl": "openssl",
    "re2": "re2",
    "sqlite3": "sqlite3",
    "zlib": "zlib",
}

# Debian's Bazel is 4.2.3, which would download these unless they are given to
# it.
_RULES = {
    "bazel_skylib": "tools/skylib",
    "platforms": "tools/platforms",
    "rules_java": "rules/java",
    "rules_proto": "rules/proto",
}

# Debian's rules_cc needs a newer Bazel; ours forwards to the native rules.
_OURS = ["rules_cc", "remote_coverage_tools"]

# The parts of Abseil that our sources include; pkg-config knows what else
# these need, which is another list in each of Abseil's releases.
ABSL = [
    "btree",
    "cord",
    "flat_hash_map",
    "flat_hash_set",
    "inlined_vector",
    "status",
    "statusor",
    "str_format",
    "strings",
    "synchronization",
    "time",
]

def _absl(ctx):
    words = ["pkg-config", "--static", "--libs"]
    run = ctx.execute(words + ["absl_" + part for part in ABSL])
    if run.return_code != 0:
        fail("%s: %s" % (" ".join(words), run.stderr or run.stdout))
    mark = "-labsl_"
    parts = [
        word[len(mark):].strip()
        for word in run.stdout.split(" ")
        if word.startswith(mark)
    ]
    ctx.file("parts.bzl", "PARTS = %s\n" % repr(parts))
    ctx.symlink(ctx.attr.build_file, "BUILD.bazel")

_absl_repository = repository_rule(
    _absl,
    attrs = {"build_file": attr.label()},
    # An upgrade of Debian is noticed.
    configure = True,
    local = True,
)

def _folder(ctx):
    for path in ctx.path(ctx.attr.workspace_file).dirname.readdir():
        ctx.symlink(path, path.basename)

_folder_repository = repository_rule(
    _folder,
    attrs = {"workspace_file": attr.label()},
    local = True,
)

def dmdax_repositories():
    """Every repository that dmdax's BUILD files name and that is not there."""
    for name, folder in _RULES.items():
        if not native.existing_rule(name):
            native.local_repository(
                name = name,
                path = "/usr/share/bazel/" + folder,
            )
    for name in _OURS:
        if not native.existing_rule(name):
            _folder_repository(
                name = name,
                workspace_file = "@dmdax//third_party/%s:WORKSPACE" % name,
            )
    for name, build_file in _LIBRARIES.items():
        if not native.existing_rule(name):
            native.new_local_repository(
                name = name,
                build_file = "@dmdax//third_party:%s.BUILD" % build_file,
                path = "/usr",
            )
    if not native.existing_rule("com_google_absl"):
        _absl_repository(
            name = "com_google_absl",
            build_file = "@dmdax//third_party:absl.BUILD",
        )
