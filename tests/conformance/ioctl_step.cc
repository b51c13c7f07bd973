// SPDX-License-Identifier: Apache-2.0
#include "tests/conformance/ioctl_step.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/errno_status.h"
#include "state/any_bytes.h"

namespace dmdax::conformance {
namespace {

using L = DmIoctlLayout;

constexpr std::array<const char*, 18> kCommands = {
    "VERSION",      "REMOVE_ALL",        "LIST_DEVICES", "DEV_CREATE",
    "DEV_REMOVE",   "DEV_RENAME",        "DEV_SUSPEND",  "DEV_STATUS",
    "DEV_WAIT",     "TABLE_LOAD",        "TABLE_CLEAR",  "TABLE_DEPS",
    "TABLE_STATUS", "LIST_VERSIONS",     "TARGET_MSG",   "DEV_SET_GEOMETRY",
    "DEV_ARM_POLL", "GET_TARGET_VERSION"};

struct FlagName {
  const char* name;
  uint32_t bit;
};

// In the order of the bits, which is the order of the recording.
constexpr FlagName kFlags[] = {
    {"readonly", DM_READONLY_FLAG},
    {"suspend", DM_SUSPEND_FLAG},
    {"persistent_dev", DM_PERSISTENT_DEV_FLAG},
    {"status_table", DM_STATUS_TABLE_FLAG},
    {"active_present", DM_ACTIVE_PRESENT_FLAG},
    {"inactive_present", DM_INACTIVE_PRESENT_FLAG},
    {"buffer_full", DM_BUFFER_FULL_FLAG},
    {"skip_bdget", 1u << 9},
    {"skip_lockfs", DM_SKIP_LOCKFS_FLAG},
    {"noflush", DM_NOFLUSH_FLAG},
    {"query_inactive", DM_QUERY_INACTIVE_TABLE_FLAG},
    {"uevent_generated", DM_UEVENT_GENERATED_FLAG},
    {"uuid", DM_UUID_FLAG},
    {"secure_data", DM_SECURE_DATA_FLAG},
    {"data_out", DM_DATA_OUT_FLAG},
    {"deferred_remove", DM_DEFERRED_REMOVE},
    {"internal_suspend", DM_INTERNAL_SUSPEND_FLAG},
    {"ima", DM_IMA_MEASUREMENT_FLAG},
};

template <typename T>
void Append(std::string& out, T value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof(value));
}

template <typename T>
T Read(const std::string& bytes, size_t at) {
  T value{};
  if (at + sizeof(value) <= bytes.size()) {
    memcpy(&value, bytes.data() + at, sizeof(value));
  }
  return value;
}

std::string ReadString(const std::string& bytes, size_t at) {
  if (at >= bytes.size()) return "";
  return bytes.substr(at, bytes.find('\0', at) - at);
}

// Numbers may be recorded negative or above 2^63.
uint64_t U64(const Json& j, const char* key, uint64_t fallback) {
  if (!j.contains(key)) return fallback;
  const Json& v = j[key];
  return v.is_number_unsigned() ? v.get<uint64_t>()
                                : static_cast<uint64_t>(v.get<int64_t>());
}

std::string Payload(const Json& step) {
  std::string payload;
  for (const Json& t : step.value("targets", Json::array())) {
    std::string params = t.value("params", "");
    if (!t.value("no_nul", false)) params.push_back('\0');
    params.resize((params.size() + 7) / 8 * 8, '\0');
    std::string type = t.value("type", "");
    type.resize(16, '\0');
    Append<uint64_t>(payload, U64(t, "start", 0));
    Append<uint64_t>(payload, U64(t, "len", 0));
    Append<int32_t>(payload, 0);
    Append<uint32_t>(payload,
                     static_cast<uint32_t>(U64(t, "next", 40 + params.size())));
    payload += type + params;
  }
  payload += step.value("data", "");
  payload += BytesFromHex(step.value("data_hex", "")).value();
  return payload;
}

uint32_t FlagBits(const Json& step) {
  uint32_t bits = 0;
  for (const Json& flag : step.value("flags", Json::array())) {
    if (flag.is_number()) {
      bits |= flag.get<uint32_t>();
      continue;
    }
    for (const FlagName& f : kFlags) {
      if (flag == f.name) bits |= f.bit;
    }
  }
  return bits;
}

std::string BuildRequest(const Json& step) {
  constexpr size_t kExtra = 16384;
  const std::string payload = Payload(step);
  const size_t total =
      std::max<size_t>(L::kSize + payload.size() + kExtra, 4096);
  std::vector<uint32_t> version = {4, 0, 0};
  if (step.contains("version"))
    version = step["version"].get<decltype(version)>();
  std::string name = step.value("name", "");
  std::string uuid = step.value("uuid", "");
  name.resize(L::kNameLen, '\0');
  uuid.resize(L::kUuidLen, '\0');
  std::string request;
  for (uint32_t v : version) Append<uint32_t>(request, v);
  Append<uint32_t>(request,
                   static_cast<uint32_t>(U64(step, "data_size", total)));
  Append<uint32_t>(request,
                   static_cast<uint32_t>(U64(step, "data_start", L::kSize)));
  Append<uint32_t>(request, static_cast<uint32_t>(U64(
                                step, "target_count",
                                step.value("targets", Json::array()).size())));
  Append<int32_t>(request, 0);
  Append<uint32_t>(request, FlagBits(step));
  Append<uint32_t>(request, static_cast<uint32_t>(U64(step, "event_nr", 0)));
  Append<uint32_t>(request, 0);
  Append<uint64_t>(request, U64(step, "dev", 0));
  request += name + uuid;
  request.resize(L::kSize, '\0');
  request += payload;
  request.resize(total, '\0');
  return request;
}

Json DecodeTargets(const std::string& raw, uint32_t count) {
  Json rows = Json::array();
  size_t at = 0;
  for (uint32_t i = 0; i < count && at + 40 <= raw.size(); ++i) {
    rows.push_back({{"start", Read<uint64_t>(raw, at)},
                    {"len", Read<uint64_t>(raw, at + 8)},
                    {"type", ReadString(raw, at + 24)},
                    {"params", ReadString(raw, at + 40)}});
    at = Read<uint32_t>(raw, at + 20);
  }
  return rows;
}

std::string DevText(uint64_t dev, bool cut_minor) {
  const DevT d = DevT::HugeDecode(dev);
  return absl::StrCat(d.major_nr, ":",
                      cut_minor ? d.minor_nr & 0xff : d.minor_nr);
}

Json DecodeDevices(const std::string& raw) {
  Json devices = Json::array();
  for (size_t at = 0; at + 12 < raw.size();) {
    const uint64_t dev = Read<uint64_t>(raw, at);
    const uint32_t next = Read<uint32_t>(raw, at + 8);
    if (dev != 0) {
      devices.push_back({ReadString(raw, at + 12), DevText(dev, true)});
    }
    if (next == 0) break;
    at += next;
  }
  return devices;
}

Json DecodeVersions(const std::string& raw) {
  Json versions = Json::array();
  for (size_t at = 0; at + 16 < raw.size();) {
    const uint32_t next = Read<uint32_t>(raw, at);
    versions.push_back({ReadString(raw, at + 16),
                        absl::StrCat(Read<uint32_t>(raw, at + 4), ".",
                                     Read<uint32_t>(raw, at + 8), ".",
                                     Read<uint32_t>(raw, at + 12))});
    if (next == 0) break;
    at += next;
  }
  return versions;
}

void DecodePayload(const std::string& command, const std::string& reply,
                   Json& out) {
  const size_t start = Read<uint32_t>(reply, L::kDataStart);
  const size_t size = Read<uint32_t>(reply, L::kDataSize);
  std::string raw;
  if (L::kSize <= start && start <= size && size <= reply.size()) {
    raw = reply.substr(start, size - start);
  }
  if (command == "TABLE_STATUS") {
    out["targets"] = DecodeTargets(raw, Read<uint32_t>(reply, L::kTargetCount));
  } else if (command == "TABLE_DEPS") {
    Json deps = Json::array();
    const uint32_t n = raw.size() >= 8 ? Read<uint32_t>(raw, 0) : 0;
    for (uint32_t i = 0; i < n; ++i) {
      deps.push_back(DevText(Read<uint64_t>(raw, 8 + 8 * i), false));
    }
    out["deps"] = deps;
  } else if (command == "LIST_DEVICES") {
    out["devices"] = DecodeDevices(raw);
  } else if (command == "LIST_VERSIONS" || command == "GET_TARGET_VERSION") {
    out["targets"] = DecodeVersions(raw);
  } else if (command == "TARGET_MSG") {
    out["data"] = ReadString(raw, 0);
  }
}

}  // namespace

Json RunIoctlStep(DmCtl& ctl, DmFile& file, const Json& step) {
  std::string command;
  uint32_t nr = 0;
  if (step["ioctl"].is_string()) {
    command = step["ioctl"];
    nr = static_cast<uint32_t>(
        std::find(kCommands.begin(), kCommands.end(), command) -
        kCommands.begin());
  } else {
    nr = step["ioctl"].get<uint32_t>();
  }
  std::string buffer = BuildRequest(step);
  const uint32_t code = (3u << 30) | (312u << 16) | (0xfdu << 8) | nr;
  const absl::Status s =
      CtlIoctl(ctl, file, code, absl::MakeSpan(buffer.data(), buffer.size()));
  Json out = {{"errno", nullptr}};
  if (!s.ok()) out["errno"] = ErrnoName(ErrnoOf(s));
  out["version"] = {Read<uint32_t>(buffer, 0), Read<uint32_t>(buffer, 4),
                    Read<uint32_t>(buffer, 8)};
  out["target_count"] = Read<uint32_t>(buffer, L::kTargetCount);
  out["open_count"] = Read<int32_t>(buffer, L::kOpenCount);
  Json flags = Json::array();
  for (const FlagName& f : kFlags) {
    if (Read<uint32_t>(buffer, L::kFlags) & f.bit) flags.push_back(f.name);
  }
  out["flags"] = flags;
  out["event_nr"] = Read<uint32_t>(buffer, L::kEventNr);
  out["dev"] = DevText(Read<uint64_t>(buffer, L::kDev), false);
  out["name"] = ReadString(buffer.substr(0, L::kName + L::kNameLen), L::kName);
  out["uuid"] = ReadString(buffer.substr(0, L::kUuid + L::kUuidLen), L::kUuid);
  if (s.ok()) DecodePayload(command, buffer, out);
  return out;
}

}  // namespace dmdax::conformance
