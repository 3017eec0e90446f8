//===- CoresTest.cpp - Which cores a process may use ----------------------===//
//
// Systems are folders with the few files of /sys and /proc that are read.
//
//===----------------------------------------------------------------------===//

#include "runtime/core/cores.h"

#include "gtest/gtest.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

using namespace gemcut;

namespace {

class System {
public:
  System() {
    std::string name = testing::TempDir() + "cores-XXXXXX";
    root = mkdtemp(name.data());
  }
  ~System() { std::filesystem::remove_all(root); }

  System &write(const std::string &path, const std::string &text) {
    std::filesystem::path full = root.string() + path;
    std::filesystem::create_directories(full.parent_path());
    std::ofstream(full) << text << "\n";
    return *this;
  }
  System &siblings(int cpu, const std::string &list) {
    return write("/sys/devices/system/cpu/cpu" + std::to_string(cpu) +
                     "/topology/thread_siblings_list",
                 list);
  }

  UsableCores read(const char *allowed) const {
    CpuSet set;
    EXPECT_TRUE(parseCpuList(allowed, set));
    return readUsableCores(set, root.c_str());
  }
  std::string describe(const char *allowed) const {
    char text[128];
    formatUsableCores(read(allowed), text, sizeof(text));
    return text;
  }

private:
  std::filesystem::path root;
};

/// 2 fast cores of 2 threads each (0-3), 4 slow ones (4-7).
System &makeHybrid(System &system) {
  for (int cpu = 0; cpu < 8; ++cpu)
    system.siblings(cpu, cpu < 2   ? "0-1"
                         : cpu < 4 ? "2-3"
                                   : std::to_string(cpu));
  return system.write("/sys/devices/cpu_core/cpus", "0-3")
      .write("/sys/devices/cpu_atom/cpus", "4-7");
}

/// 2 sockets of 4 cores; CPU n and n + 8 are one core.
System &makeServer(System &system) {
  for (int cpu = 0; cpu < 16; ++cpu)
    system.siblings(cpu, std::to_string(cpu % 8) + "," +
                             std::to_string(cpu % 8 + 8));
  return system.write("/sys/devices/system/node/online", "0-1")
      .write("/sys/devices/system/node/node0/cpulist", "0-3,8-11")
      .write("/sys/devices/system/node/node1/cpulist", "4-7,12-15");
}

} // namespace

TEST(CpuList, Parses) {
  CpuSet set;
  EXPECT_TRUE(parseCpuList("0-3,8,10-11\n", set));
  EXPECT_EQ(set.count(), 7);
  EXPECT_TRUE(set.contains(3) && set.contains(8) && set.contains(11));
  EXPECT_FALSE(set.contains(4) || set.contains(9) || set.contains(12));
  CpuSet none;
  EXPECT_TRUE(parseCpuList("", none));
  EXPECT_EQ(none.count(), 0);
  // Beyond what a set can hold.
  EXPECT_TRUE(parseCpuList("8191-9000000", none));
  EXPECT_EQ(none.count(), 1);
  EXPECT_EQ(none.countCommon(set), 0);
}

TEST(CpuList, RejectsOtherText) {
  for (const char *text : {"x", "1-", "-1", "3-2", "1;2", "1-2-3", ",1"}) {
    CpuSet set;
    EXPECT_FALSE(parseCpuList(text, set)) << text;
  }
}

TEST(Cores, WithoutFilesEveryCpuIsACore) {
  System system;
  UsableCores cores = system.read("0,2,5");
  EXPECT_EQ(cores.cpus, 3);
  EXPECT_EQ(cores.getThreads(), 3);
  EXPECT_EQ(cores.getParallel(), 3);
  EXPECT_EQ(cores.nodes, 1);
  EXPECT_EQ(system.describe("0,2,5"), "3 cores");
  EXPECT_EQ(system.describe("5"), "1 core");
}

TEST(Cores, HybridLaptopRunsOnItsPerformanceCores) {
  System system;
  makeHybrid(system);
  EXPECT_EQ(system.read("0-7").getThreads(), 2);
  EXPECT_EQ(system.read("0-7").getParallel(), 6);
  EXPECT_EQ(system.describe("0-7"),
            "2 performance cores of 6 cores with 8 hardware threads");
  // Only slow ones are allowed: those are what there is.
  EXPECT_EQ(system.read("4-6").getThreads(), 3);
  EXPECT_EQ(system.describe("4-6"), "3 cores");
}

TEST(Cores, CapacitiesTellFastCores) {
  System system;
  const char *capacities[] = {"290", "290", "290", "290", "870", "870", "1024"};
  for (int cpu = 0; cpu < 7; ++cpu)
    system.write("/sys/devices/system/cpu/cpu" + std::to_string(cpu) +
                     "/cpu_capacity",
                 capacities[cpu]);
  EXPECT_EQ(system.read("0-6").getThreads(), 3);
  EXPECT_EQ(system.read("0-3").getThreads(), 4);
}

TEST(Cores, ServerCountsSiblingsOnceAndNodes) {
  System system;
  makeServer(system);
  EXPECT_EQ(system.read("0-15").getThreads(), 8);
  EXPECT_EQ(system.describe("0-15"),
            "8 cores with 16 hardware threads, 2 NUMA nodes");
  // As under numactl --cpunodebind=1.
  EXPECT_EQ(system.read("4-7,12-15").getThreads(), 4);
  EXPECT_EQ(system.read("4-7,12-15").nodes, 1);
  // A mask with one thread of each of two cores, and both of a third.
  EXPECT_EQ(system.read("8,9,2,10").getThreads(), 3);
}

TEST(Cores, QuotaOfAnyAncestorLimits) {
  System system;
  makeServer(system)
      .write("/proc/self/cgroup", "0::/slice/box/task")
      .write("/sys/fs/cgroup/slice/box/task/cpu.max", "max 100000")
      .write("/sys/fs/cgroup/slice/box/cpu.max", "250000 100000")
      .write("/sys/fs/cgroup/slice/cpu.max", "600000 100000");
  EXPECT_EQ(system.read("0-15").quota, 3); // 2.5, rounded up
  EXPECT_EQ(system.read("0-15").getThreads(), 3);
  EXPECT_EQ(system.read("0-15").getParallel(), 3);
  EXPECT_EQ(system.read("0-1").getThreads(), 2);
  EXPECT_EQ(system.describe("0-1"), "2 cores, a quota of 3 CPUs");
}

TEST(Cores, QuotaInsideAContainer) {
  System system;
  system.write("/proc/self/cgroup", "0::/")
      .write("/sys/fs/cgroup/cpu.max", "50000 100000");
  EXPECT_EQ(system.read("0-3").getThreads(), 1);
}

TEST(Cores, QuotaOfCgroupVersionOne) {
  System system;
  system
      .write("/proc/self/cgroup", "5:memory:/docker/1\n"
                                  "3:cpu,cpuacct:/docker/1\n0::/")
      // The container sees its own group as the root.
      .write("/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "200000")
      .write("/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000");
  EXPECT_EQ(system.read("0-7").getThreads(), 2);
  system.write("/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "-1");
  EXPECT_EQ(system.read("0-7").getThreads(), 8);
}

TEST(Cores, DamagedFilesSetNoLimit) {
  System system;
  system.siblings(0, "garbage")
      .write("/proc/self/cgroup", "nonsense\n0::/x")
      .write("/sys/fs/cgroup/x/cpu.max", "many few")
      .write("/sys/devices/system/node/online", "?");
  EXPECT_EQ(system.read("0-1").getThreads(), 2);
}

TEST(Cores, OfThisProcess) {
  UsableCores cores = detectUsableCores();
  EXPECT_GE(cores.getThreads(), 1);
  EXPECT_LE(cores.getThreads(), cores.getParallel());
  EXPECT_LE(cores.getParallel(), cores.cpus);
  EXPECT_EQ(cores.cpus, getAllowedCpus().count());
}
