//===- AllocationTest.cpp - Tokens that allocate nothing ------------------===//
//
// All of this binary's allocations come by the functions below.
//
//===----------------------------------------------------------------------===//

#include "runtime/constrain/matcher_filter.h"
#include "runtime/session/batch.h"
#include "runtime/session/generate.h"
#include "test/unit/Constrain/ConstrainFixture.h"
#include "test/unit/runtime/FakeProgram.h"

#include "gtest/gtest.h"

#include <atomic>
#include <random>

using namespace gemcut;
using namespace gemcut::test;

static std::atomic<long> allocations{0};

extern "C" {
void *__libc_malloc(size_t);
void *__libc_calloc(size_t, size_t);
void *__libc_realloc(void *, size_t);
void *__libc_memalign(size_t, size_t);

void *malloc(size_t size) {
  ++allocations;
  return __libc_malloc(size);
}
void *calloc(size_t number, size_t size) {
  ++allocations;
  return __libc_calloc(number, size);
}
void *realloc(void *old, size_t size) {
  ++allocations;
  return __libc_realloc(old, size);
}
void *aligned_alloc(size_t alignment, size_t size) {
  ++allocations;
  return __libc_memalign(alignment, size);
}
}

namespace {

/// Counts what is allocated from the second token of a stream to its last.
struct Counter : BatchListener {
  long first = 0, last = 0;
  size_t tokens = 0;

  bool onToken(const BatchToken &) override {
    last = allocations;
    if (++tokens == 2)
      first = last;
    return true;
  }
  void onEnd(const BatchResult &) override {}
};

/// Forbids every second token, as a grammar may.
struct OddTokens : LogitsFilter {
  void apply(float *logits) override {
    for (int32_t id = 0; id < kFakeVocab; id += 2)
      logits[id] = -INFINITY;
  }
  void accept(int32_t) override {}
  bool isFinished() override { return false; }
};

TEST(Allocations, TheHookCounts) {
  long before = allocations;
  auto memory = std::make_unique<std::string>(100, 'x');
  EXPECT_GE(allocations - before, 2);
}

TEST(Allocations, NoneInStepsOfABatch) {
  SessionOptions options;
  options.level = "baseline";
  options.threads = 2;
  options.slots = kFakeSlots;
  Session session;
  Batch batch;
  ASSERT_EQ(session.open(getFakeProgram(), options), GEMCUT_OK);
  ASSERT_EQ(batch.open(session, BatchOptions()), GEMCUT_OK);
  std::vector<std::shared_ptr<Counter>> counters;
  std::vector<BatchRequest> requests;
  for (int i = 0; i < kFakeSlots; ++i) {
    counters.push_back(std::make_shared<Counter>());
    BatchRequest request;
    request.prompt = {6, 7, 8};
    request.sampling = getDefaultSampling(gemcut_model);
    request.sampling.temperature = float(i);
    request.sampling.topK = i == 2 ? 0 : 5;
    if (i == 1)
      request.filter = std::make_shared<OddTokens>();
    request.limit = 30;
    request.ignoreStop = true;
    request.listener = counters.back();
    requests.push_back(std::move(request));
  }
  uint64_t ticket = 0;
  ASSERT_EQ(batch.submit(std::move(requests), ticket),
            Batch::Admission::Accepted);
  // The first to be admitted generates while the others still arrive.
  while (counters.back()->tokens < 2)
    ASSERT_TRUE(batch.step());
  long before = allocations;
  while (counters.front()->tokens < 29)
    ASSERT_TRUE(batch.step());
  EXPECT_EQ(allocations - before, 0);
  for (const auto &counter : counters)
    EXPECT_GT(counter->tokens, 20u);
}

TEST(Allocations, NoneUnderAGrammarWhoseStatesAreKnown) {
  constrain::GrammarPtr grammar = compileSchema(
      R"({"type": "array", "minItems": 20, "maxItems": 20, "items":
          {"enum": ["a", "abc", "xyz", 12, null]}})");
  ASSERT_TRUE(grammar);
  size_t vocabulary = size_t(getTestVocabulary()->size());
  std::vector<float> logits(vocabulary);
  // Twice the same answer: what the first one met is known to the second.
  for (int pass = 0; pass < 2; ++pass) {
    std::mt19937 random(7);
    constrain::MatcherFilter filter(getTestVocabulary(), grammar);
    long before = allocations;
    int tokens = 0;
    for (; !filter.isFinished(); ++tokens) {
      ASSERT_LT(tokens, 1000);
      for (float &logit : logits)
        logit = float(random() % 1000);
      filter.apply(logits.data());
      filter.accept(int32_t(std::max_element(logits.begin(), logits.end()) -
                            logits.begin()));
    }
    EXPECT_GT(tokens, 30);
    if (pass == 0)
      EXPECT_GT(allocations - before, 0) << "states are worked out";
    else
      EXPECT_EQ(allocations - before, 0);
  }
}

} // namespace
