// SPDX-License-Identifier: Apache-2.0
//
// Every registered target: the first bytes pick the kernel, the type and the
// length of the row; the rest, line by line, is its parameters and messages.
// What the constructor accepts goes live and is asked everything.
#include <string>
#include <vector>

#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "dm/bio_map.h"
#include "dm/device_mapper.h"
#include "dm/mapped_device.h"
#include "tests/fuzz/fuzz_machine.h"
#include "tests/fuzz/mutator.h"
#include "tests/fuzz/reader.h"

namespace {

using dmdax::DmCtl;
using dmdax::DmIoctl;
using dmdax::sector_t;

void AskStatus(DmCtl& ctl) {
  for (uint32_t flags : {0u, uint32_t{dmdax::DM_STATUS_TABLE_FLAG},
                         uint32_t{dmdax::DM_IMA_MEASUREMENT_FLAG}}) {
    DmIoctl io{.flags = flags, .name = "d0"};
    std::vector<dmdax::DmTargetSpec> rows;
    dmdax::fuzz::Check(ctl.TableStatus(io, &rows).ok() && rows.size() == 1);
  }
}

void AskSectors(dmdax::MappedDevice& md, uint64_t length) {
  std::vector<char> sector(dmdax::kSectorSize);
  for (uint64_t s : {uint64_t{0}, uint64_t{7}, length / 2, length - 1}) {
    for (dmdax::ReqOp op :
         {dmdax::ReqOp::kRead, dmdax::ReqOp::kReadAhead, dmdax::ReqOp::kWrite,
          dmdax::ReqOp::kFlush, dmdax::ReqOp::kDiscard,
          dmdax::ReqOp::kWriteZeroes}) {
      (void)RouteBio(md.disk(), sector_t(s), op);
    }
    (void)BioWrite(md.disk(), sector_t(s), sector);
    (void)BioRead(md.disk(), sector_t(s), absl::MakeSpan(sector));
  }
}

void AskDax(dmdax::MappedDevice& md, uint64_t length) {
  dmdax::DaxDevice* dax = &md.dax_dev();
  for (uint64_t page : {uint64_t{0}, length / 16, length / 8, length}) {
    (void)DaxTranslate(*dax, dmdax::pgoff_t(page), 512);
    (void)DaxZeroPageRange(dax, dmdax::pgoff_t(page), 1);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  dmdax::fuzz::Reader in(data, size);
  const dmdax::KernelProfile& profile = dmdax::fuzz::ProfileNumber(in.U8());
  const dmdax::Session session = dmdax::fuzz::FuzzMachine(profile);
  DmCtl& ctl = *session.ctl;
  const auto types = dmdax::KnownTargetTypes(profile);
  const std::string type(types[in.U8() % types.size()]->name);
  const uint64_t length = uint64_t{in.U8()} + 1;
  const uint64_t sectors = in.U8() & 1 ? length * 32 : length;
  const std::vector<std::string> lines = absl::StrSplit(in.Rest(), '\n');
  DmIoctl create{.name = "d0"};
  dmdax::fuzz::Check(ctl.DevCreate(create).ok());
  // Read-only tables are another way through some constructors.
  DmIoctl load{.flags = size % 2 ? dmdax::DM_READONLY_FLAG : 0u, .name = "d0"};
  const dmdax::DmTargetSpec row{sector_t{0}, sectors, type, lines[0]};
  if (!ctl.TableLoad(load, {row}).ok()) return 0;
  DmIoctl resume{.name = "d0"};
  if (!ctl.DevSuspend(resume).ok()) return 0;
  ++dmdax::fuzz::accepted;
  AskStatus(ctl);
  for (size_t i = 1; i < lines.size() && i < 16; ++i) {
    DmIoctl message{.name = "d0"};
    std::string reply;
    (void)ctl.TargetMsg(message, sector_t{0}, lines[i], &reply);
  }
  const auto md = ctl.FindDevice("d0");
  AskSectors(*md, sectors);
  AskDax(*md, sectors);
  AskStatus(ctl);
  return 0;
}

// The first four bytes stay bytes; parameters and messages are words, those of
// the targets' own examples among them.
extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size,
                                          size_t max_size, unsigned seed) {
  constexpr size_t kHead = 4;
  dmdax::fuzz::Mutator mutator(seed);
  if (size < kHead || mutator.OneIn(16)) {
    return LLVMFuzzerMutate(data, size, max_size);
  }
  std::string head(reinterpret_cast<char*>(data), kHead);
  const auto types = dmdax::KnownTargetTypes(
      dmdax::fuzz::ProfileNumber(static_cast<uint8_t>(head[0])));
  std::vector<std::string> lines = absl::StrSplit(
      std::string(reinterpret_cast<char*>(data) + kHead, size - kHead), '\n');
  if (mutator.OneIn(8)) {
    // A target that its parameters suit, or do not.
    const size_t type = mutator.Below(types.size());
    head[1] = static_cast<char>(type);
    if (!mutator.OneIn(4)) lines[0] = std::string(types[type]->example.params);
  }
  if (mutator.OneIn(8)) head[2 + mutator.Below(2)] ^= 1 << mutator.Below(8);
  std::vector<std::string> pool = {"/dev/pmem0", "/dev/loop0", "259:0", "0",
                                   "1",          "8",          "-"};
  for (const dmdax::TargetType* type : types) {
    for (absl::string_view word :
         absl::StrSplit(type->example.params, ' ', absl::SkipEmpty())) {
      pool.emplace_back(word);
    }
  }
  std::string& line = lines[mutator.Below(lines.size())];
  std::vector<std::string> words = absl::StrSplit(line, ' ');
  do {
    mutator.Mutate(words, pool);
  } while (mutator.OneIn(3));
  line = absl::StrJoin(words, " ");
  return dmdax::fuzz::PutMutated(head + absl::StrJoin(lines, "\n"), data, size,
                                 max_size);
}
