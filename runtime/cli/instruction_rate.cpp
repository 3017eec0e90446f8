//===- instruction_rate.cpp - How fast this machine multiplies ------------===//
//
// Loops of one instruction on independent accumulators, so that issue and not
// latency limits them: 12 accumulators cover 6 cycles at 2 per cycle, and leave
// registers for the operands in a file of 16.
//
//===----------------------------------------------------------------------===//

#include "runtime/cli/instruction_rate.h"

#include "runtime/core/clock.h"

#include <algorithm>
#include <cstring>

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

using namespace gemcut;
using cli::Arithmetic;

namespace {

constexpr int kAccumulators = 12;

using LoopFn = void (*)(int64_t iterations);

/// A loop and the multiply-accumulates of one of its instructions.
struct Loop {
  LoopFn run = nullptr;
  int macs = 0;
};

} // namespace

#if defined(__x86_64__)
#define GEMCUT_VECTOR "v"
#elif defined(__aarch64__)
#define GEMCUT_VECTOR "w"
#endif

// A loop named `name`: each accumulator of type `Vector` becomes `next`, an
// expression of itself and of `a` and `b`, which the compiler must take for new
// in every iteration.
#define GEMCUT_RATE_LOOP(name, features, Vector, zero, next)                   \
  __attribute__((target(features))) static void name(int64_t iterations) {     \
    Vector sums[kAccumulators], a = zero, b = zero;                            \
    for (Vector &sum : sums)                                                   \
      sum = zero;                                                              \
    for (int64_t i = 0; i < iterations; ++i) {                                 \
      _Pragma("GCC unroll 12") for (Vector &sum : sums) {                      \
        asm volatile("" : "+" GEMCUT_VECTOR(a), "+" GEMCUT_VECTOR(b));         \
        sum = next;                                                            \
      }                                                                        \
    }                                                                          \
    for (Vector &sum : sums)                                                   \
      asm volatile("" ::GEMCUT_VECTOR(sum));                                   \
  }

#if defined(__x86_64__)

GEMCUT_RATE_LOOP(dotAvx2, "avx2", __m256i, _mm256_setzero_si256(),
                 _mm256_add_epi32(sum,
                                  _mm256_madd_epi16(_mm256_maddubs_epi16(a, b),
                                                    _mm256_set1_epi16(1))))
GEMCUT_RATE_LOOP(dotAvxVnni, "avx2,avxvnni", __m256i, _mm256_setzero_si256(),
                 _mm256_dpbusd_avx_epi32(sum, a, b))
GEMCUT_RATE_LOOP(dotAvx512Vnni, "avx512f,avx512vnni", __m512i,
                 _mm512_setzero_si512(), _mm512_dpbusd_epi32(sum, a, b))
GEMCUT_RATE_LOOP(dotAvx512Bf16, "avx512f,avx512bf16", __m512,
                 _mm512_setzero_ps(),
                 _mm512_dpbf16_ps(sum, (__m512bh)a, (__m512bh)b))
GEMCUT_RATE_LOOP(fmaAvx2, "avx2,fma", __m256, _mm256_setzero_ps(),
                 _mm256_fmadd_ps(a, b, sum))
GEMCUT_RATE_LOOP(fmaAvx512, "avx512f", __m512, _mm512_setzero_ps(),
                 _mm512_fmadd_ps(a, b, sum))

#elif defined(__aarch64__)

GEMCUT_RATE_LOOP(dotNeon, "simd", int16x8_t, vdupq_n_s16(0),
                 vmlal_s8(sum, vreinterpret_s8_s16(vget_low_s16(a)),
                          vreinterpret_s8_s16(vget_low_s16(b))))
GEMCUT_RATE_LOOP(dotSigned, "dotprod", int32x4_t, vdupq_n_s32(0),
                 vdotq_s32(sum, vreinterpretq_s8_s32(a),
                           vreinterpretq_s8_s32(b)))
GEMCUT_RATE_LOOP(dotBf16, "bf16", float32x4_t, vdupq_n_f32(0),
                 vbfdotq_f32(sum, vreinterpretq_bf16_f32(a),
                             vreinterpretq_bf16_f32(b)))
GEMCUT_RATE_LOOP(fmaNeon, "simd", float32x4_t, vdupq_n_f32(0),
                 vfmaq_f32(sum, a, b))

#endif

/// Whether the comma-separated list holds the name.
static bool hasFeature(const char *list, const char *name) {
  size_t length = strlen(name);
  for (const char *at = list; (at = strstr(at, name)); at += length)
    if ((at == list || at[-1] == ',') && (at[length] == 0 || at[length] == ','))
      return true;
  return false;
}

static Loop chooseLoop(Arithmetic arithmetic, const char *features) {
  switch (arithmetic) {
#if defined(__x86_64__)
  case Arithmetic::Int8:
    if (hasFeature(features, "avx512vnni"))
      return {dotAvx512Vnni, 64};
    if (hasFeature(features, "avxvnni"))
      return {dotAvxVnni, 32};
    if (hasFeature(features, "avx2"))
      return {dotAvx2, 32};
    break;
  case Arithmetic::Bf16:
    if (hasFeature(features, "avx512bf16"))
      return {dotAvx512Bf16, 32};
    break;
  case Arithmetic::F32:
    if (hasFeature(features, "avx512f"))
      return {fmaAvx512, 16};
    if (hasFeature(features, "fma"))
      return {fmaAvx2, 8};
    break;
#elif defined(__aarch64__)
  case Arithmetic::Int8:
    if (hasFeature(features, "dotprod"))
      return {dotSigned, 16};
    return {dotNeon, 8};
  case Arithmetic::Bf16:
    if (hasFeature(features, "bf16"))
      return {dotBf16, 8};
    break;
  case Arithmetic::F32:
    return {fmaNeon, 4};
#endif
  }
  return {};
}

/// Short enough that a thread which comes late does not matter: about 30 us at
/// 2 instructions per cycle.
static constexpr int64_t kIterations = 16000;

/// Runs the loop at `arena` in `rows` chunks.
static void runLoop(const gemcut_step *step, int64_t thread) {
  while (gemcut_team_claim(step->team, thread, step->rows) >= 0)
    reinterpret_cast<const Loop *>(step->arena)->run(kIterations);
  gemcut_team_barrier(step->team, thread);
}

double cli::measureMacRate(Team &team, Arithmetic arithmetic,
                           const char *features) {
  Loop loop = chooseLoop(arithmetic, features);
  if (!loop.run)
    return 0;
  constexpr int kChunksPerThread = 16, kRepetitions = 20;
  gemcut_step step = {};
  step.team = team.state();
  step.arena = reinterpret_cast<uint8_t *>(&loop);
  step.rows = kChunksPerThread * team.threads();
  double macs = double(step.rows) * kIterations * kAccumulators * loop.macs;
  double best = 0;
  for (int i = 0; i < kRepetitions; ++i) {
    double start = seconds();
    team.run(runLoop, &step);
    best = std::max(best, macs / (seconds() - start));
  }
  return best;
}
