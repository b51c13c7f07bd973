// SPDX-License-Identifier: Apache-2.0
#include "tests/fuzz/mutator.h"

#include <google/protobuf/descriptor.h>

#include <algorithm>
#include <cstring>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace dmdax::fuzz {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

// What a person may write; a snapshot's own fields are its own affair.
bool IsForPeople(const FieldDescriptor& field) {
  return !field.is_map() && field.name() != "runtime";
}

uint64_t NumberOf(const Message& m, const FieldDescriptor* f) {
  const Reflection& r = *m.GetReflection();
  switch (f->cpp_type()) {
    case FieldDescriptor::CPPTYPE_UINT64:
      return r.GetUInt64(m, f);
    case FieldDescriptor::CPPTYPE_UINT32:
      return r.GetUInt32(m, f);
    case FieldDescriptor::CPPTYPE_INT64:
      return static_cast<uint64_t>(r.GetInt64(m, f));
    case FieldDescriptor::CPPTYPE_INT32:
      return static_cast<uint64_t>(r.GetInt32(m, f));
    default:
      return 0;
  }
}

// A copy of an element is refused if it has the same name or place.
void MakeDifferent(Message& m, size_t number) {
  const Reflection& r = *m.GetReflection();
  for (const char* name : {"name", "path", "uuid"}) {
    const FieldDescriptor* const f = m.GetDescriptor()->FindFieldByName(name);
    if (f == nullptr || !r.HasField(m, f)) continue;
    r.SetString(&m, f, absl::StrCat(r.GetString(m, f), number % 10));
  }
  for (const char* name : {"base", "address", "logical", "physical"}) {
    const FieldDescriptor* const f = m.GetDescriptor()->FindFieldByName(name);
    if (f == nullptr || f->cpp_type() != FieldDescriptor::CPPTYPE_UINT64 ||
        f->is_repeated()) {
      continue;
    }
    r.SetUInt64(&m, f, NumberOf(m, f) + (uint64_t{number % 16 + 1} << 24));
  }
  for (const char* name : {"dev", "minor", "pid"}) {
    const FieldDescriptor* const f = m.GetDescriptor()->FindFieldByName(name);
    if (f != nullptr) r.ClearField(&m, f);
  }
}

}  // namespace

uint64_t Mutator::Number(uint64_t from) {
  constexpr uint64_t kOdd[] = {0, 1, 7, 256, 257, 0xffffffff, ~uint64_t{0}};
  constexpr uint64_t kSteps[] = {1, 8, 512, 4096, 2 << 20};
  if (!numbers_.empty() && OneIn(3)) return numbers_[Below(numbers_.size())];
  switch (Below(8)) {
    case 0:
      return kOdd[Below(std::size(kOdd))];
    case 1:
      return uint64_t{1} << Below(64);
    case 2:
      return from ^ uint64_t { 1 } << Below(64);
    case 3:
      return from * 2;
    case 4:
      return from / 2;
    case 5:
      return from - kSteps[Below(std::size(kSteps))];
    default:
      return from + kSteps[Below(std::size(kSteps))];
  }
}

std::string Mutator::Text(const std::string& from) {
  static constexpr const char* kTexts[] = {
      "/dev/pmem0", "/dev/mapper/d0", "259:0", "d0",  "pmem0", "error",
      "8:0",        "/mnt/f",         "/",     "6.1", "",      "shared"};
  if (!texts_.empty() && !OneIn(3)) return texts_[Below(texts_.size())];
  if (OneIn(2)) return kTexts[Below(std::size(kTexts))];
  std::string text = from;
  if (text.empty() || OneIn(3)) {
    text.insert(Below(text.size() + 1), 1, static_cast<char>(Below(128)));
  } else if (OneIn(2)) {
    text.erase(Below(text.size()), 1);
  } else {
    text += text;
  }
  return text;
}

void Mutator::Collect(Message& message) {
  const auto& descriptor = *message.GetDescriptor();
  const Reflection& r = *message.GetReflection();
  for (int i = 0; i < descriptor.field_count(); ++i) {
    const FieldDescriptor* const f = descriptor.field(i);
    if (!IsForPeople(*f)) continue;
    const bool set =
        f->is_repeated() ? r.FieldSize(message, f) > 0 : r.HasField(message, f);
    (set ? set_ : unset_).push_back({&message, f});
    if (!set) continue;
    if (f->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
      if (!f->is_repeated()) Collect(*r.MutableMessage(&message, f));
      for (int k = 0; f->is_repeated() && k < r.FieldSize(message, f); ++k) {
        Collect(*r.MutableRepeatedMessage(&message, f, k));
      }
    } else if (f->is_repeated()) {
      continue;
    } else if (f->cpp_type() == FieldDescriptor::CPPTYPE_STRING) {
      texts_.push_back(r.GetString(message, f));
    } else {
      numbers_.push_back(NumberOf(message, f));
    }
  }
}

void Mutator::MutateSingular(const Site& site) {
  Message& m = *site.message;
  const FieldDescriptor* const f = site.field;
  const Reflection& r = *m.GetReflection();
  if (r.HasField(m, f) && OneIn(8)) return r.ClearField(&m, f);
  const uint64_t number = Number(NumberOf(m, f));
  switch (f->cpp_type()) {
    case FieldDescriptor::CPPTYPE_UINT64:
      return r.SetUInt64(&m, f, number);
    case FieldDescriptor::CPPTYPE_UINT32:
      return r.SetUInt32(&m, f, static_cast<uint32_t>(number));
    case FieldDescriptor::CPPTYPE_INT64:
      return r.SetInt64(&m, f, static_cast<int64_t>(number));
    case FieldDescriptor::CPPTYPE_INT32:
      return r.SetInt32(&m, f, static_cast<int32_t>(number));
    case FieldDescriptor::CPPTYPE_BOOL:
      return r.SetBool(&m, f, !r.GetBool(m, f));
    case FieldDescriptor::CPPTYPE_ENUM:
      return r.SetEnumValue(
          &m, f,
          f->enum_type()
              ->value(static_cast<int>(
                  Below(static_cast<size_t>(f->enum_type()->value_count()))))
              ->number());
    case FieldDescriptor::CPPTYPE_STRING:
      return r.SetString(&m, f, Text(r.GetString(m, f)));
    case FieldDescriptor::CPPTYPE_MESSAGE:
      r.MutableMessage(&m, f);
      return;
    default:
      return;
  }
}

void Mutator::MutateRepeated(const Site& site) {
  Message& m = *site.message;
  const FieldDescriptor* const f = site.field;
  const Reflection& r = *m.GetReflection();
  const int n = r.FieldSize(m, f);
  const int k = n == 0 ? 0 : static_cast<int>(Below(static_cast<size_t>(n)));
  if (n > 0 && OneIn(4)) {
    for (int i = k; i + 1 < n; ++i) r.SwapElements(&m, f, i, i + 1);
    return r.RemoveLast(&m, f);
  }
  if (n > 1 && OneIn(3)) return r.SwapElements(&m, f, k, n - 1);
  switch (f->cpp_type()) {
    case FieldDescriptor::CPPTYPE_MESSAGE: {
      Message* const added = r.AddMessage(&m, f);
      if (n > 0) added->CopyFrom(r.GetRepeatedMessage(m, f, k));
      if (!OneIn(4)) MakeDifferent(*added, random_());
      return;
    }
    case FieldDescriptor::CPPTYPE_STRING:
      return r.AddString(&m, f, Text(""));
    case FieldDescriptor::CPPTYPE_UINT64:
      return n > 0 && OneIn(2)
                 ? r.SetRepeatedUInt64(&m, f, k,
                                       Number(r.GetRepeatedUInt64(m, f, k)))
                 : r.AddUInt64(&m, f, Number(8));
    case FieldDescriptor::CPPTYPE_UINT32:
      return r.AddUInt32(&m, f, static_cast<uint32_t>(Number(8)));
    default:
      return;
  }
}

void Mutator::Mutate(Message& message) {
  set_.clear();
  unset_.clear();
  texts_.clear();
  numbers_.clear();
  Collect(message);
  const bool known = unset_.empty() || (!set_.empty() && !OneIn(5));
  const std::vector<Site>& sites = known ? set_ : unset_;
  if (sites.empty()) return;
  const Site site = sites[Below(sites.size())];
  site.field->is_repeated() ? MutateRepeated(site) : MutateSingular(site);
}

void Mutator::Mutate(std::vector<std::string>& words,
                     absl::Span<const std::string> pool) {
  if (words.empty() || OneIn(6)) {
    words.insert(
        words.begin() + static_cast<ptrdiff_t>(Below(words.size() + 1)),
        pool[Below(pool.size())]);
    return;
  }
  const size_t at = Below(words.size());
  uint64_t number;
  if (absl::SimpleAtoi(words[at], &number) && !OneIn(8)) {
    words[at] = absl::StrCat(Number(number));
  } else if (OneIn(6)) {
    words.erase(words.begin() + static_cast<ptrdiff_t>(at));
  } else if (OneIn(5)) {
    std::swap(words[at], words[Below(words.size())]);
  } else if (OneIn(8)) {
    words[at] = Text(words[at]);
  } else {
    words[at] = pool[Below(pool.size())];
  }
}

size_t PutMutated(const std::string& bytes, uint8_t* data, size_t size,
                  size_t max_size) {
  if (bytes.empty() || bytes.size() > max_size) {
    return LLVMFuzzerMutate(data, size, max_size);
  }
  memcpy(data, bytes.data(), bytes.size());
  return bytes.size();
}

uint64_t accepted = 0;

}  // namespace dmdax::fuzz

extern "C" uint64_t DmdaxFuzzAccepted() { return dmdax::fuzz::accepted; }
