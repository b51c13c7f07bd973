// SPDX-License-Identifier: Apache-2.0
//
// StreamWorld: a machine to be asked for pages, and descriptors in memory.
//
//   two    512 pages of pmem0 and pmem1 in pieces, then an error
//   pmem0  a bare disk
#ifndef DMDAX_TESTS_STREAM_STREAM_WORLD_H_
#define DMDAX_TESTS_STREAM_STREAM_WORLD_H_

#include <sys/mman.h>
#include <unistd.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "base/fd.h"
#include "base/read_input.h"
#include "gtest/gtest.h"
#include "state/session.h"
#include "state/world_load.h"
#include "tests/testing.h"
#include "tools/dax_query.h"
#include "tools/stream/page_stream.h"

namespace dmdax {

class StreamWorld : public testing::Test {
 protected:
  StreamWorld() {
    proto::World world;
    world.set_kernel("v6_1");
    for (int i : {0, 1}) {
      proto::Pmem* pmem = world.add_pmem();
      pmem->set_name(absl::StrCat("pmem", i));
      pmem->set_base(static_cast<uint64_t>(i + 1) << 32);
      pmem->set_size(16 << 20);
    }
    proto::MappedDevice* two = world.add_mapped_device();
    two->set_name("two");
    for (uint64_t i = 0; i < 64; ++i) {
      proto::Target* row = two->mutable_table()->add_target();
      row->set_start(i * 64);
      row->set_length(64);
      row->mutable_linear()->set_device(absl::StrCat("/dev/pmem", i % 2));
      row->mutable_linear()->set_start((i * 37 % 64) * 64);
    }
    proto::Target* zero = two->mutable_table()->add_target();
    zero->set_start(uint64_t{64} * 64);
    zero->set_length(64);
    zero->mutable_zero();
    absl::StatusOr<Session> loaded = LoadWorld(world);
    EXPECT_THAT(loaded, IsOk());
    session = *std::move(loaded);
  }

  DaxQuery Query(const char* device) {
    return *DaxQuery::Create(session, device);
  }

  Session session;
};

// A file in memory that has `bytes`, at its beginning.
inline Fd MemoryFile(absl::string_view bytes = "") {
  Fd fd(memfd_create("stream", MFD_CLOEXEC));
  EXPECT_EQ(write(fd.get(), bytes.data(), bytes.size()),
            static_cast<ssize_t>(bytes.size()));
  lseek(fd.get(), 0, SEEK_SET);
  return fd;
}

inline std::string AllOf(const Fd& fd) {
  lseek(fd.get(), 0, SEEK_SET);
  return *ReadFd(fd.get(), "memory");
}

}  // namespace dmdax

#endif  // DMDAX_TESTS_STREAM_STREAM_WORLD_H_
