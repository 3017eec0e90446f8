//===- cores.h - Which cores this process may use ---------------*- C++ -*-===//
//
// A thread per physical core is the default: two threads of one core share its
// vector units and its path to memory. Where cores differ, only the fast ones
// count, since a stage ends with its slowest chunk. What was read from the
// system is kept, so that commands can say why they run that many threads.
//
//===----------------------------------------------------------------------===//
#ifndef GEMCUT_RUNTIME_CORE_CORES_H
#define GEMCUT_RUNTIME_CORE_CORES_H

#include <cstddef>
#include <cstdint>

namespace gemcut {

/// A set of logical CPUs, by the operating system's numbers.
class CpuSet {
public:
  static constexpr int kMaxCpus =
      8192; // the most that Linux can have on x86-64

  void add(int cpu);
  bool contains(int cpu) const;
  int count() const;
  /// How many CPUs are in both.
  int countCommon(const CpuSet &other) const;

private:
  uint64_t words[kMaxCpus / 64] = {};
};

/// Adds the CPUs of a list as the kernel writes them, "0-3,8,10-11". False if
/// the text is anything else; CPUs beyond kMaxCpus are left out.
bool parseCpuList(const char *text, CpuSet &set);

/// The CPUs that this process's affinity mask (and cpuset) allows.
CpuSet getAllowedCpus();

/// Cores that threads of this process can use at once; all counts but `quota`
/// are at least 1.
struct UsableCores {
  int cpus;        ///< logical CPUs that are allowed
  int physical;    ///< physical cores among them
  int performance; ///< those of the fast kind; all where cores do not differ
  int quota; ///< CPUs that the cgroup's quota pays for, rounded up; 0: all
  int nodes; ///< NUMA nodes with allowed CPUs

  /// Threads to run by default.
  int getThreads() const;
  /// Threads that can run at once without sharing a core.
  int getParallel() const;
};

/// Reads `root`/sys and `root`/proc; `root` is "" but in tests. What cannot be
/// read, as in containers without /sys, is taken to set no limit: every allowed
/// CPU is a core then. Sources: Documentation/admin-guide/cputopology.rst,
/// cgroup-v2.rst ("cpu.max") and scheduler/sched-bwc.rst of Linux;
/// /sys/devices/cpu_core/cpus lists the fast CPUs of hybrid x86 systems,
/// cpuN/cpu_capacity their relative speed elsewhere, where a core is fast if it
/// has at least half of the largest capacity.
UsableCores readUsableCores(const CpuSet &allowed, const char *root);

/// Of this process.
UsableCores detectUsableCores();

/// "8 performance cores of 12 cores with 20 hardware threads", then ", a quota
/// of 4 CPUs" and ", 2 NUMA nodes"; each part only where it says something (cut
/// to `size`, terminated).
void formatUsableCores(const UsableCores &cores, char *text, size_t size);

} // namespace gemcut

#endif // GEMCUT_RUNTIME_CORE_CORES_H
