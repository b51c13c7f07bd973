// SPDX-License-Identifier: Apache-2.0
#include "state/user_file.h"

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <iterator>
#include <map>
#include <vector>

#include "absl/strings/str_cat.h"
#include "fs/extent_seams.h"
#include "fs/extents_text.h"
#include "process/field_error.h"

namespace dmdax {
namespace {

struct TypeName {
  proto::Extent::Type proto;
  IomapType type;
};

constexpr TypeName kTypes[] = {
    {proto::Extent::MAPPED, IOMAP_MAPPED},
    {proto::Extent::HOLE, IOMAP_HOLE},
    {proto::Extent::UNWRITTEN, IOMAP_UNWRITTEN},
    {proto::Extent::DELALLOC, IOMAP_DELALLOC},
    {proto::Extent::INLINE, IOMAP_INLINE},
};

// A list may have a million: where one stands is put into words for an error
// alone.
absl::Status TakeExtents(
    const google::protobuf::RepeatedPtrField<proto::Extent>& in,
    absl::string_view field, std::vector<FileExtent>* out) {
  out->reserve(out->size() + static_cast<size_t>(in.size()));
  for (int i = 0; i < in.size(); ++i) {
    const proto::Extent& e = in[i];
    const TypeName* const type =
        std::find_if(std::begin(kTypes), std::end(kTypes),
                     [&](const TypeName& t) { return t.proto == e.type(); });
    if (type == std::end(kTypes)) {
      return FieldError(EINVAL, absl::StrCat(field, "[", i, "].type"),
                        absl::StrCat("type ", e.type(), ": 0 to 4"));
    }
    out->push_back({.logical = e.logical(),
                    .physical = e.physical(),
                    .length = e.length(),
                    .type = type->type,
                    .shared = e.shared()});
  }
  return absl::OkStatus();
}

void ExtentToProto(const FileExtent& e, proto::Extent* out) {
  out->set_logical(e.logical);
  out->set_physical(e.physical);
  out->set_length(e.length);
  out->set_shared(e.shared);
  for (const TypeName& t : kTypes) {
    if (t.type == e.type) out->set_type(t.proto);
  }
}

// A file system may answer for one extent at a time: those that were listed and
// are still there stay apart, though the inode has them as one.
void ExtentsToProto(const MountedFile& file, proto::File* out) {
  std::map<uint64_t, FileExtent> seams;  // what comes after, by its beginning
  for (const ExtentSeam& seam : SeamsOf(file.options.extents)) {
    seams.emplace_hint(seams.end(), seam.after.logical, seam.after);
  }
  for (FileExtent rest : file.inode.extents.All()) {
    for (auto at = seams.upper_bound(rest.logical);
         at != seams.end() && at->first < rest.end(); ++at) {
      const uint64_t before = at->first - rest.logical;
      if (rest.type != at->second.type ||
          rest.physical + before != at->second.physical) {
        continue;
      }
      FileExtent piece = rest;
      piece.length = before;
      ExtentToProto(piece, out->add_extent());
      rest.logical += before;
      rest.physical += before;
      rest.length -= before;
    }
    ExtentToProto(rest, out->add_extent());
  }
}

absl::Status Import(const proto::File& in, FileOptions* out) {
  const bool text = !in.extents_text().empty();
  if (!text && in.fiemap().empty()) return absl::OkStatus();
  const char* field = text ? "extents_text" : "fiemap";
  if (in.extent_size() > 0 || (text && !in.fiemap().empty())) {
    return FieldError(EINVAL, field,
                      "extents are given in one way: extent, extents_text or "
                      "fiemap");
  }
  absl::StatusOr<ExtentList> list =
      text ? ParseExtents(in.extents_text()) : ParseFiemap(in.fiemap());
  if (!list.ok()) {
    return FieldError(EINVAL, field,
                      absl::StrCat(field, ": ", list.status().message()));
  }
  out->extents = list->extents;
  if (out->size == 0) out->size = list->file_size;
  out->s_magic = list->s_magic;
  out->s_blocksize = list->s_blocksize;
  out->never_dax |= list->never_dax;
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<FileOptions> FileFromProto(const proto::File& in) {
  FileOptions out{.name = in.name(),
                  .size = in.size(),
                  .dax = in.dax(),
                  .never_dax = in.never_dax(),
                  .immutable = in.immutable(),
                  .append_only = in.append_only(),
                  .indirect_blocks = in.indirect_blocks(),
                  .extsize = in.extsize(),
                  .synced = in.synced()};
  absl::Status s = Import(in, &out);
  if (s.ok()) s = TakeExtents(in.extent(), "extent", &out.extents);
  if (s.ok()) s = TakeExtents(in.allocate(), "allocate", &out.allocate);
  if (!s.ok()) return s;
  return out;
}

void FileToProto(const MountedFile& file, proto::File* out) {
  const DaxInode& inode = file.inode;
  out->set_name(file.options.name);
  out->set_size(inode.i_size);
  ExtentsToProto(file, out);
  out->set_dax(file.options.dax);
  out->set_never_dax(file.options.never_dax);
  out->set_immutable(file.options.immutable);
  out->set_append_only(file.options.append_only);
  out->set_indirect_blocks(file.options.indirect_blocks);
  out->set_extsize(inode.extsize);
  for (const FileExtent& e : file.options.allocate) {
    ExtentToProto(e, out->add_allocate());
  }
  out->set_synced(!inode.datasync_dirty);
  out->mutable_runtime()->set_s_dax(inode.s_dax);
  for (const DaxEntry& e : inode.entries) {
    proto::DaxEntry* entry = out->mutable_runtime()->add_entry();
    entry->set_index(e.index);
    entry->set_order(static_cast<uint32_t>(e.order));
    entry->set_pfn(e.pfn.value());
    entry->set_flags(e.flags);
    entry->set_dirty(e.dirty);
  }
}

void RestoreRuntime(const proto::FileRuntime& in, MountedFile& file) {
  DaxInode& inode = file.inode;
  inode.s_dax = in.s_dax();
  for (const proto::DaxEntry& e : in.entry()) {
    DaxEntry entry{.index = e.index(),
                   .order = static_cast<int>(e.order()),
                   .pfn = pfn_t(e.pfn()),
                   .flags = e.flags() & ~unsigned{DAX_LOCKED},
                   .dirty = e.dirty()};
    if (entry.order != 0 && entry.order != inode.profile->pmd_order()) continue;
    if (entry.index % (uint64_t{1} << entry.order) != 0) continue;
    const bool folio = inode.profile->insert == PageInsert::kFolio;
    if (folio && entry.is_pmd() && !entry.is_zero()) {
      inode.mem->MakeFolio(entry.pfn, entry.order);
    }
    inode.entries.Insert(entry);
  }
}

}  // namespace dmdax
