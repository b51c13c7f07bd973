# SPDX-License-Identifier: Apache-2.0
"""A library with all that it is made of, in one file that is installed."""

_Public = provider(fields = ["headers"])

def _public_headers(target, ctx):
    if CcInfo not in target:
        return []
    context = target[CcInfo].compilation_context

    # What protoc writes belongs to no rule's own headers.
    if ctx.rule.kind == "cc_proto_library":
        direct = context.headers.to_list()
    else:
        direct = context.direct_public_headers
    deps = getattr(ctx.rule.attr, "deps", [])
    return [_Public(headers = depset(
        [h for h in direct if not h.path.startswith("/")],
        transitive = [d[_Public].headers for d in deps if _Public in d],
    ))]

_headers_aspect = aspect(_public_headers, attr_aspects = ["deps"])

def _static_library(ctx):
    archives = []
    linking = ctx.attr.lib[CcInfo].linking_context
    for linker_input in linking.linker_inputs.to_list():
        for library in linker_input.libraries:
            archive = library.pic_static_library or library.static_library
            if archive:
                archives.append(archive)
    cc = ctx.attr._cc_toolchain[cc_common.CcToolchainInfo]

    # What registers itself is named by nobody, so the linker would leave it out
    # of a program.  As one object, all of it comes or none.
    whole = ctx.actions.declare_file(ctx.label.name + ".o")
    link = ctx.actions.args()
    link.add_all(["-r", "-nostdlib", "-o", whole, "-Wl,--whole-archive"])
    link.add_all(archives)
    ctx.actions.run(
        executable = cc.compiler_executable,
        arguments = [link],
        inputs = archives,
        outputs = [whole],
        tools = cc.all_files,
        mnemonic = "WholeObject",
        # It finds the linker by PATH.
        use_default_shell_env = True,
    )
    out = ctx.actions.declare_file("lib%s.a" % ctx.label.name)
    ctx.actions.run(
        executable = cc.ar_executable,
        arguments = ["rcsD", out.path, whole.path],
        inputs = [whole],
        outputs = [out],
        tools = cc.all_files,
        mnemonic = "WholeArchive",
    )

    headers = ctx.attr.lib[_Public].headers.to_list()
    include = ctx.actions.declare_directory(ctx.label.name + "_include")
    copy = ctx.actions.args()
    copy.add(include.path)
    for header in headers:
        copy.add_all([header.path, header.short_path])
    ctx.actions.run_shell(
        command = """
          include=$1; shift
          while (($# > 0)); do install -D -m 644 "$1" "$include/$2"; shift 2; done
        """,
        arguments = [copy],
        inputs = headers,
        outputs = [include],
        mnemonic = "Headers",
    )
    return [DefaultInfo(files = depset([out, include]))]

static_library = rule(
    _static_library,
    doc = "lib<name>.a with `lib` and all of ours below it, and <name>_include/ " +
          "with their public headers, each at its path from the top.",
    attrs = {
        "lib": attr.label(
            mandatory = True,
            providers = [CcInfo],
            aspects = [_headers_aspect],
        ),
        "_cc_toolchain": attr.label(
            default = "@bazel_tools//tools/cpp:current_cc_toolchain",
        ),
    },
    toolchains = ["@bazel_tools//tools/cpp:toolchain_type"],
)
