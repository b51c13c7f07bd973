// SPDX-License-Identifier: Apache-2.0
//
// Stands in for libFuzzer outside --config=fuzz: runs each file named on the
// command line, and the empty input, once.  If the target mutates inputs
// itself, runs 20 mutants of each ($DMDAX_MUTANTS), too.  Of those of a file
// that is accepted an eighth at least must be, or a fuzzer sees little but
// refusals.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);
extern "C" __attribute__((weak)) size_t LLVMFuzzerCustomMutator(uint8_t* data,
                                                                size_t size,
                                                                size_t max_size,
                                                                unsigned seed);
extern "C" __attribute__((weak)) uint64_t DmdaxFuzzAccepted();

// libFuzzer's for what has no form: here another byte.
extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t) {
  if (size > 0) data[size / 2] ^= 0x11;
  return size;
}

namespace {

constexpr size_t kMaxSize = 1 << 16;

// Each a mutant of the one before, and again from the start after a few.
void RunMutants(const std::string& bytes, int n) {
  std::vector<uint8_t> input(kMaxSize);
  size_t size = 0;
  for (int i = 0; i < n; ++i) {
    if (i % 5 == 0)
      size = bytes.copy(reinterpret_cast<char*>(input.data()), kMaxSize);
    size = LLVMFuzzerCustomMutator(input.data(), size, kMaxSize,
                                   static_cast<unsigned>(i));
    LLVMFuzzerTestOneInput(input.data(), size);
  }
}

}  // namespace

int main(int argc, char** argv) {
  LLVMFuzzerTestOneInput(nullptr, 0);
  const char* const asked = std::getenv("DMDAX_MUTANTS");
  const int mutants = LLVMFuzzerCustomMutator == nullptr ? 0
                      : asked != nullptr                 ? std::atoi(asked)
                                                         : 20;
  uint64_t accepted = 0, all = 0;
  for (int i = 1; i < argc; ++i) {
    std::ifstream file(argv[i], std::ios::binary);
    if (!file) {
      std::fprintf(stderr, "%s: cannot be read\n", argv[i]);
      return 1;
    }
    const std::string bytes{std::istreambuf_iterator<char>(file), {}};
    std::fprintf(stderr, "%s: %zu bytes\n", argv[i], bytes.size());
    const uint64_t before = mutants == 0 ? 0 : DmdaxFuzzAccepted();
    LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t*>(bytes.data()),
                           bytes.size());
    if (mutants == 0) continue;
    const uint64_t after = DmdaxFuzzAccepted();
    RunMutants(bytes, mutants);
    if (before == after) continue;
    accepted += DmdaxFuzzAccepted() - after;
    all += static_cast<uint64_t>(mutants);
  }
  if (mutants == 0) return 0;
  std::fprintf(stderr, "%llu of %llu mutants of accepted files were\n",
               static_cast<unsigned long long>(accepted),
               static_cast<unsigned long long>(all));
  return accepted * 8 >= all ? 0 : 1;
}
