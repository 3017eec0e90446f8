//===- machine.h - What a measurement ran on --------------------*- C++ -*-===//
#ifndef GEMCUT_RUNTIME_CLI_MACHINE_H
#define GEMCUT_RUNTIME_CLI_MACHINE_H

#include <cstdint>
#include <string>

namespace gemcut::cli {

struct Machine {
  std::string cpu;    // "AMD EPYC 9B45", as /proc/cpuinfo names it
  int cores = 0;      // that this process may use
  std::string kernel; // "Linux 6.1.0"
  std::string time;   // "2026-11-25T15:40:12Z"
};

/// What is unknown is "unknown".
Machine describeMachine();

/// Memory of this process in bytes, as the kernel counts it; 0 if it does not.
struct ProcessMemory {
  uint64_t privateBytes = 0; // RssAnon: resident and not backed by a file
  uint64_t peakBytes = 0;    // VmHWM: most that was ever resident, files too
};

ProcessMemory readProcessMemory();

/// Bytes that programs can still take on this machine without swapping, as the
/// kernel estimates them; 0 if it does not.
uint64_t readAvailableMemory();

/// Seconds that all threads of this process have computed.
double getCpuSeconds();

} // namespace gemcut::cli

#endif // GEMCUT_RUNTIME_CLI_MACHINE_H
