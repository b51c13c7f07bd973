// SPDX-License-Identifier: Apache-2.0
//
// Several ioctls on one machine.  The input: a byte for the kernel, then for
// each ioctl a byte with its number and how the request is written:
//
//   < 0x80   from fields: flags, who is meant, sizes, rows or payload
//   >= 0x80  two bytes of length and the request as it is
//
// Checked: a request that fails comes back as it was but for the version; one
// that succeeds says where its payload is inside the buffer.
#include <cstring>
#include <iterator>
#include <string>

#include "dm/wire/ctl_ioctl.h"
#include "tests/fuzz/fuzz_machine.h"
#include "tests/fuzz/reader.h"

namespace {

using dmdax::fuzz::Check;
using dmdax::fuzz::Reader;
using L = dmdax::DmIoctlLayout;

constexpr const char* kNames[] = {"", "d0", "d1", "d2", "a b", "a/b", "linear"};
constexpr const char* kUuids[] = {"", "", "", "u0", "u1"};
constexpr const char* kTypes[] = {
    "linear", "striped", "zero",        "error",         "snapshot-origin",
    "delay",  "flakey",  "log-writes",  "unstriped",     "switch",
    "dust",   "mirror",  "multipath",   "crypt",         "thin-pool",
    "thin",   "cache",   "writecache",  "snapshot",      "raid",
    "era",    "clone",   "verity",      "integrity",     "zoned",
    "ebs",    "nosuch",  "snapshot-me", "snapshot-merge"};

template <typename T, size_t N>
T Pick(Reader& in, const T (&from)[N]) {
  return from[in.U8() % N];
}

template <typename T>
void Put(std::string& bytes, size_t at, T value) {
  memcpy(bytes.data() + at, &value, sizeof(value));
}

// struct dm_target_spec with its parameters.
std::string Row(Reader& in, uint64_t* start) {
  std::string row(40, '\0');
  const uint8_t oddity = in.U8();
  const uint64_t length = oddity & 1 ? in.Number(8) : in.Number(2);
  std::string type = Pick(in, kTypes);
  type.resize(16);
  std::string params = in.Text(in.U8());
  if (!(oddity & 2)) params.push_back('\0');
  params.resize((params.size() + 7) / 8 * 8);
  Put<uint64_t>(row, 0, oddity & 4 ? in.Number(8) : *start);
  Put<uint64_t>(row, 8, length);
  Put<uint32_t>(
      row, 20,
      oddity & 8 ? in.U32() : static_cast<uint32_t>(40 + params.size()));
  row.replace(24, 16, type);
  *start += length;
  return row + params;
}

std::string FromFields(Reader& in, uint32_t cmd) {
  std::string request(L::kSize, '\0');
  const uint8_t oddity = in.U8();
  const std::string name = Pick(in, kNames), uuid = Pick(in, kUuids);
  request.replace(L::kName, name.size(), name);
  request.replace(L::kUuid, uuid.size(), uuid);
  Put<uint32_t>(request, 0, 4);
  Put<uint32_t>(request, L::kFlags, static_cast<uint32_t>(in.Number(3)));
  if (oddity & 1) {
    Put<uint64_t>(request, L::kDev, uint64_t{254} << 8 | in.U8());
  }
  uint32_t rows = 0;
  if (cmd == dmdax::DM_TABLE_LOAD_CMD) {
    rows = 1 + in.U8() % 4;
    uint64_t start = 0;
    for (uint32_t i = 0; i < rows; ++i) request += Row(in, &start);
  } else {
    request += in.Text(in.U8());
  }
  Put<uint32_t>(request, L::kTargetCount, oddity & 2 ? in.U32() : rows);
  request.resize(request.size() + in.Number(oddity & 4 ? 2 : 1));
  const auto size = static_cast<uint32_t>(request.size());
  Put<uint32_t>(request, L::kDataSize, oddity & 8 ? in.U32() : size);
  Put<uint32_t>(request, L::kDataStart,
                oddity & 16 ? in.U32() : static_cast<uint32_t>(L::kSize));
  Put<uint32_t>(request, L::kEventNr, in.U8());
  return request;
}

void RunOne(dmdax::DmCtl& ctl, dmdax::DmFile& file, Reader& in) {
  const uint8_t how = in.U8();
  const uint32_t cmd = how & 0x7f;
  const std::string before =
      how < 0x80 ? FromFields(in, cmd) : in.Text(in.Number(2));
  std::string after = before;
  const absl::Status s = CtlIoctl(ctl, file, 0xc138fd00 | cmd,
                                  absl::MakeSpan(after.data(), after.size()));
  Check(after.size() == before.size());
  constexpr size_t kVersionSize = 12;
  if (before.size() < L::kData) return;
  uint32_t flags;
  memcpy(&flags, before.data() + L::kFlags, sizeof(flags));
  if (!s.ok()) {
    // A secret is wiped in any case.
    Check(flags & dmdax::DM_SECURE_DATA_FLAG ||
          before.substr(kVersionSize) == after.substr(kVersionSize));
    return;
  }
  if (cmd == dmdax::DM_VERSION_CMD || cmd == dmdax::DM_REMOVE_ALL_CMD ||
      cmd == dmdax::DM_DEV_SET_GEOMETRY_CMD) {
    return;  // nothing else comes back
  }
  uint32_t data_size;
  memcpy(&data_size, after.data() + L::kDataSize, sizeof(data_size));
  Check(data_size <= after.size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Reader in(data, size);
  const dmdax::Session session =
      dmdax::fuzz::FuzzMachine(dmdax::fuzz::ProfileNumber(in.U8()));
  dmdax::DmFile file(*session.ctl);
  for (int i = 0; i < 32 && !in.empty(); ++i) RunOne(*session.ctl, file, in);
  return 0;
}
