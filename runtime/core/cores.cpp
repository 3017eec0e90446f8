//===- cores.cpp - Which cores this process may use -----------------------===//

#include "runtime/core/cores.h"

#include <algorithm>
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <sched.h>

using namespace gemcut;

void CpuSet::add(int cpu) {
  if (cpu >= 0 && cpu < kMaxCpus)
    words[cpu / 64] |= uint64_t(1) << cpu % 64;
}

bool CpuSet::contains(int cpu) const {
  return cpu >= 0 && cpu < kMaxCpus && words[cpu / 64] >> cpu % 64 & 1;
}

int CpuSet::count() const { return countCommon(*this); }

int CpuSet::countCommon(const CpuSet &other) const {
  int common = 0;
  for (size_t i = 0; i < kMaxCpus / 64; ++i)
    common += __builtin_popcountll(words[i] & other.words[i]);
  return common;
}

static bool isEnd(char c) { return c == 0 || c == '\n'; }

bool gemcut::parseCpuList(const char *text, CpuSet &set) {
  while (!isEnd(*text)) {
    char *end;
    long first = strtol(text, &end, 10), last = first;
    if (end == text || first < 0)
      return false;
    if (*end == '-') {
      text = end + 1;
      last = strtol(text, &end, 10);
      if (end == text || last < first)
        return false;
    }
    for (long cpu = first; cpu <= last && cpu < CpuSet::kMaxCpus; ++cpu)
      set.add(int(cpu));
    if (!isEnd(*end) && *end != ',')
      return false;
    text = end + (*end == ',');
  }
  return true;
}

CpuSet gemcut::getAllowedCpus() {
  CpuSet allowed;
  cpu_set_t masks[CpuSet::kMaxCpus / CPU_SETSIZE];
  memset(masks, 0, sizeof(masks));
  if (sched_getaffinity(0, sizeof(masks), masks) != 0)
    allowed.add(0);
  for (int cpu = 0; cpu < CpuSet::kMaxCpus; ++cpu)
    if (CPU_ISSET_S(cpu, sizeof(masks), masks))
      allowed.add(cpu);
  return allowed;
}

namespace {

/// Small text files below a root directory.
class SystemFiles {
public:
  explicit SystemFiles(const char *root) : root(root) {}

  FILE *open(const char *path) const {
    char full[2 * PATH_MAX];
    snprintf(full, sizeof(full), "%s%s", root, path);
    return fopen(full, "re");
  }

  /// The first line, without its end; false if there is no such file.
  bool read(const char *path, char *text, size_t size) const {
    FILE *file = open(path);
    if (!file)
      return false;
    bool hasLine = fgets(text, int(size), file) != nullptr;
    fclose(file);
    if (hasLine)
      text[strcspn(text, "\n")] = 0;
    return hasLine;
  }

  bool readCpus(const char *path, CpuSet &set) const {
    char text[4096];
    return read(path, text, sizeof(text)) && parseCpuList(text, set);
  }

  /// A positive number; 0 if there is none.
  long readNumber(const char *path) const {
    char text[64];
    return read(path, text, sizeof(text)) ? std::max(0l, atol(text)) : 0;
  }

private:
  const char *root;
};

} // namespace

/// One CPU of each physical core: the first that is allowed.
static CpuSet findCores(const CpuSet &allowed, const SystemFiles &files) {
  CpuSet cores, seen;
  for (int cpu = 0; cpu < CpuSet::kMaxCpus; ++cpu) {
    if (!allowed.contains(cpu) || seen.contains(cpu))
      continue;
    cores.add(cpu);
    char path[96];
    snprintf(path, sizeof(path),
             "/sys/devices/system/cpu/cpu%d/topology/thread_siblings_list",
             cpu);
    files.readCpus(path, seen);
  }
  return cores;
}

/// Those of `cores` that are of the fast kind.
static CpuSet findFastCores(const CpuSet &cores, const SystemFiles &files) {
  CpuSet listed;
  bool isHybrid = files.readCpus("/sys/devices/cpu_core/cpus", listed);
  long capacities[CpuSet::kMaxCpus] = {}, largest = 0;
  for (int cpu = 0; cpu < CpuSet::kMaxCpus; ++cpu) {
    if (!cores.contains(cpu))
      continue;
    char path[64];
    snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%d/cpu_capacity",
             cpu);
    capacities[cpu] = files.readNumber(path);
    largest = std::max(largest, capacities[cpu]);
  }
  CpuSet fast;
  for (int cpu = 0; cpu < CpuSet::kMaxCpus; ++cpu)
    if (cores.contains(cpu) &&
        (isHybrid ? listed.contains(cpu) : 2 * capacities[cpu] >= largest))
      fast.add(cpu);
  return fast;
}

/// CPUs that a quota of a period pays for, rounded up: the part that is left
/// over is still faster with a thread than without.
static int countPaid(long long quota, long long period) {
  if (quota <= 0 || period <= 0)
    return INT_MAX;
  return int(std::min<long long>(INT_MAX, (quota + period - 1) / period));
}

/// By cgroup `group` alone, INT_MAX without a quota. `controller` is the folder
/// of version 1, null for version 2.
static int readQuota(const char *group, const char *controller,
                     const SystemFiles &files) {
  char path[PATH_MAX + 128], text[128];
  long long quota = 0, period = 0;
  if (!controller) {
    snprintf(path, sizeof(path), "/sys/fs/cgroup%s/cpu.max", group);
    // "QUOTA PERIOD" or "max PERIOD", in microseconds.
    if (files.read(path, text, sizeof(text)))
      sscanf(text, "%lld %lld", &quota, &period);
    return countPaid(quota, period);
  }
  snprintf(path, sizeof(path), "/sys/fs/cgroup/%s%s/cpu.cfs_quota_us",
           controller, group);
  quota = files.readNumber(path); // -1: none
  snprintf(path, sizeof(path), "/sys/fs/cgroup/%s%s/cpu.cfs_period_us",
           controller, group);
  period = files.readNumber(path);
  return countPaid(quota, period);
}

/// The smallest quota of this process's cgroups and their ancestors; 0: none.
static int readQuotas(const SystemFiles &files) {
  FILE *file = files.open("/proc/self/cgroup");
  if (!file)
    return 0;
  int least = INT_MAX;
  char line[PATH_MAX];
  while (fgets(line, sizeof(line), file)) {
    line[strcspn(line, "\n")] = 0;
    // "ID:CONTROLLERS:GROUP"; version 2 has id 0 and no controllers.
    char *controllers = strchr(line, ':');
    char *group = controllers ? strchr(controllers + 1, ':') : nullptr;
    if (!group)
      continue;
    *group++ = 0;
    ++controllers;
    bool isSecond = *controllers == 0;
    bool isCpu = strcmp(controllers, "cpu") == 0 ||
                 strcmp(controllers, "cpu,cpuacct") == 0;
    if (!isSecond && !isCpu)
      continue;
    while (true) {
      size_t length = strlen(group);
      if (length && group[length - 1] == '/') // the root's path
        group[length - 1] = 0;
      least = std::min(
          least, readQuota(group, isSecond ? nullptr : controllers, files));
      char *slash = strrchr(group, '/');
      if (!slash)
        break;
      *slash = 0;
    }
  }
  fclose(file);
  return least == INT_MAX ? 0 : least;
}

static int countNodes(const CpuSet &allowed, const SystemFiles &files) {
  CpuSet online;
  if (!files.readCpus("/sys/devices/system/node/online", online))
    return 1;
  int nodes = 0;
  for (int node = 0; node < CpuSet::kMaxCpus; ++node) {
    if (!online.contains(node))
      continue;
    char path[64];
    snprintf(path, sizeof(path), "/sys/devices/system/node/node%d/cpulist",
             node);
    CpuSet cpus;
    nodes += files.readCpus(path, cpus) && cpus.countCommon(allowed) > 0;
  }
  return std::max(nodes, 1);
}

UsableCores gemcut::readUsableCores(const CpuSet &allowed, const char *root) {
  SystemFiles files(root);
  CpuSet cores = findCores(allowed, files);
  UsableCores usable;
  usable.cpus = std::max(allowed.count(), 1);
  usable.physical = std::max(cores.count(), 1);
  // A process that may use slow cores only uses those.
  int fast = findFastCores(cores, files).count();
  usable.performance = fast ? fast : usable.physical;
  usable.quota = readQuotas(files);
  usable.nodes = countNodes(allowed, files);
  return usable;
}

UsableCores gemcut::detectUsableCores() {
  return readUsableCores(getAllowedCpus(), "");
}

static int limit(int cores, int quota) {
  return quota ? std::min(cores, quota) : cores;
}

int UsableCores::getThreads() const { return limit(performance, quota); }

int UsableCores::getParallel() const { return limit(physical, quota); }

void gemcut::formatUsableCores(const UsableCores &cores, char *text,
                               size_t size) {
  size_t used = 0;
  text[0] = 0;
  auto add = [&](auto... arguments) {
    if (used < size)
      used += size_t(snprintf(text + used, size - used, arguments...));
  };
  if (cores.performance < cores.physical)
    add("%d performance cores of ", cores.performance);
  add("%d %s", cores.physical, cores.physical == 1 ? "core" : "cores");
  if (cores.physical < cores.cpus)
    add(" with %d hardware threads", cores.cpus);
  if (cores.quota)
    add(", a quota of %d %s", cores.quota, cores.quota == 1 ? "CPU" : "CPUs");
  if (cores.nodes > 1)
    add(", %d NUMA nodes", cores.nodes);
}
