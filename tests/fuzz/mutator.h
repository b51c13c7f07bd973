// SPDX-License-Identifier: Apache-2.0
//
// Mutator: changes inputs in one place or a few and keeps their form, so that
// most of what a fuzzer tries is looked at and not only refused.
//
//   Mutator mutator(seed);
//   mutator.Mutate(world);         // a field, wherever it is
//   mutator.Mutate(words, pool);   // a word of a command line
//
// Threading: thread-compatible.
#ifndef DMDAX_TESTS_FUZZ_MUTATOR_H_
#define DMDAX_TESTS_FUZZ_MUTATOR_H_

#include <google/protobuf/message.h>

#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "absl/types/span.h"

namespace dmdax::fuzz {

class Mutator {
 public:
  explicit Mutator(unsigned seed) : random_(seed) {}

  // Less than `n`, which is not 0.
  size_t Below(size_t n) { return random_() % n; }
  bool OneIn(size_t n) { return Below(n) == 0; }

  // A field: another value, one more element or one less, another order.  New
  // texts and numbers are mostly such as the message has elsewhere.
  void Mutate(google::protobuf::Message& message);
  // A word: another number, one of `pool`, one more or one less.
  void Mutate(std::vector<std::string>& words,
              absl::Span<const std::string> pool);

  uint64_t Number(uint64_t from);
  std::string Text(const std::string& from);

 private:
  struct Site {
    google::protobuf::Message* message;
    const google::protobuf::FieldDescriptor* field;
  };
  void Collect(google::protobuf::Message& message);
  void MutateRepeated(const Site& site);
  void MutateSingular(const Site& site);

  std::mt19937 random_;
  // Of the message at hand.
  std::vector<Site> set_, unset_;
  std::vector<std::string> texts_;
  std::vector<uint64_t> numbers_;
};

// What libFuzzer asks LLVMFuzzerCustomMutator() for: `bytes` in the buffer, or
// if they are too long, those that are in it, a little changed.
size_t PutMutated(const std::string& bytes, uint8_t* data, size_t size,
                  size_t max_size);

// Inputs that were not refused.
extern uint64_t accepted;

}  // namespace dmdax::fuzz

// libFuzzer's, or its stand-in's (bazel/replay_main.cc).
extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t max_size);

#endif  // DMDAX_TESTS_FUZZ_MUTATOR_H_
