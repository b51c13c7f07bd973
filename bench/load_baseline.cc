// SPDX-License-Identifier: Apache-2.0
#include "bench/load_baseline.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <utility>

namespace dmdax::bench {
namespace {

constexpr uint64_t kNoKey = ~uint64_t{0};
constexpr size_t kFirstRows = 16;

}  // namespace

LoadBaseline::~LoadBaseline() { Drop(); }

void LoadBaseline::Drop() {
  for (size_t i = 0; i < count_; ++i) free(rows_[i].context);
  free(rows_);
  free(highs_);
  rows_ = nullptr;
  highs_ = nullptr;
  count_ = capacity_ = 0;
  levels_.clear();
}

void LoadBaseline::AddDevice(std::string name, uint64_t sectors) {
  devices_.push_back({std::move(name), sectors});
}

bool LoadBaseline::Grow() {
  capacity_ = capacity_ == 0 ? kFirstRows : 2 * capacity_;
  rows_ = static_cast<Row*>(realloc(rows_, capacity_ * sizeof(Row)));
  highs_ =
      static_cast<uint64_t*>(realloc(highs_, capacity_ * sizeof(uint64_t)));
  return rows_ != nullptr && highs_ != nullptr;
}

bool LoadBaseline::AddLine(const char* line) {
  unsigned long long begin, len, start;
  char type[16], name[128];
  if (sscanf(line, "%llu %llu %15s %127s %llu", &begin, &len, type, name,
             &start) != 5) {
    return false;
  }
  if (strcmp(type, "linear") != 0 || len == 0) return false;
  if (begin != (count_ == 0 ? 0 : highs_[count_ - 1] + 1)) return false;
  const auto device =
      std::find_if(devices_.begin(), devices_.end(),
                   [&](const Device& d) { return d.name == name; });
  if (device == devices_.end() || start + len > device->sectors) return false;
  if (count_ == capacity_ && !Grow()) return false;
  auto* context = static_cast<Context*>(malloc(sizeof(Context)));
  *context = {static_cast<size_t>(device - devices_.begin()), start};
  Row& row = rows_[count_];
  memset(&row, 0, sizeof(row));
  row.begin = begin;
  row.len = len;
  row.context = context;
  highs_[count_++] = begin + len - 1;
  return true;
}

// A key of an inner node is the highest one below its child.
uint64_t LoadBaseline::Highest(size_t level, size_t node) const {
  for (; level > 0; --level) node = node * (kKeys + 1) + kKeys;
  return node < levels_[0].size() ? levels_[0][node].key[kKeys - 1] : kNoKey;
}

void LoadBaseline::BuildIndex() {
  std::vector<Node> leaves((count_ + kKeys - 1) / kKeys);
  for (size_t i = 0; i < leaves.size() * kKeys; ++i) {
    leaves[i / kKeys].key[i % kKeys] = i < count_ ? highs_[i] : kNoKey;
  }
  levels_.push_back(std::move(leaves));
  while (levels_.back().size() > 1) {
    const size_t level = levels_.size() - 1;
    std::vector<Node> top((levels_[level].size() + kKeys) / (kKeys + 1));
    for (size_t n = 0; n < top.size(); ++n) {
      for (size_t k = 0; k < kKeys; ++k) {
        top[n].key[k] = Highest(level, n * (kKeys + 1) + k);
      }
    }
    levels_.push_back(std::move(top));
  }
}

bool LoadBaseline::Load(std::string_view text) {
  Drop();
  char line[512];
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    if (end >= sizeof(line)) return false;
    memcpy(line, text.data(), end);
    line[end] = '\0';
    if (!AddLine(line)) return false;
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  if (count_ == 0) return false;
  BuildIndex();
  return true;
}

bool LoadBaseline::Find(uint64_t sector, Place* place) const {
  if (count_ == 0 || sector > highs_[count_ - 1]) return false;
  size_t node = 0, child = 0;
  for (size_t level = levels_.size(); level-- > 0;) {
    node = node * (kKeys + 1) + child;
    const Node& at = levels_[level][node];
    child = 0;
    while (child < kKeys && at.key[child] < sector) ++child;
  }
  const Row& row = rows_[node * kKeys + child];
  *place = {row.context->device, row.context->start + (sector - row.begin)};
  return true;
}

}  // namespace dmdax::bench
