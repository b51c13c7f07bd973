// SPDX-License-Identifier: Apache-2.0
//
// DeviceCache: numbers for the device names of a table's text.
//
//   DeviceCache devices;
//   uint32_t id;
//   if (devices.Find(word, &id)) Use(devices.names()[id]);   // == word
//
// A table of a million rows has few names.  They are told apart by their last
// 16 bytes in a direct-mapped cache, which costs a tenth of hashing a string
// and asking a map (the benchmark family `load:N`, measure `parse`).  Behind
// the cache is a map that knows all.
//
// A name that is no single plain word for DmSplitArgs(), or in which dmsetup
// would see a comment, is not found.  Threading: none.
#ifndef DMDAX_FORMATS_DEVICE_CACHE_H_
#define DMDAX_FORMATS_DEVICE_CACHE_H_

#include <array>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"

namespace dmdax {

class DeviceCache {
 public:
  // `word` is not empty and 16 bytes or more in front of its end are readable;
  // Intern() takes others too.
  bool Find(absl::string_view word, uint32_t* id) {
    Key key = KeyOf(word);
    Slot& slot = slots_[key.Hash()];
    if (slot.key == key && (key.size <= 16 || names_[slot.id] == word))
        [[likely]] {
      *id = slot.id;
      return true;
    }
    if (!Intern(word, id)) return false;
    slot = {key, *id};
    return true;
  }

  bool Intern(absl::string_view word, uint32_t* id);

  std::vector<std::string>& names() { return names_; }

 private:
  struct Key {
    uint64_t low = 0, high = 0;  // the last 16 bytes
    size_t size = 0;             // of all of the word
    bool operator==(const Key&) const = default;
    size_t Hash() const {
      return ((low * 0x9e3779b97f4a7c15 ^ high) * 0xff51afd7ed558ccd) >> 56;
    }
  };
  struct Slot {
    Key key;  // of size 0: nobody's
    uint32_t id = 0;
  };

  static Key KeyOf(absl::string_view word) {
    Key key{.size = word.size()};
    memcpy(&key.low, word.data() + word.size() - 16, 8);
    memcpy(&key.high, word.data() + word.size() - 8, 8);
    // Bytes in front of a short word are not its own.
    if (key.size < 8) {
      key.low = 0;
      key.high &= ~uint64_t{0} << (64 - 8 * key.size);
    } else if (key.size < 16) {
      key.low &= key.size == 8 ? 0 : ~uint64_t{0} << (128 - 8 * key.size);
    }
    return key;
  }

  std::array<Slot, 256> slots_;
  absl::flat_hash_map<std::string, uint32_t> ids_;
  std::vector<std::string> names_;
};

}  // namespace dmdax

#endif  // DMDAX_FORMATS_DEVICE_CACHE_H_
