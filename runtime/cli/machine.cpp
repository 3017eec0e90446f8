//===- machine.cpp - What a measurement ran on ----------------------------===//

#include "runtime/cli/machine.h"

#include "runtime/core/cores.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <sys/utsname.h>
#include <time.h>

using namespace gemcut;
using namespace gemcut::cli;

/// The text behind "NAME<blanks>:" in a file of such lines, or "".
static std::string readField(const char *path, const char *name) {
  std::string value;
  FILE *file = fopen(path, "re");
  if (!file)
    return value;
  char line[512];
  size_t length = strlen(name);
  while (value.empty() && fgets(line, sizeof(line), file)) {
    if (strncmp(line, name, length) != 0)
      continue;
    const char *text = line + length + strspn(line + length, " \t");
    if (*text++ != ':')
      continue;
    text += strspn(text, " \t");
    value.assign(text, strcspn(text, "\n"));
  }
  fclose(file);
  return value;
}

Machine cli::describeMachine() {
  Machine machine;
  machine.cpu = readField("/proc/cpuinfo", "model name");
  if (machine.cpu.empty())
    machine.cpu = "unknown";
  machine.cores = detectUsableCores().getParallel();
  utsname system;
  machine.kernel = uname(&system) == 0
                       ? std::string(system.sysname) + " " + system.release
                       : "unknown";
  time_t now = time(nullptr);
  tm parts;
  char text[32] = "unknown";
  if (gmtime_r(&now, &parts))
    strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &parts);
  machine.time = text;
  return machine;
}

ProcessMemory cli::readProcessMemory() {
  auto read = [](const char *name) {
    return strtoull(readField("/proc/self/status", name).c_str(), nullptr, 10) *
           1024;
  };
  return {read("RssAnon"), read("VmHWM")};
}

uint64_t cli::readAvailableMemory() {
  return strtoull(readField("/proc/meminfo", "MemAvailable").c_str(), nullptr,
                  10) *
         1024;
}

double cli::getCpuSeconds() {
  timespec used;
  if (clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used) != 0)
    return 0;
  return double(used.tv_sec) + double(used.tv_nsec) * 1e-9;
}
