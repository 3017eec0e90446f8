//===- replay_main.cpp - Runs a fuzzer without libFuzzer ------------------===//
//
// Feeds every file of the given folders to the fuzz target: as it is, cut off
// after every byte, and with single bytes changed. Deterministic. A failed
// check of the target aborts; the input that was running is named.
//
//===----------------------------------------------------------------------===//

#include <algorithm>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <unistd.h>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

namespace {
// Larger files are replayed, but not cut and changed at every byte.
constexpr size_t kMutatedBytes = 4096;

char running[512];

void nameInput(int signal) {
  // The handler was reset, so raising again ends the process.
  ssize_t ignored = write(2, running, std::strlen(running));
  (void)ignored;
  raise(signal);
}

void run(const std::string &file, const char *kind, size_t at,
         const std::vector<uint8_t> &bytes, size_t size) {
  std::snprintf(running, sizeof(running), "failing input: %s, %s %zu\n",
                file.c_str(), kind, at);
  // A copy of the exact size lets AddressSanitizer see reads past the end.
  std::vector<uint8_t> input(bytes.begin(),
                             bytes.begin() + std::ptrdiff_t(size));
  LLVMFuzzerTestOneInput(input.data(), input.size());
}
} // namespace

int main(int argc, char **argv) {
  struct sigaction action = {};
  action.sa_handler = nameInput;
  action.sa_flags = SA_RESETHAND;
  for (int signal : {SIGABRT, SIGSEGV, SIGILL, SIGTRAP})
    sigaction(signal, &action, nullptr);

  size_t files = 0, inputs = 0;
  for (int i = 1; i < argc; ++i) {
    std::vector<std::filesystem::path> paths;
    for (const auto &entry : std::filesystem::directory_iterator(argv[i]))
      if (entry.is_regular_file())
        paths.push_back(entry.path());
    std::sort(paths.begin(), paths.end());
    for (const auto &path : paths) {
      std::ifstream stream(path, std::ios::binary);
      std::vector<uint8_t> bytes((std::istreambuf_iterator<char>(stream)),
                                 std::istreambuf_iterator<char>());
      std::string name = path.string();
      run(name, "whole file, byte", bytes.size(), bytes, bytes.size());
      ++files, ++inputs;
      if (bytes.size() > kMutatedBytes)
        continue;
      for (size_t at = 0; at < bytes.size(); ++at, inputs += 3) {
        run(name, "cut at byte", at, bytes, at);
        uint8_t kept = bytes[at];
        for (uint8_t changed : {uint8_t(kept ^ 1), uint8_t('9')}) {
          bytes[at] = changed;
          run(name, "changed byte", at, bytes, bytes.size());
        }
        bytes[at] = kept;
      }
    }
  }
  std::printf("replayed %zu files as %zu inputs\n", files, inputs);
  return files ? 0 : 1;
}
