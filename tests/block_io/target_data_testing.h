// SPDX-License-Identifier: Apache-2.0
//
// TargetDataTest: what targets do to data that passes them.
//
//   EXPECT_EQ(Write("d", 0, Random(4096)), 0);
//   EXPECT_EQ(Read("d", 0, 4096), ...);
//   Send("d", "drop_bio 1");
#ifndef DMDAX_TESTS_BLOCK_IO_TARGET_DATA_TESTING_H_
#define DMDAX_TESTS_BLOCK_IO_TARGET_DATA_TESTING_H_

#include <fcntl.h>

#include <memory>
#include <random>
#include <string>

#include "absl/strings/string_view.h"
#include "dm/io/block_file.h"
#include "tests/block_io/block_file_testing.h"

namespace dmdax {

class TargetDataTest : public OpensDevices {
 protected:
  std::string Read(absl::string_view name, uint64_t sector, size_t size) {
    std::string text(size, '?');
    absl::StatusOr<size_t> n =
        Open(name, O_RDONLY)->Read(sector * 512, absl::MakeSpan(text));
    return n.ok() ? text.substr(0, *n) : ErrnoName(ErrnoOf(n.status()));
  }
  // What fsync says of a write; of O_DIRECT, what the write says.
  int Write(absl::string_view name, uint64_t sector, const std::string& text,
            int flags = O_RDWR) {
    const auto file = Open(name, flags);
    absl::StatusOr<size_t> n =
        file->Write(sector * 512, absl::MakeConstSpan(text));
    if (!n.ok()) return ErrnoOf(n.status());
    EXPECT_EQ(*n, text.size());
    return ErrnoOf(file->Fsync());
  }
  std::string Random(size_t size) {
    std::string bytes(size, '\0');
    for (char& c : bytes) c = static_cast<char>(random_());
    return bytes;
  }
  std::string Send(const std::string& name, const std::string& message) {
    DmIoctl io{.name = name};
    std::string reply;
    const absl::Status s = ctl().TargetMsg(io, sector_t{0}, message, &reply);
    return s.ok() ? reply : ErrnoName(ErrnoOf(s));
  }
  void Advance(const std::string& name, int64_t seconds) {
    machine().AdvanceClock(seconds);
    (void)Table(name, 0);
  }
  std::mt19937_64 random_{1};
};

}  // namespace dmdax

#endif  // DMDAX_TESTS_BLOCK_IO_TARGET_DATA_TESTING_H_
