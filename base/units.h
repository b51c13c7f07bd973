// SPDX-License-Identifier: Apache-2.0
//
// The three units of the device-mapper / DAX world, as distinct types.
//
//   sector_t  a 512-byte sector: an address on, or the length of, a block
//             device.  0 .. 2^64-1; a table row ends at 2^54-1 at the latest.
//   pgoff_t   a 4096-byte page counted from the start of a device or file.
//   pfn_t     a physical page frame: physical address >> 12.
//
// Mixing two of them does not compile; leaving a unit needs value() or one of
// the named conversions below.  Arithmetic wraps modulo 2^64 exactly as the
// kernel's u64 does, because the kernel's checks ("start + len < start") rely
// on it; CheckedAdd() is for code of our own that must not wrap.
//
//   sector_t start{2048};
//   pgoff_t page = SectorToPage(start);          // 256
//   pfn_t pfn = pfn_t{0x100000} + page.value();  // 0x100100
//
// Mirrors: typedefs of include/linux/types.h and PFN_DOWN/PHYS_PFN of
// include/linux/pfn.h (6.1).  Threading: plain values.
#ifndef DMDAX_BASE_UNITS_H_
#define DMDAX_BASE_UNITS_H_

#include <compare>
#include <cstdint>
#include <optional>
#include <ostream>

namespace dmdax {

inline constexpr int kSectorShift = 9;
inline constexpr int kPageShift = 12;
inline constexpr uint64_t kSectorSize = uint64_t{1} << kSectorShift;
inline constexpr uint64_t kPageSize = uint64_t{1} << kPageShift;
// Sectors in a page: PAGE_SECTORS of include/linux/blkdev.h.
inline constexpr uint64_t kPageSectors = kPageSize / kSectorSize;

// A u64 that knows its unit.  `Tag` supplies the unit's name.
template <typename Tag>
class Unit {
 public:
  constexpr Unit() = default;
  explicit constexpr Unit(uint64_t value) : value_(value) {}

  constexpr uint64_t value() const { return value_; }

  friend constexpr auto operator<=>(Unit, Unit) = default;

  // Position and count: adding a count moves, subtracting two positions
  // counts.
  friend constexpr Unit operator+(Unit a, uint64_t n) {
    return Unit(a.value_ + n);
  }
  friend constexpr Unit operator-(Unit a, uint64_t n) {
    return Unit(a.value_ - n);
  }
  friend constexpr uint64_t operator-(Unit a, Unit b) {
    return a.value_ - b.value_;
  }
  constexpr Unit& operator+=(uint64_t n) {
    value_ += n;
    return *this;
  }
  constexpr Unit& operator++() {
    ++value_;
    return *this;
  }

  // Prints the bare number, for test messages.
  friend std::ostream& operator<<(std::ostream& os, Unit u) {
    return os << u.value_;
  }

  template <typename H>
  friend H AbslHashValue(H h, Unit u) {
    return H::combine(std::move(h), u.value_);
  }

 private:
  uint64_t value_ = 0;
};

// Tags are complete types so that they can carry no members by accident.
struct SectorTag {};
struct PgoffTag {};
struct PfnTag {};

using sector_t = Unit<SectorTag>;
using pgoff_t = Unit<PgoffTag>;
using pfn_t = Unit<PfnTag>;

// The page that holds `sector`; the kernel's `sector >> (PAGE_SHIFT - 9)`.
constexpr pgoff_t SectorToPage(sector_t sector) {
  return pgoff_t(sector.value() >> (kPageShift - kSectorShift));
}

// The first sector of page `pgoff`.  Wraps like the kernel's multiplication
// for pgoff >= 2^61.
constexpr sector_t PageToSector(pgoff_t pgoff) {
  return sector_t(pgoff.value() * kPageSectors);
}

// PHYS_PFN: the page frame of a physical byte address, rounded down.
constexpr pfn_t PhysPfn(uint64_t phys) { return pfn_t(phys >> kPageShift); }

// PFN_PHYS: the physical byte address of a page frame.
constexpr uint64_t PfnPhys(pfn_t pfn) { return pfn.value() << kPageShift; }

// a + b, or nothing when the sum does not fit 64 bits.
constexpr std::optional<uint64_t> CheckedAdd(uint64_t a, uint64_t b) {
  if (a + b < a) return std::nullopt;
  return a + b;
}

}  // namespace dmdax

#endif  // DMDAX_BASE_UNITS_H_
