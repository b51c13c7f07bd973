// SPDX-License-Identifier: Apache-2.0
//
// IoctlParam: the kernel's own copy of an ioctl's buffer while a command works
// on it, with the header as fields and the payload as bytes.  Only ctl_ioctl.cc
// and the payload writers use it.
#ifndef DMDAX_DM_WIRE_IOCTL_PARAM_H_
#define DMDAX_DM_WIRE_IOCTL_PARAM_H_

#include <cstring>
#include <string>
#include <utility>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "dm/wire/ctl_ioctl.h"

namespace dmdax {

class IoctlParam {
 public:
  using L = DmIoctlLayout;

  // `bytes`: at least sizeof(struct dm_ioctl).  `param_size` is the request's
  // data_size: what may be read and written of them.
  IoctlParam(std::string bytes, size_t param_size)
      : bytes_(std::move(bytes)), param_size_(param_size) {}

  template <typename T>
  T Get(size_t at) const {
    T value;
    memcpy(&value, bytes_.data() + at, sizeof(value));
    return value;
  }
  template <typename T>
  void Set(size_t at, T value) {
    memcpy(bytes_.data() + at, &value, sizeof(value));
  }

  uint32_t flags() const { return Get<uint32_t>(L::kFlags); }
  void AddFlags(uint32_t f) { Set<uint32_t>(L::kFlags, flags() | f); }
  void ClearFlags(uint32_t f) { Set<uint32_t>(L::kFlags, flags() & ~f); }
  size_t data_start() const { return Get<uint32_t>(L::kDataStart); }
  size_t data_size() const { return Get<uint32_t>(L::kDataSize); }
  void SetDataSize(size_t n) {
    Set<uint32_t>(L::kDataSize, static_cast<uint32_t>(n));
  }
  size_t param_size() const { return param_size_; }

  // Header() is the header as the typed commands take it; SetHeader() puts
  // their reply back.
  DmIoctl Header() const {
    DmIoctl io;
    io.target_count = Get<uint32_t>(L::kTargetCount);
    io.open_count = Get<int32_t>(L::kOpenCount);
    io.flags = flags();
    io.event_nr = Get<uint32_t>(L::kEventNr);
    io.dev = Get<uint64_t>(L::kDev);
    io.name = CString(L::kName);
    io.uuid = CString(L::kUuid);
    return io;
  }
  void SetHeader(const DmIoctl& io) {
    Set<uint32_t>(L::kTargetCount, io.target_count);
    Set<int32_t>(L::kOpenCount, io.open_count);
    Set<uint32_t>(L::kFlags, io.flags);
    Set<uint32_t>(L::kEventNr, io.event_nr);
    Set<uint64_t>(L::kDev, io.dev);
    SetCString(L::kName, io.name);
    SetCString(L::kUuid, io.uuid);
  }

  // get_result_buffer(): the payload begins behind the struct; the room there
  // is in the request's own size.
  size_t StartResult() {
    if (L::kSize < param_size_) {
      Set<uint32_t>(L::kDataStart, L::kSize);
      return param_size_ - L::kSize;
    }
    Set<uint32_t>(L::kDataStart, static_cast<uint32_t>(param_size_));
    return 0;
  }

  // The string at `at`, if a NUL ends it inside the request (invalid_str).
  bool StringAt(size_t at, absl::string_view* text) const {
    if (at >= param_size_) return false;
    const absl::string_view rest(bytes_.data() + at, param_size_ - at);
    const size_t nul = rest.find('\0');
    if (nul == rest.npos) return false;
    *text = rest.substr(0, nul);
    return true;
  }
  // The same at data_start + `offset`, which must lie in the data area.
  bool DataString(size_t data_start, size_t offset,
                  absl::string_view* text) const {
    return data_start >= L::kData && StringAt(data_start + offset, text);
  }

  const std::string& bytes() const { return bytes_; }
  // Writes payload; the caller has checked that there is room.
  void Write(size_t at, absl::string_view text) {
    memcpy(bytes_.data() + at, text.data(), text.size());
  }

 private:
  std::string CString(size_t at) const {
    return std::string(bytes_.data() + at);
  }
  // strlcpy(): what stood behind the NUL stays.
  void SetCString(size_t at, const std::string& text) {
    memcpy(bytes_.data() + at, text.c_str(), text.size() + 1);
  }

  std::string bytes_;
  const size_t param_size_;
};

constexpr size_t AlignUp8(size_t n) { return (n + 7) & ~size_t{7}; }

// The payload writers (ioctl_payload.cc): each sets data_size, or
// DM_BUFFER_FULL_FLAG when the request left too little room.
void WriteDeviceList(IoctlParam& param, absl::Span<const DmNameEntry> entries,
                     const KernelProfile& profile);
void WriteVersions(IoctlParam& param, absl::Span<const TargetType* const> types,
                   const KernelProfile& profile);
void WriteStatus(IoctlParam& param, absl::Span<const DmTargetSpec> rows);
void WriteDeps(IoctlParam& param, absl::Span<const DevT> deps);
void WriteMessageReply(IoctlParam& param, absl::string_view reply, size_t room);

// Row i of a DM_TABLE_LOAD payload; *next is its offset from the row before
// (for row 0 from the struct), updated to that of the row after.
class SpecWalker {
 public:
  SpecWalker(const IoctlParam& param, Machine& machine);
  absl::StatusOr<DmTargetSpec> Next(size_t i);

 private:
  absl::Status Fail(absl::string_view text) const;
  absl::Status Step(size_t i);

  const IoctlParam& param_;
  Machine& machine_;
  size_t at_ = 0;    // offset of the current spec
  uint32_t next_;    // distance to the one to come
  size_t min_size_;  // 6.12: how far the one to come must lie off
};

}  // namespace dmdax

#endif  // DMDAX_DM_WIRE_IOCTL_PARAM_H_
