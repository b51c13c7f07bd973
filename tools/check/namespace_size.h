// SPDX-License-Identifier: Apache-2.0
//
// The size that ndctl is told where it makes a namespace anew.
//
// ndctl takes a namespace whose size is a multiple of the alignment for each
// interleaved DIMM, and refuses others, though the kernel would take them and
// leave out what does not fill a page.  How many DIMMs there are only the
// machine knows, so the list reads it there, before anything goes.
// Mirrors: validate_namespace_options() of ndctl/namespace.c (v76).
// Threading: pure functions.
#ifndef DMDAX_TOOLS_CHECK_NAMESPACE_SIZE_H_
#define DMDAX_TOOLS_CHECK_NAMESPACE_SIZE_H_

#include <cstdint>
#include <string>

namespace dmdax {

// What reads the namespace of "pmem0" or "dax0.0", and how large ndctl may make
// it with pages of so many bytes.  It fails where that is nothing.
std::string NamespaceSizeLook(const std::string& disk, uint64_t align);

// Behind it, of ndctl create-namespace: "-e $ns_pmem0 --size $size_pmem0".
std::string NamespaceSizeWords(const std::string& disk);

// Until that is read: what it may come to.
inline constexpr char kNamespaceSizeRemark[] =
    "of interleaved DIMMs ndctl takes whole pages of each, so that it may "
    "become smaller still";

}  // namespace dmdax

#endif  // DMDAX_TOOLS_CHECK_NAMESPACE_SIZE_H_
