// SPDX-License-Identifier: Apache-2.0
//
// RaidSetTest: a fixture for sets of md with metadata devices.  The set is d;
// its legs l0 to l4 are rows of mem0 that can be made to fail, and m0 to m4
// their metadata devices on mem1.
#ifndef DMDAX_TESTS_DM_RAID_SET_TESTING_H_
#define DMDAX_TESTS_DM_RAID_SET_TESTING_H_

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "tests/dm/target_testing.h"

namespace dmdax {

class RaidSetTest : public TargetTest {
 protected:
  static constexpr uint64_t kSectors = 2048;

  void SetUp() override {
    for (int i = 0; i < 5; ++i) {
      ASSERT_THAT(Create(absl::StrCat("l", i), {Good(i)}), IsOk());
      ASSERT_THAT(Create(absl::StrCat("m", i),
                         {Row(0, 2048, "linear",
                              absl::StrCat("/dev/mem1 ", i * 8192))}),
                  IsOk());
    }
  }

  static DmTargetSpec Good(int leg) {
    return Row(0, 2 * kSectors, "linear",
               absl::StrCat("/dev/mem0 ", leg * 8192));
  }
  void Put(const std::string& name, const DmTargetSpec& row) {
    ASSERT_THAT(Load(name, {row}), IsOk());
    ASSERT_THAT(Resume(name), IsOk());
  }
  void Break(int leg) {
    Put(absl::StrCat("l", leg), Row(0, 2 * kSectors, "error", ""));
  }
  void Mend(int leg) { Put(absl::StrCat("l", leg), Good(leg)); }

  // " 2 /dev/mapper/m0 /dev/mapper/l0 ...": -1 stands for "- -".
  static std::string Devs(const std::vector<int>& legs) {
    std::string words = absl::StrCat(" ", legs.size());
    for (const int leg : legs) {
      absl::StrAppend(&words, leg < 0 ? " - -"
                                      : absl::StrCat(" /dev/mapper/m", leg,
                                                     " /dev/mapper/l", leg));
    }
    return words;
  }
  static std::string Raid1(const std::vector<int>& legs) {
    return "raid1 3 0 region_size 1024" + Devs(legs);
  }
  static std::string Raid5(const std::vector<int>& legs) {
    return "raid5_ls 3 128 region_size 1024" + Devs(legs);
  }
  static std::string Raid6(const std::vector<int>& legs) {
    return "raid6_zr 3 128 region_size 1024" + Devs(legs);
  }
  static std::string Raid10(const std::vector<int>& legs) {
    return "raid10 3 128 region_size 1024" + Devs(legs);
  }
  // A table in place of the one that d has.
  void Reload(const std::string& words, uint64_t length = kSectors) {
    ASSERT_THAT(Load("d", {Row(0, length, "raid", words)}), IsOk());
    Log();
    ASSERT_THAT(Resume("d"), IsOk());
  }
  void SuspendAndResume() {
    ASSERT_THAT(Suspend("d"), IsOk());
    Log();
    ASSERT_THAT(Resume("d"), IsOk());
  }

  // No set is there any more, nor what it has left.
  void Blank() {
    if (ctl().FindDevice("d") != nullptr) {
      ASSERT_THAT(Remove("d"), IsOk());
    }
    for (int i = 0; i < 5; ++i) {
      ASSERT_THAT(BioWrite(Md(absl::StrCat("m", i)).disk(), sector_t{0},
                           std::string(kSectorSize, '\0')),
                  IsOk());
    }
  }

  std::string Write(char fill, uint64_t sector = 0, uint64_t count = 512) {
    const absl::Status s = BioWrite(Md("d").disk(), sector_t{sector},
                                    std::string(count << kSectorShift, fill));
    return s.ok() ? "" : ErrnoName(ErrnoOf(s));
  }
  // The first byte of a sector, or the errno's name.
  std::string ReadOf(const std::string& name, uint64_t sector) {
    std::string bytes(kSectorSize, '\0');
    const absl::Status s =
        BioRead(Md(name).disk(), sector_t{sector}, absl::MakeSpan(bytes));
    return s.ok() ? bytes.substr(0, 1) : ErrnoName(ErrnoOf(s));
  }
  std::string Read(uint64_t sector) { return ReadOf("d", sector); }
  // The characters of the devices in the status.
  std::string Health() {
    const std::vector<std::string> words = absl::StrSplit(Status(), ' ');
    return words[5];
  }
  uint32_t Events() { return Md("d").event_nr(); }
  // `bytes` little-endian bytes of the superblock of device m`meta`.
  uint64_t Super(int meta, size_t offset, size_t bytes) {
    std::string block(kSectorSize, '\0');
    EXPECT_THAT(BioRead(Md(absl::StrCat("m", meta)).disk(), sector_t{0},
                        absl::MakeSpan(block)),
                IsOk());
    uint64_t value = 0;
    for (size_t i = bytes; i-- > 0;) {
      value = value << 8 | static_cast<unsigned char>(block[offset + i]);
    }
    return value;
  }
  uint64_t EventsOf(int meta) { return Super(meta, 16, 8); }
  uint64_t FailedOf(int meta) { return Super(meta, 24, 8); }
};

}  // namespace dmdax

#endif  // DMDAX_TESTS_DM_RAID_SET_TESTING_H_
