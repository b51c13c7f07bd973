// SPDX-License-Identifier: Apache-2.0
#include "tests/hostile/child.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "absl/strings/str_cat.h"

namespace dmdax::hostile {

namespace fs = std::filesystem;

std::string Scratch::dmdax;

Scratch::Scratch() {
  const char* tmp = getenv("TEST_TMPDIR");
  std::string pattern = absl::StrCat(tmp != nullptr ? tmp : "/tmp", "/hXXXXXX");
  dir_ = mkdtemp(pattern.data());
}

Scratch::~Scratch() {
  std::error_code ignored;
  fs::remove_all(dir_, ignored);
}

std::string ReadFile(const std::string& path) {
  std::ostringstream all;
  all << std::ifstream(path, std::ios::binary).rdbuf();
  return all.str();
}

std::string Scratch::Put(const std::string& name,
                         const std::string& bytes) const {
  const std::string path = File(name);
  std::ofstream(path, std::ios::binary) << bytes;
  return path;
}

pid_t Scratch::Fork(const std::vector<std::string>& args, const std::string& in,
                    const std::string& out, const std::string& err) const {
  std::vector<std::string> words = {dmdax};
  words.insert(words.end(), args.begin(), args.end());
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  const std::string environment = "DMDAX_STATE=" + state();
  const pid_t pid = fork();
  if (pid != 0) return pid;
  // Only system calls from here on.
  const int flags = O_WRONLY | O_CREAT | O_TRUNC;
  const bool ok = dup2(open(in.c_str(), O_RDONLY), 0) == 0 &&
                  dup2(open(out.c_str(), flags, 0644), 1) == 1 &&
                  dup2(open(err.c_str(), flags, 0644), 2) == 2;
  if (close_input) close(0);
  if (!kSanitized) {
    const rlimit limit = {memory, memory};
    setrlimit(RLIMIT_AS, &limit);
  }
  if (stack != 0) {
    const rlimit limit = {stack, stack};
    setrlimit(RLIMIT_STACK, &limit);
  }
  const rlimit file_limit = {file_size, file_size};
  setrlimit(RLIMIT_FSIZE, &file_limit);
  const rlimit no_core = {0, 0};
  setrlimit(RLIMIT_CORE, &no_core);
  alarm(seconds);
  if (traced) ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
  // Who looks for leaks traces himself, and there can be only one.
  char no_leaks[] = "ASAN_OPTIONS=detect_leaks=0";
  char* envp[] = {const_cast<char*>(environment.c_str()),
                  traced ? no_leaks : nullptr, nullptr};
  if (ok) execve(argv[0], argv.data(), envp);
  _exit(127);
}

ChildResult Scratch::RunFile(std::vector<std::string> args,
                             const std::string& input_path) const {
  const std::string out = File(".out"), err = File(".err");
  const pid_t pid = Fork(args, input_path, out, err);
  int status = 0;
  rusage usage{};
  ChildResult result;
  if (wait4(pid, &status, 0, &usage) != pid) return result;
  result.max_rss_kb = usage.ru_maxrss;
  if (WIFEXITED(status)) result.rc = WEXITSTATUS(status);
  if (WIFSIGNALED(status)) result.signal = WTERMSIG(status);
  for (auto [path, text, bytes] :
       {std::tuple(&out, &result.out, &result.out_bytes),
        std::tuple(&err, &result.err, &result.err_bytes)}) {
    *bytes = fs::file_size(*path);
    std::ifstream file(*path, std::ios::binary);
    text->resize(ChildResult::kShown);
    file.read(text->data(), ChildResult::kShown);
    text->resize(static_cast<size_t>(file.gcount()));
  }
  return result;
}

ChildResult Scratch::Run(std::vector<std::string> args,
                         const std::string& input) const {
  return RunFile(std::move(args), Put(".in", input));
}

pid_t Scratch::Start(std::vector<std::string> args) const {
  return Fork(args, "/dev/null", "/dev/null",
              traced ? File(".err") : "/dev/null");
}

}  // namespace dmdax::hostile
