// SPDX-License-Identifier: Apache-2.0
#include "fs/file_system.h"

#include <algorithm>
#include <cerrno>

namespace dmdax {

std::shared_ptr<File> FileSystem::Open(DaxInode& inode, const std::string& path,
                                       bool writable) {
  auto file = std::make_shared<File>();
  file->path = path;
  file->f_inode = &inode;
  file->f_mapping = &inode.mapping;
  file->f_op = this;
  file->sync = &inode;
  file->writable = writable;
  inode.punch_writes_back = punch_writes_back();
  inode.zero_reallocates = zero_reallocates();
  inode.mapping.a_ops = this;
  return file;
}

int FileSystem::CheckMapSync(const File& file, const VmAreaStruct& vma) {
  if (!(vma.vm_flags & VM_SYNC)) return 0;
  const DaxInode& inode = *static_cast<DaxInode*>(file.f_inode);
  if (!inode.s_dax || inode.dax_dev == nullptr) return -EOPNOTSUPP;
  return inode.dax_dev->synchronous() ? 0 : -EOPNOTSUPP;
}

void FileSystem::SetDaxFlags(VmAreaStruct& vma, bool huge) const {
  if (huge) vma.vm_flags |= VM_HUGEPAGE;
  if (profile_.dax_vma_is_mixedmap) vma.vm_flags |= VM_MIXEDMAP;
}

DaxInode& InodeOf(const VmFault& vmf) {
  return *static_cast<DaxInode*>(vmf.vma->vm_file->f_inode);
}

Iomap IomapOfExtent(const DaxInode& inode, const FileExtent& extent,
                    uint64_t length, unsigned flags) {
  const bool dax = (flags & IOMAP_DAX) != 0;
  Iomap iomap;
  iomap.offset = extent.logical;
  iomap.length = std::min(extent.length, length);
  iomap.type = extent.type;
  if (dax) {
    iomap.dax_dev = inode.dax_dev;
  } else {
    iomap.bdev = inode.s_dev;
  }
  if (extent.type == IOMAP_MAPPED || extent.type == IOMAP_UNWRITTEN) {
    iomap.addr = extent.physical + (dax ? inode.dax_part_off : 0);
  }
  return iomap;
}

}  // namespace dmdax
