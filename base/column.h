// SPDX-License-Identifier: Apache-2.0
//
// Column: a growing array of plain values, for tables of millions of rows.
//
//   Column<uint64_t> lengths;
//   lengths.Reserve(1 << 20);           // memory that nobody has touched yet
//   lengths.push_back(8);
//   lengths.ShrinkToFit();
//
// Why not std::vector: new elements are not set to zero, so reserved memory
// costs nothing until it is used; large arrays lie in huge pages and shrink
// without a copy; and the memory that one table gives back serves the next
// (base/column_memory.h).
// Threading: as std::vector.
#ifndef DMDAX_BASE_COLUMN_H_
#define DMDAX_BASE_COLUMN_H_

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <type_traits>
#include <utility>

#include "base/column_memory.h"

namespace dmdax {

template <typename T>
class Column {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  Column() = default;
  Column(Column&& other) noexcept { *this = std::move(other); }
  Column& operator=(Column&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    std::swap(capacity_, other.capacity_);
    return *this;
  }
  ~Column() { ReallocColumn(data_, capacity_ * sizeof(T), 0); }

  size_t size() const { return size_; }
  size_t capacity() const { return capacity_; }
  bool empty() const { return size_ == 0; }
  T* data() { return data_; }
  const T* data() const { return data_; }
  T& operator[](size_t i) { return data_[i]; }
  const T& operator[](size_t i) const { return data_[i]; }
  const T* begin() const { return data_; }
  const T* end() const { return data_ + size_; }

  void Reserve(size_t n) {
    if (n > capacity_) SetCapacity(n);
  }
  // Elements that were not there before have any value.
  void Resize(size_t n) {
    Reserve(n);
    size_ = n;
  }
  void push_back(T value) {
    if (size_ == capacity_) SetCapacity(std::max<size_t>(16, 2 * size_));
    data_[size_++] = value;
  }
  void ShrinkToFit() {
    if (size_ < capacity_) SetCapacity(std::max<size_t>(1, size_));
  }

 private:
  void SetCapacity(size_t n) {
    if (n > ~size_t{0} / 2 / sizeof(T)) abort();
    data_ = static_cast<T*>(
        ReallocColumn(data_, capacity_ * sizeof(T), n * sizeof(T)));
    capacity_ = n;
  }

  T* data_ = nullptr;
  size_t size_ = 0;
  size_t capacity_ = 0;
};

}  // namespace dmdax

#endif  // DMDAX_BASE_COLUMN_H_
