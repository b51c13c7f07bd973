// SPDX-License-Identifier: Apache-2.0
#include "process/vma_words.h"

#include <sys/mman.h>

#include <cerrno>

#include "base/errno_status.h"
#include "gtest/gtest.h"
#include "process/field_error.h"

namespace dmdax {
namespace {

TEST(VmaWordsTest, ProtIsLetters) {
  EXPECT_EQ(*ParseProt("xr"), PROT_READ | PROT_EXEC);
  EXPECT_EQ(*ParseProt(""), PROT_READ | PROT_WRITE);
  EXPECT_EQ(*ParseProt("none"), PROT_NONE);
  const absl::Status s = ParseProt("rq").status();
  EXPECT_EQ(ErrnoOf(s), EINVAL);
  EXPECT_EQ(FieldOf(s), "prot");
}

TEST(VmaWordsTest, FlagsFillTheRequest) {
  MmapOptions options;
  ASSERT_TRUE(ParseMapFlags("private,readonly,nohugepage", options).ok());
  EXPECT_TRUE(options.vma.is_private);
  EXPECT_FALSE(options.vma.sync);
  EXPECT_TRUE(options.readonly);
  EXPECT_EQ(options.vma.huge, VmaHuge::kNohugepage);
}

TEST(VmaWordsTest, UnknownWordsAndPrivateSyncAreRefused) {
  for (const char* words : {"later", "private,sync", "sync,private"}) {
    MmapOptions options;
    const absl::Status s = ParseMapFlags(words, options);
    EXPECT_EQ(ErrnoOf(s), EINVAL) << words;
    EXPECT_EQ(FieldOf(s), "flags") << words;
  }
}

TEST(VmaWordsTest, AMappingSaysWhatItWasAskedFor) {
  VmAreaStruct vma;
  vma.vm_flags = VM_READ | VM_EXEC | VM_MAYSHARE | VM_SYNC | VM_NOHUGEPAGE;
  vma.vm_file = std::make_shared<File>();
  vma.vm_file->writable = false;
  EXPECT_EQ(ProtText(vma), "rx");
  EXPECT_EQ(MapFlagsText(vma), "shared,sync,readonly,nohugepage");
  vma.vm_flags = 0;
  vma.vm_file = nullptr;
  EXPECT_EQ(ProtText(vma), "none");
  EXPECT_EQ(MapFlagsText(vma), "private");
}

}  // namespace
}  // namespace dmdax
