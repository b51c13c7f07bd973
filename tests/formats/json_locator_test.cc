// SPDX-License-Identifier: Apache-2.0
#include "formats/json_locator.h"

#include <gtest/gtest.h>

#include <string>

namespace dmdax {
namespace {

TEST(JsonPlaces, AsReadFromTheStart) {
  const std::string json =
      "{\"a\": [1,\n  {\"b\": [2, 3]}, \"x\"\n], \"c\": {\"d\":\n [\n4]}}";
  JsonPlaces places;
  for (const char* path :
       {"", "a", "a[0]", "a[1]", "a[1].b", "a[1].b[1]", "a[2]", "a[3]", "c",
        "c.d", "c.d[0]", "c.d[1]", "e", "e[0]", "a[x]"}) {
    const TextPosition slow = PositionOf(json, LocateJson(json, path));
    const TextPosition fast = places.Locate(json, path);
    EXPECT_EQ(fast.line, slow.line) << path;
    EXPECT_EQ(fast.column, slow.column) << path;
  }
}

}  // namespace
}  // namespace dmdax
