// SPDX-License-Identifier: Apache-2.0
//
// verity, held against known answers of each hash that it may be told.
#include "absl/strings/match.h"
#include "tests/block_io/target_data_testing.h"

namespace dmdax {
namespace {

// The hash of one block, which is the root itself, by openssl(1), Python's
// hashlib and zlib, and the kernel.
struct Known {
  const char* hash;
  const char* digest;
};

TEST_F(TargetDataTest, VerityComputesTheHashesOfTheKernel) {
  constexpr Known kKnown[] = {
      {"crc32", "9cb12a79"},
      {"crc32c", "792cc026"},
      {"crct10dif", "110e"},
      {"xxhash64", "dc7f1df499202bc9"},
      {"blake2b-160", "a85d84c7fdfad7c2a15238f0343ef9aef160ba36"},
      {"blake2b-256",
       "a51418fac607682c67e748f3f0c9aa2f3faa28693e1d9b536324d8054e512159"},
      {"blake2b-384",
       "33763c7502fc25300a57d4d119daa97c3b925a577cde0c6b3de25a6d8704926c2e1e2e2"
       "863d653e07b9a62072a5cca22"},
      {"blake2b-512",
       "1e507e5e7fde64c2f9fb7e8bce3ab1dca7eec344defe90757557dcb4ae586a954ecfd7f"
       "f7727b02ea31f9f93002164a2fd0ecf6a393f7682a822577febd393e6"},
      {"md5", "5c1f90d7ee69e567c6a50ad841bb41a8"},
      {"sm3",
       "a11016a28671c784c6d6654efa55d942af765a7d0b7619160157ac4bb56d9b62"},
      {"sha3-256",
       "253f689dffaa8ccc018150b20fdd7ab02249adb8df16f0809e843ab9351775a3"},
      {"md4", "8c415d3a356d9c8d772a639a350c5206"},
      {"rmd160", "24cd35a58dec8321cb83eed4bacc933865cc9a15"},
      {"wp512",
       "f105e141a81aa3a1d8be01f4e895c66b9ba94f5ef0f514b0769ea2ef2309847abd0780c"
       "a8fa0446cc9a89251a9e02636cdaf2ee1819c92c140f7f26e475595f3"},
      {"wp384",
       "f105e141a81aa3a1d8be01f4e895c66b9ba94f5ef0f514b0769ea2ef2309847abd0780c"
       "a8fa0446cc9a89251a9e02636"},
      {"wp256",
       "f105e141a81aa3a1d8be01f4e895c66b9ba94f5ef0f514b0769ea2ef2309847a"},
  };
  ASSERT_EQ(Write("sda", 0, std::string(4096, 'x')), 0);
  for (const Known& known : kKnown) {
    const auto read = [&](const std::string& root) {
      if (ctl().FindDevice("v") == nullptr) {
        EXPECT_THAT(New("v"), IsOk());
      }
      EXPECT_THAT(Load("v",
                       {Row(0, 8, "verity",
                            absl::StrCat("1 /dev/sda /dev/sdb 4096 4096 1 1 ",
                                         known.hash, " ", root,
                                         " 0123456789abcdef012345"))},
                       DM_READONLY_FLAG),
                  IsOk())
          << known.hash;
      EXPECT_THAT(Resume("v"), IsOk());
      return Read("v", 0, 4096);
    };
    const std::string read_back = read(known.digest);
    // Old hashes are in a part of libcrypto that may be absent.
    const bool absent =
        read_back == "EOPNOTSUPP" &&
        absl::StrContains("md4 rmd160 wp512 wp384 wp256", known.hash);
    EXPECT_TRUE(absent || read_back == std::string(4096, 'x')) << known.hash;
    std::string other = known.digest;
    other[0] = other[0] == '0' ? '1' : '0';
    EXPECT_EQ(read(other), absent ? "EOPNOTSUPP" : "EIO") << known.hash;
  }
}

}  // namespace
}  // namespace dmdax
