// SPDX-License-Identifier: Apache-2.0
//
// The payloads of ioctl replies, byte for byte.  Mirrors list_devices,
// __list_versions, retrieve_status, retrieve_deps and next_target of
// drivers/md/dm-ioctl.c (6.1, 6.12).
#include <algorithm>
#include <cerrno>

#include "absl/strings/str_cat.h"
#include "base/errno_status.h"
#include "dm/wire/ioctl_param.h"

namespace dmdax {
namespace {

constexpr size_t kSpecSize = 40;      // sizeof(struct dm_target_spec)
constexpr size_t kTypeNameLen = 16;   // DM_MAX_TYPE_NAME
constexpr size_t kNameListName = 12;  // offsetof(struct dm_name_list, name)
constexpr uint32_t kHasUuid = 1, kDoesntHaveUuid = 2;

bool WantsUuid(const IoctlParam& param, const KernelProfile& profile) {
  return profile.dm_list_has_uuid && (param.flags() & DM_UUID_FLAG);
}

}  // namespace

void WriteDeviceList(IoctlParam& param, absl::Span<const DmNameEntry> entries,
                     const KernelProfile& profile) {
  const bool with_uuid = WantsUuid(param, profile);
  size_t needed = 0;
  for (const DmNameEntry& e : entries) {
    // An entry ends with event_nr and flags, 8 bytes.
    needed += AlignUp8(kNameListName + e.name.size() + 1) + 8;
    if (with_uuid && !e.uuid.empty()) needed += AlignUp8(e.uuid.size() + 1);
  }
  const size_t room = param.StartResult();
  if (room < needed || room < sizeof(uint64_t)) {
    param.AddFlags(DM_BUFFER_FULL_FLAG);
    return;
  }
  param.SetDataSize(param.data_start() + needed);
  size_t at = param.data_start();
  param.Set<uint64_t>(at, 0);  // says "no data" if nothing follows
  for (size_t i = 0; i < entries.size(); ++i) {
    const DmNameEntry& e = entries[i];
    const size_t event_nr = at + AlignUp8(kNameListName + e.name.size() + 1);
    size_t end = event_nr + 8;
    uint32_t uuid_flags = 0;
    param.Set<uint64_t>(at, e.dev);
    param.Write(at + kNameListName,
                absl::string_view(e.name.c_str(), e.name.size() + 1));
    if (with_uuid) {
      uuid_flags = e.uuid.empty() ? kDoesntHaveUuid : kHasUuid;
      if (!e.uuid.empty()) {
        param.Write(end, absl::string_view(e.uuid.c_str(), e.uuid.size() + 1));
        end += AlignUp8(e.uuid.size() + 1);
      }
    }
    param.Set<uint32_t>(event_nr, e.event_nr);
    if (profile.dm_list_has_uuid) param.Set<uint32_t>(event_nr + 4, uuid_flags);
    const bool last = i + 1 == entries.size();
    param.Set<uint32_t>(at + 8, last ? 0 : static_cast<uint32_t>(end - at));
    at = end;
  }
}

void WriteVersions(IoctlParam& param, absl::Span<const TargetType* const> types,
                   const KernelProfile& profile) {
  constexpr size_t kHeader = 16;  // next, version[3]
  size_t needed = 0;
  for (const TargetType* type : types) {
    // An upper bound: each entry might need 7 bytes of padding.
    needed += kHeader + type->name.size() + 1 + 7;
  }
  if (param.StartResult() < needed) {
    param.AddFlags(DM_BUFFER_FULL_FLAG);
    return;
  }
  param.SetDataSize(param.data_start() + needed);
  size_t at = param.data_start();
  for (size_t i = 0; i < types.size(); ++i) {
    const TargetVersion& version = types[i]->version(profile);
    const size_t size = AlignUp8(kHeader + types[i]->name.size() + 1);
    const bool last = i + 1 == types.size();
    param.Set<uint32_t>(at, last ? 0 : static_cast<uint32_t>(size));
    for (size_t v = 0; v < 3; ++v) {
      param.Set<uint32_t>(at + 4 + 4 * v, version[v]);
    }
    const std::string name(types[i]->name);
    param.Write(at + kHeader, absl::string_view(name.c_str(), name.size() + 1));
    at += size;
  }
}

void WriteStatus(IoctlParam& param, absl::Span<const DmTargetSpec> rows) {
  const size_t room = param.StartResult();
  const size_t start = param.data_start();
  size_t out = 0;   // where the next row goes, from `start`
  size_t used = 0;  // end of the last whole row, from the struct
  for (const DmTargetSpec& row : rows) {
    if (room - out <= kSpecSize) {
      param.AddFlags(DM_BUFFER_FULL_FLAG);
      break;
    }
    const size_t spec = start + out;
    param.Set<uint64_t>(spec, row.sector_start.value());
    param.Set<uint64_t>(spec + 8, row.length);
    param.Set<int32_t>(spec + 16, 0);
    // strncpy(..., 15): padded with zeros, the last byte left alone.
    std::string type = row.target_type;
    type.resize(kTypeNameLen - 1);
    param.Write(spec + 24, type);
    out += kSpecSize;
    // The kernel takes a text that just fits for one that was cut.
    const size_t length = row.params.size() + 1;
    if (length >= room - out) {
      param.AddFlags(DM_BUFFER_FULL_FLAG);
      break;
    }
    param.Write(start + out, absl::string_view(row.params.c_str(), length));
    out += length;
    used = start + out;
    out = AlignUp8(out);
    if (out > room) {
      param.AddFlags(DM_BUFFER_FULL_FLAG);
      break;
    }
    param.Set<uint32_t>(spec + 20, static_cast<uint32_t>(out));
  }
  if (used != 0) param.SetDataSize(used);
}

void WriteDeps(IoctlParam& param, absl::Span<const DevT> deps) {
  const size_t needed = 8 + 8 * deps.size();
  if (param.StartResult() < needed) {
    param.AddFlags(DM_BUFFER_FULL_FLAG);
    return;
  }
  const size_t at = param.data_start();
  param.Set<uint32_t>(at, static_cast<uint32_t>(deps.size()));
  for (size_t i = 0; i < deps.size(); ++i) {
    param.Set<uint64_t>(at + 8 + 8 * i, deps[i].HugeEncode());
  }
  param.SetDataSize(at + needed);
}

void WriteMessageReply(IoctlParam& param, absl::string_view reply,
                       size_t room) {
  param.AddFlags(DM_DATA_OUT_FLAG);
  if (reply.empty()) {
    // The target has written no text; what the request had there is taken for
    // it.
    const absl::string_view there(param.bytes().data() + param.data_start(),
                                  room);
    reply = there.substr(0, there.find('\0'));
  }
  if (room == 0 || reply.size() + 1 >= room) {
    param.AddFlags(DM_BUFFER_FULL_FLAG);
    return;
  }
  const std::string text(reply);
  param.Write(param.data_start(),
              absl::string_view(text.c_str(), text.size() + 1));
  param.SetDataSize(param.data_start() + text.size() + 1);
}

// --- the rows of a load ---

SpecWalker::SpecWalker(const IoctlParam& param, Machine& machine)
    : param_(param),
      machine_(machine),
      next_(static_cast<uint32_t>(param.data_start())),
      min_size_(DmIoctlLayout::kSize) {}

absl::Status SpecWalker::Fail(absl::string_view text) const {
  DmLog(machine_, KernLevel::kErr, "ioctl", text);
  return ErrnoError(EINVAL, text);
}

// Moves to row i, checking that it lies where a row may lie.
absl::Status SpecWalker::Step(size_t i) {
  const size_t end = param_.param_size();
  if (!machine_.profile().dm_checks_target_specs) {
    // Older kernels check no more than that a row does not begin inside the
    // fixed part of the row before.
    if (next_ < kSpecSize) return Fail("unable to find target");
    at_ += next_;
    return absl::OkStatus();
  }
  if (next_ < min_size_) {
    return Fail(absl::StrCat("populate_table: next target spec (offset ", next_,
                             ") overlaps ",
                             i == 0 ? "'struct dm_ioctl'" : "previous target"));
  }
  if (end - at_ < kSpecSize || end - at_ - kSpecSize <= next_) {
    Fail("Target spec extends beyond end of parameters").IgnoreError();
    return Fail("unable to find target");
  }
  if (next_ % 8 != 0) {
    Fail(absl::StrCat("Next dm_target_spec (offset ", next_,
                      ") is not 8-byte aligned"))
        .IgnoreError();
    return Fail("unable to find target");
  }
  at_ += next_;
  return absl::OkStatus();
}

absl::StatusOr<DmTargetSpec> SpecWalker::Next(size_t i) {
  if (absl::Status s = Step(i); !s.ok()) return s;
  absl::string_view params;
  if (!param_.StringAt(at_ + kSpecSize, &params)) {
    return Fail(machine_.profile().dm_checks_target_specs
                    ? "populate_table: target parameters not NUL-terminated"
                    : "unable to find target");
  }
  min_size_ = kSpecSize + params.size() + 1;
  DmTargetSpec spec;
  spec.sector_start = sector_t(param_.Get<uint64_t>(at_));
  spec.length = param_.Get<uint64_t>(at_ + 8);
  next_ = param_.Get<uint32_t>(at_ + 20);
  // The type is not always terminated in its 16 bytes: it then runs on.
  const absl::string_view rest(param_.bytes().data() + at_ + 24,
                               param_.param_size() - at_ - 24);
  spec.target_type = std::string(rest.substr(0, rest.find('\0')));
  spec.params = std::string(params);
  return spec;
}

}  // namespace dmdax
