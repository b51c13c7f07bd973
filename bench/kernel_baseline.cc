// SPDX-License-Identifier: Apache-2.0
#include "bench/kernel_baseline.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <deque>
#include <limits>

namespace dmdax::bench {

using DirectAccessFn = long (*)(BaselineDax* dev, uint64_t pgoff, long nr_pages,
                                void** kaddr, uint64_t* pfn);

// The joint: `direct_access` is the first of a level's two indirect calls.
struct BaselineDax {
  DirectAccessFn direct_access = nullptr;
  std::atomic<unsigned long> flags{1};  // bit 0: alive
  void* owner = nullptr;                // the Mapped or the Pmem behind it
};

namespace {

constexpr int kKeys = 8;
constexpr int kChildren = kKeys + 1;
constexpr uint64_t kNoKey = std::numeric_limits<uint64_t>::max();
constexpr uint64_t kSectorsPerPage = 8;
constexpr int kPageBits = 12;

// --- the read side ---

// smp_mb().
inline void FullBarrier() {
#ifdef __SANITIZE_THREAD__
  // The thread sanitizer knows no fences; times do not matter under it.
  static std::atomic<int> word{0};
  word.fetch_add(0, std::memory_order_seq_cst);
#else
  std::atomic_thread_fence(std::memory_order_seq_cst);
#endif
}

// Counters per thread stand for the kernel's per CPU: both are private lines
// that no other CPU writes.
class SrcuLike {
 public:
  int Lock() {
    const int index = index_.load(std::memory_order_relaxed) & 1;
    Count(Mine().locked[index]);
    FullBarrier();
    return index;
  }
  void Unlock(int index) {
    FullBarrier();
    Count(Mine().unlocked[index]);
  }

 private:
  static constexpr unsigned kSlots = 16;
  struct alignas(64) Slot {
    std::array<std::atomic<uint64_t>, 2> locked{}, unlocked{};
  };
  // No atomic addition: the kernel's is a plain one on its own CPU.
  static void Count(std::atomic<uint64_t>& counter) {
    counter.store(counter.load(std::memory_order_relaxed) + 1,
                  std::memory_order_relaxed);
  }
  Slot& Mine() {
    static std::atomic<unsigned> next{0};
    thread_local const unsigned slot = next.fetch_add(1) % kSlots;
    return slots_[slot];
  }

  std::atomic<int> index_{0};
  std::array<Slot, kSlots> slots_;
};

// --- the index ---

struct alignas(64) Node {
  std::array<uint64_t, kKeys> key;
};
static_assert(sizeof(Node) == 64);

// Finds the first of ascending keys that is not below a given one.
class BTree {
 public:
  explicit BTree(const std::vector<uint64_t>& keys) {
    std::vector<Node> leaves((keys.size() + kKeys - 1) / kKeys);
    for (size_t i = 0; i < leaves.size() * kKeys; ++i) {
      leaves[i / kKeys].key[i % kKeys] = i < keys.size() ? keys[i] : kNoKey;
    }
    levels_.push_front(std::move(leaves));
    while (levels_.front().size() > 1) AddLevelOnTop();
    for (const std::vector<Node>& level : levels_) {
      nodes_.push_back(level.data());
    }
  }

  // `key` must not exceed the last key.
  size_t Find(uint64_t key) const {
    size_t node = 0;
    size_t child = 0;
    for (const Node* level : nodes_) {
      node = node * kChildren + child;
      const Node& at = level[node];
      child = 0;
      while (child < kKeys && at.key[child] < key) ++child;
    }
    return node * kKeys + child;
  }

 private:
  // A key of an inner node is the highest one below its child: a child's own
  // last key bounds all its children but the last, hence the chain.
  uint64_t Highest(size_t level, size_t node) const {
    for (; level + 1 < levels_.size(); ++level) {
      node = node * kChildren + kKeys;
    }
    return node < levels_.back().size() ? levels_.back()[node].key[kKeys - 1]
                                        : kNoKey;
  }

  void AddLevelOnTop() {
    const size_t below = levels_.front().size();
    std::vector<Node> top((below + kChildren - 1) / kChildren);
    for (size_t n = 0; n < top.size(); ++n) {
      for (size_t k = 0; k < kKeys; ++k) {
        top[n].key[k] = Highest(0, n * kChildren + k);
      }
    }
    levels_.push_front(std::move(top));
  }

  std::deque<std::vector<Node>> levels_;  // root first
  std::vector<const Node*> nodes_;        // the same, for the search
};

// --- rows and devices ---

struct Block {
  uint64_t start_sector = 0;  // of a partition; 0 here
};

// What a row's context leads to.
struct DeviceHandle {
  Block* block;
  BaselineDax* dax;
};

struct LinearContext {
  DeviceHandle* device;
  uint64_t start;
};

struct StripeContext {
  uint32_t chunk;   // sectors
  int chunk_shift;  // -1: no power of two
  int count_shift;  // likewise
  std::vector<LinearContext> legs;
};

struct Row;

struct RowType {
  // The second indirect call.
  long (*direct_access)(const Row& row, uint64_t pgoff, long nr_pages,
                        void** kaddr, uint64_t* pfn);
};

// The fields that translation reads, at the size of the kernel's row.
struct Row {
  const RowType* type;
  uint64_t begin;
  uint64_t len;
  uint32_t max_io_len;
  uint32_t unused_counts[9];
  const void* context;
  void* unused_pointer;
};
static_assert(sizeof(Row) == 80);

struct Table {
  explicit Table(const std::vector<uint64_t>& highs)
      : index(highs), size(highs.back() + 1) {}

  // What rows point at, each allocated on its own.
  std::vector<std::unique_ptr<LinearContext>> linear;
  std::vector<std::unique_ptr<StripeContext>> striped;
  std::vector<Row> rows;
  BTree index;
  uint64_t size;  // sectors
};

struct Mapped {
  std::atomic<Table*> live{nullptr};
  std::unique_ptr<Table> table;
  SrcuLike srcu;
  uint32_t max_sectors = 2560;  // until somebody says otherwise
  Block block;
  BaselineDax dax;
  std::deque<DeviceHandle> handles;
};

struct Pmem {
  uint64_t base;
  uint64_t size;
  char* virt;
  int bad_blocks;
  Block block;
  BaselineDax dax;
};

long LinearDirectAccess(const Row& row, uint64_t pgoff, long nr_pages,
                        void** kaddr, uint64_t* pfn) {
  const auto& c = *static_cast<const LinearContext*>(row.context);
  const uint64_t sector = c.start + (pgoff * kSectorsPerPage - row.begin);
  const uint64_t below =
      (c.device->block->start_sector + sector) / kSectorsPerPage;
  return BaselineDirectAccess(c.device->dax, below, nr_pages, kaddr, pfn);
}

constexpr RowType kLinear = {LinearDirectAccess};

// Chunks are dealt out to the legs in turn: shifts for powers of two, else
// the processor's division.
long StripeDirectAccess(const Row& row, uint64_t pgoff, long nr_pages,
                        void** kaddr, uint64_t* pfn) {
  const auto& c = *static_cast<const StripeContext*>(row.context);
  const uint64_t offset = pgoff * kSectorsPerPage - row.begin;
  uint64_t chunk, rest;
  if (c.chunk_shift >= 0) {
    chunk = offset >> c.chunk_shift;
    rest = offset & (c.chunk - 1);
  } else {
    chunk = offset / c.chunk;
    rest = offset % c.chunk;
  }
  uint64_t leg;
  if (c.count_shift >= 0) {
    leg = chunk & (c.legs.size() - 1);
    chunk >>= c.count_shift;
  } else {
    leg = chunk % c.legs.size();
    chunk /= c.legs.size();
  }
  chunk = c.chunk_shift >= 0 ? chunk << c.chunk_shift : chunk * c.chunk;
  const LinearContext& to = c.legs[leg];
  const uint64_t below =
      (to.device->block->start_sector + to.start + chunk + rest) /
      kSectorsPerPage;
  return BaselineDirectAccess(to.device->dax, below, nr_pages, kaddr, pfn);
}

constexpr RowType kStriped = {StripeDirectAccess};

// How many sectors from `sector` on the row answers at once.
uint64_t RowSectors(const Mapped& md, const Row& row, uint64_t sector) {
  const uint64_t offset = sector - row.begin;
  const uint64_t to_end = row.len - offset;
  if (row.max_io_len == 0) return to_end;
  const uint64_t to_chunk_end = row.max_io_len - offset % row.max_io_len;
  return std::min<uint64_t>({to_end, to_chunk_end, md.max_sectors});
}

long TableDirectAccess(const Mapped& md, uint64_t pgoff, long nr_pages,
                       void** kaddr, uint64_t* pfn) {
  const Table* table = md.live.load(std::memory_order_acquire);
  const uint64_t sector = pgoff * kSectorsPerPage;
  if (table == nullptr || sector >= table->size) return -EIO;
  const Row& row = table->rows[table->index.Find(sector)];
  const long pages =
      static_cast<long>(RowSectors(md, row, sector) / kSectorsPerPage);
  if (pages < 1) return -EIO;
  return row.type->direct_access(row, pgoff, std::min(pages, nr_pages), kaddr,
                                 pfn);
}

template <ReadSide kReadSide>
long MappedDirectAccess(BaselineDax* dev, uint64_t pgoff, long nr_pages,
                        void** kaddr, uint64_t* pfn) {
  Mapped& md = *static_cast<Mapped*>(dev->owner);
  if constexpr (kReadSide == ReadSide::kNone) {
    return TableDirectAccess(md, pgoff, nr_pages, kaddr, pfn);
  } else {
    const int section = md.srcu.Lock();
    const long pages = TableDirectAccess(md, pgoff, nr_pages, kaddr, pfn);
    md.srcu.Unlock(section);
    return pages;
  }
}

long PmemDirectAccess(BaselineDax* dev, uint64_t pgoff, long nr_pages,
                      void** kaddr, uint64_t* pfn) {
  const Pmem& pmem = *static_cast<Pmem*>(dev->owner);
  const uint64_t offset = pgoff << kPageBits;
  if (kaddr != nullptr) *kaddr = pmem.virt + offset;
  if (pfn != nullptr) *pfn = (pmem.base + offset) >> kPageBits;
  if (pmem.bad_blocks != 0) return nr_pages;
  return static_cast<long>((pmem.size - offset) >> kPageBits);
}

}  // namespace

long BaselineDirectAccess(BaselineDax* dev, uint64_t pgoff, long nr_pages,
                          void** kaddr, uint64_t* pfn) {
  if (dev == nullptr) return -EOPNOTSUPP;
  if ((dev->flags.load(std::memory_order_relaxed) & 1) == 0) return -ENXIO;
  if (nr_pages < 0) return -EINVAL;
  const long pages = dev->direct_access(dev, pgoff, nr_pages, kaddr, pfn);
  if (pages == 0) return -ERANGE;
  return std::min(pages, nr_pages);
}

struct KernelBaseline::Devices {
  std::deque<Pmem> pmems;
  std::deque<Mapped> mapped;
};

KernelBaseline::KernelBaseline(ReadSide read_side)
    : read_side_(read_side), devices_(std::make_unique<Devices>()) {}

KernelBaseline::~KernelBaseline() = default;

BaselineDax* KernelBaseline::AddPmem(uint64_t base, uint64_t size) {
  Pmem& pmem = devices_->pmems.emplace_back();
  pmem.base = base;
  pmem.size = size;
  pmem.dax.owner = &pmem;
  pmem.dax.direct_access = PmemDirectAccess;
  return &pmem.dax;
}

namespace {

DeviceHandle* HandleOf(Mapped& md, BaselineDax* device) {
  const auto handle =
      std::find_if(md.handles.begin(), md.handles.end(),
                   [&](const DeviceHandle& h) { return h.dax == device; });
  if (handle != md.handles.end()) return &*handle;
  md.handles.push_back({&md.block, device});
  return &md.handles.back();
}

int ShiftOf(uint64_t n) { return (n & (n - 1)) == 0 ? __builtin_ctzll(n) : -1; }

}  // namespace

BaselineDax* KernelBaseline::Publish(void* device) {
  Mapped& md = *static_cast<Mapped*>(device);
  md.live.store(md.table.get(), std::memory_order_release);
  md.dax.owner = &md;
  md.dax.direct_access = read_side_ == ReadSide::kSrcu
                             ? MappedDirectAccess<ReadSide::kSrcu>
                             : MappedDirectAccess<ReadSide::kNone>;
  return &md.dax;
}

BaselineDax* KernelBaseline::AddMapped(const std::vector<BaselineRow>& rows) {
  Mapped& md = devices_->mapped.emplace_back();
  std::vector<uint64_t> highs;
  for (const BaselineRow& row : rows) highs.push_back(row.begin + row.len - 1);
  md.table = std::make_unique<Table>(highs);
  for (const BaselineRow& row : rows) {
    md.table->linear.push_back(std::make_unique<LinearContext>(
        LinearContext{HandleOf(md, row.device), row.start}));
    md.table->rows.push_back(Row{.type = &kLinear,
                                 .begin = row.begin,
                                 .len = row.len,
                                 .context = md.table->linear.back().get()});
  }
  return Publish(&md);
}

BaselineDax* KernelBaseline::AddStriped(uint64_t len, uint32_t chunk,
                                        const std::vector<BaselineLeg>& legs,
                                        uint32_t max_sectors) {
  Mapped& md = devices_->mapped.emplace_back();
  md.max_sectors = max_sectors;
  md.table = std::make_unique<Table>(std::vector<uint64_t>{len - 1});
  auto context = std::make_unique<StripeContext>();
  context->chunk = chunk;
  context->chunk_shift = ShiftOf(chunk);
  context->count_shift = ShiftOf(legs.size());
  for (const BaselineLeg& leg : legs) {
    context->legs.push_back({HandleOf(md, leg.device), leg.start});
  }
  md.table->rows.push_back(Row{.type = &kStriped,
                               .len = len,
                               .max_io_len = chunk,
                               .context = context.get()});
  md.table->striped.push_back(std::move(context));
  return Publish(&md);
}

}  // namespace dmdax::bench
