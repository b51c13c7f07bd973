// SPDX-License-Identifier: Apache-2.0
//
// Child: the command under test as a process that may use little memory, may
// be killed, and must end by itself.
//
//   Scratch scratch;
//   ChildResult r = scratch.Run({"create", "d0"}, "0 8 zero\n");
//   EXPECT_EQ(r.rc, 0) << r.err;
#ifndef DMDAX_TESTS_HOSTILE_CHILD_H_
#define DMDAX_TESTS_HOSTILE_CHILD_H_

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

namespace dmdax::hostile {

// Sanitizers reserve terabytes of address space and are slow.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool kSanitized = true;
#else
inline constexpr bool kSanitized = false;
#endif

struct ChildResult {
  int rc = -1;     // exit status, or -1 if it was killed
  int signal = 0;  // that killed it
  long max_rss_kb = 0;
  std::string out, err;  // at most kShown bytes of each
  uint64_t out_bytes = 0, err_bytes = 0;

  static constexpr size_t kShown = 1 << 16;
};

// A directory of its own, with a state of its own.
class Scratch {
 public:
  Scratch();
  ~Scratch();

  std::string File(const std::string& name) const { return dir_ + "/" + name; }
  std::string state() const { return File("state.d"); }
  // Writes a file and returns its path.
  std::string Put(const std::string& name, const std::string& bytes) const;

  // Runs dmdax with standard input from `input`.
  ChildResult Run(std::vector<std::string> args,
                  const std::string& input = "") const;
  // The same with standard input from a file.
  ChildResult RunFile(std::vector<std::string> args,
                      const std::string& input_path) const;

  // Starts it and does not wait; its output is thrown away.
  pid_t Start(std::vector<std::string> args) const;

  // The path of dmdax; set once by main().
  static std::string dmdax;
  // Address space of a child, in bytes.
  uint64_t memory = uint64_t{3} << 30;
  // Bytes of stack of a child's first thread; 0: as ours.
  uint64_t stack = 0;
  // Its standard input is closed.
  bool close_input = false;
  // Whoever starts it traces it (tracer.h); its errors are in File(".err").
  bool traced = false;
  // Bytes that a file of a child may have.
  uint64_t file_size = ~uint64_t{0};
  // Seconds after which it is killed.
  unsigned seconds = 55;

 private:
  pid_t Fork(const std::vector<std::string>& args, const std::string& in,
             const std::string& out, const std::string& err) const;

  std::string dir_;
};

std::string ReadFile(const std::string& path);

}  // namespace dmdax::hostile

#endif  // DMDAX_TESTS_HOSTILE_CHILD_H_
