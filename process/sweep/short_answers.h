// SPDX-License-Identifier: Apache-2.0
//
// ShortAnswers: what a fault gets in a page of a DAX file, by the extents and
// direct_access alone.
//
//   ShortAnswers answers(*file, faults, SweepAccess{}, HugeFaults::kTried);
//   ShortAnswer answer = answers.Of(512, /*write=*/false);
//   if (answer.kind == ShortAnswer::Kind::kNone) Touch(512);   // a real fault
//   if (answer.why == ShortAnswer::Why::kDevice) Use(answers.Reason(answer));
//
// A page is asked for as by SweepProbe: alone, in a mapping of its huge page.
// What a fault changes first (an allocation, a conversion that is too short, a
// copy of shared blocks, a DAX entry that is there, a wait for the journal) and
// what may go wrong has no short answer.  Nothing here is believed: whoever
// uses a class of answers compares the first of them with a real fault (see
// Agrees()).
// Threading: as the file's; one thread per object.
#ifndef DMDAX_PROCESS_SWEEP_SHORT_ANSWERS_H_
#define DMDAX_PROCESS_SWEEP_SHORT_ANSWERS_H_

#include <cstddef>
#include <cstdint>

#include "dax/dax_device.h"
#include "iomap/dax_inode.h"
#include "iomap/file_extents.h"
#include "mm/mm_struct.h"
#include "process/sweep/extent_cursor.h"
#include "process/sweep/sweep_cells.h"

namespace dmdax {

struct ShortAnswer {
  enum class Kind : uint8_t {
    kNone,          // ask a real fault
    kPmd,           // frames of the file
    kPmdConverted,  // the same, of blocks that the write converts first
    kPmdZero,       // the huge zero page
    kPte,
    kPteZero,
    kCopy,      // a private copy of a frame
    kCopyZero,  // of a hole
  };
  // What keeps the page from a huge entry.
  enum class Why : uint8_t {
    kSame,    // nothing, or what all pages have in common
    kExtent,  // the extent ends inside the huge page
    kDevice,  // the device's run, or its place
  };
  static constexpr size_t kClasses = 2 * 8 * 3;

  Kind kind = Kind::kNone;
  Why why = Why::kSame;
  bool write = false;
  uint64_t pfn = 0;  // of the page, if it is a frame of the file
  pgoff_t pgoff{};   // kDevice: of the huge page, on the file's device

  // Answers of one class have the same outcome; of kDevice, but for the reason.
  size_t Class() const {
    return (static_cast<size_t>(kind) * 3 + static_cast<size_t>(why)) * 2 +
           (write ? 1 : 0);
  }
  bool huge() const {
    return kind == Kind::kPmd || kind == Kind::kPmdConverted ||
           kind == Kind::kPmdZero;
  }
  bool zero_page() const {
    return kind == Kind::kPmdZero || kind == Kind::kPteZero;
  }
};

// Whether huge faults are tried in a mapping.
enum class HugeFaults : uint8_t { kNotTried, kTried };
HugeFaults HugeFaultsOf(const VmAreaStruct& vma);

class ShortAnswers {
 public:
  ShortAnswers(const File& file, const FaultProfile& faults,
               const SweepAccess& access, HugeFaults huge_faults);

  ShortAnswer Of(uint64_t page, bool write);
  // Why a page with such an answer, which is kDevice, has no PMD.
  FaultReason Reason(const ShortAnswer& answer);
  // Whether a real fault, which tells its reason, has got what was answered.
  bool Agrees(const ShortAnswer& answer, const FaultOutcome& real);

 private:
  using Kind = ShortAnswer::Kind;
  using Why = ShortAnswer::Why;

  bool EntryNear(uint64_t first) const;
  pgoff_t Place(const FileExtent& extent, uint64_t page) const;
  DaxAccess Access(pgoff_t pgoff, uint64_t nr) const;
  const FileExtent& ExtentOf(uint64_t page, uint64_t first,
                             const FileExtent& extent);
  // Of single pages; `extent` has this one.
  ShortAnswer Single(const FileExtent& extent, uint64_t page, bool write,
                     Why why) const;
  ShortAnswer SingleFrame(const DaxAccess& access, bool write, Why why) const;
  ShortAnswer OnDevice(const FileExtent& extent, uint64_t page, bool write);

  const FaultProfile& faults_;
  const DaxInode* inode_ = nullptr;
  ExtentCursor huge_cursor_, page_cursor_;
  bool usable_[2] = {};  // by access
  bool copies_ = false;  // writes are to private copies
  bool tries_huge_ = false;
  bool holes_known_ = false;  // a hole is as long as it is
  uint64_t end_huge_ = 0;     // pages that are in whole huge pages of the file
};

}  // namespace dmdax

#endif  // DMDAX_PROCESS_SWEEP_SHORT_ANSWERS_H_
