//===- cpu.cpp - What this CPU can execute --------------------------------===//

#include "runtime/core/cpu.h"

#include "runtime/core/error.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#if defined(__x86_64__)
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>
#elif defined(__aarch64__)
#include <sys/auxv.h>
#endif

using namespace gemcut;

enum Feature : uint32_t {
#if defined(__aarch64__)
  Neon,
  DotProd,
  I8mm,
  Bf16,
  Sve,
#else
  Avx2,
  Fma,
  F16c,
  Bmi2,
  Avx512F,
  Avx512Bw,
  Avx512Dq,
  Avx512Vl,
  Avx512Vnni,
  Avx512Bf16,
  AvxVnni,
  AmxTile,
  AmxInt8,
  AmxBf16,
#endif
  NumFeatures,
};

static const char *const kNames[NumFeatures] = {
#if defined(__aarch64__)
    "neon",
    "dotprod",
    "i8mm",
    "bf16",
    "sve",
#else
    "avx2",     "fma",      "f16c",     "bmi2",       "avx512f",
    "avx512bw", "avx512dq", "avx512vl", "avx512vnni", "avx512bf16",
    "avxvnni",  "amxtile",  "amxint8",  "amxbf16",
#endif
};

#if defined(__x86_64__)

static uint64_t readXcr0() {
  uint32_t low, high;
  asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return uint64_t(high) << 32 | low;
}

/// Asks Linux for the right to use AMX's tile data, which every process needs
/// and which then holds for all its threads. Source:
/// Documentation/arch/x86/xstate.rst.
static bool requestTileData() {
  constexpr long kRequestPermission = 0x1023; // ARCH_REQ_XCOMP_PERM
  constexpr long kTileData = 18;              // XFEATURE_XTILEDATA
  return syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
}

CpuFeatures gemcut::detectCpuFeatures() {
  uint32_t a, b, c, d;
  if (!__get_cpuid(1, &a, &b, &c, &d))
    return 0;
  CpuFeatures features = 0;
  auto add = [&](Feature feature, uint32_t word, int bit) {
    features |= (word >> bit & 1) << feature;
  };
  constexpr uint32_t kOsxsave = 1u << 27;
  uint64_t xcr0 = c & kOsxsave ? readXcr0() : 0;
  bool ymm = (xcr0 & 0x06) == 0x06; // SSE and AVX state
  bool zmm = (xcr0 & 0xe6) == 0xe6; // and opmask, upper halves, zmm16-31
  if (ymm) {
    add(Fma, c, 12);
    add(F16c, c, 29);
  }
  if (!__get_cpuid_count(7, 0, &a, &b, &c, &d))
    return features;
  uint32_t subleaves = a;
  add(Bmi2, b, 8);
  if (ymm)
    add(Avx2, b, 5);
  if (zmm) {
    add(Avx512F, b, 16);
    add(Avx512Dq, b, 17);
    add(Avx512Bw, b, 30);
    add(Avx512Vl, b, 31);
    add(Avx512Vnni, c, 11);
  }
  bool tiles = (xcr0 & 0x60000) == 0x60000; // TILECFG and TILEDATA
  if (tiles && (d >> 24 & 1) && requestTileData()) {
    add(AmxTile, d, 24);
    add(AmxInt8, d, 25);
    add(AmxBf16, d, 22);
  }
  if (subleaves >= 1 && __get_cpuid_count(7, 1, &a, &b, &c, &d)) {
    if (ymm)
      add(AvxVnni, a, 4);
    if (zmm)
      add(Avx512Bf16, a, 5);
  }
  return features;
}

#elif defined(__aarch64__)

CpuFeatures gemcut::detectCpuFeatures() {
  // Bits of asm/hwcap.h, which old headers lack.
  unsigned long hwcap = getauxval(AT_HWCAP), hwcap2 = getauxval(AT_HWCAP2);
  return uint32_t(hwcap >> 1 & 1) << Neon |
         uint32_t(hwcap >> 20 & 1) << DotProd |
         uint32_t(hwcap2 >> 13 & 1) << I8mm |
         uint32_t(hwcap2 >> 14 & 1) << Bf16 |
         uint32_t(hwcap >> 22 & 1) << Sve;
}

#else
#error "no CPU detection for this architecture"
#endif

gemcut_status gemcut::parseCpuFeatures(const char *list,
                                       CpuFeatures &features) {
  features = 0;
  for (const char *at = list; *at;) {
    size_t length = strcspn(at, ",");
    uint32_t feature = 0;
    while (feature < NumFeatures && (strlen(kNames[feature]) != length ||
                                     memcmp(kNames[feature], at, length) != 0))
      ++feature;
    if (feature == NumFeatures)
      return fail(GEMCUT_CORRUPT_ARTIFACT,
                  "'%.*s' in the feature list '%s' is no CPU feature that this "
                  "runtime knows",
                  int(length), at, list);
    features |= 1u << feature;
    at += length;
    if (*at == ',')
      ++at;
  }
  return GEMCUT_OK;
}

void gemcut::formatCpuFeatures(CpuFeatures features, char *text, size_t size) {
  size_t used = 0;
  text[0] = 0;
  for (uint32_t i = 0; i < NumFeatures; ++i)
    if (features >> i & 1 && used < size)
      used += size_t(snprintf(text + used, size - used, "%s%s", used ? "," : "",
                              kNames[i]));
}

/// "avx2, avx512vnni".
static void formatNames(const gemcut_level *levels, int32_t count, char *text,
                        size_t size) {
  size_t used = 0;
  text[0] = 0;
  for (int32_t i = 0; i < count && used < size; ++i)
    used += size_t(snprintf(text + used, size - used, "%s%s", i ? ", " : "",
                            levels[i].name));
}

gemcut_status gemcut::chooseLevel(const gemcut_level *levels, int32_t count,
                                  CpuFeatures cpu, const char *forced,
                                  const gemcut_level *&chosen) {
  char text[256];
  CpuFeatures missing = 0;
  const gemcut_level *last = nullptr;
  for (int32_t i = 0; i < count; ++i) {
    if (forced && strcmp(levels[i].name, forced) != 0)
      continue;
    CpuFeatures needed;
    if (gemcut_status status = parseCpuFeatures(levels[i].features, needed))
      return status;
    // The best comes first, so the last one asks for the least.
    missing = needed & ~cpu;
    last = &levels[i];
    if (missing == 0) {
      chosen = last;
      return GEMCUT_OK;
    }
  }
  if (!last) {
    formatNames(levels, count, text, sizeof(text));
    if (forced)
      return fail(GEMCUT_INVALID_ARGUMENT,
                  "there is no level '%s'; this executable holds code for: %s",
                  forced, text);
    return fail(GEMCUT_CORRUPT_ARTIFACT, "the executable holds no code at all");
  }
  formatCpuFeatures(missing, text, sizeof(text));
  if (forced)
    return fail(GEMCUT_UNSUPPORTED_CPU,
                "level '%s' needs CPU features that this CPU lacks: %s",
                last->name, text);
  return fail(
      GEMCUT_UNSUPPORTED_CPU,
      "this CPU lacks features that even the lowest level, '%s', needs: "
      "%s; compile the model for this CPU",
      last->name, text);
}
