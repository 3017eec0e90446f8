//===- BatchTest.cpp - Requests that join and leave a running batch -------===//

#include "runtime/session/batch.h"
#include "runtime/core/error.h"
#include "runtime/session/generate.h"
#include "runtime/session/log_softmax.h"
#include "test/unit/runtime/FakeProgram.h"

#include "gtest/gtest.h"

#include <atomic>
#include <cmath>
#include <random>
#include <thread>

using namespace gemcut;
using namespace gemcut::test;

namespace {

/// What one request gave. `log` collects the tickets of all listeners' tokens.
struct Recorder : BatchListener {
  std::vector<int32_t> ids;
  std::vector<BatchToken> tokens;
  BatchResult result;
  std::atomic<int> ended{0};
  size_t mostTokens = SIZE_MAX;
  std::vector<int> *log = nullptr;
  int name = 0;

  bool onToken(const BatchToken &token) override {
    ids.push_back(token.id);
    tokens.push_back(token);
    if (log)
      log->push_back(name);
    return ids.size() < mostTokens;
  }
  void onEnd(const BatchResult &end) override {
    result = end;
    ++ended;
  }
};

BatchRequest makeRequest(std::shared_ptr<Recorder> recorder, size_t promptSize,
                         int32_t seed, int64_t limit) {
  BatchRequest request;
  request.prompt = makeIds(promptSize, seed);
  request.sampling.temperature = 0;
  request.limit = limit;
  request.ignoreStop = true;
  request.listener = std::move(recorder);
  return request;
}

class BatchTest : public testing::Test {
protected:
  void SetUp() override { open(BatchOptions()); }

  void open(const BatchOptions &options) {
    SessionOptions sessionOptions;
    sessionOptions.level = "baseline";
    sessionOptions.threads = 2;
    sessionOptions.slots = kFakeSlots;
    session = std::make_unique<Session>();
    batch = std::make_unique<Batch>();
    ASSERT_EQ(session->open(getFakeProgram(), sessionOptions), GEMCUT_OK);
    ASSERT_EQ(batch->open(*session, options), GEMCUT_OK);
  }

  uint64_t submit(BatchRequest request) {
    uint64_t ticket = 0;
    std::vector<BatchRequest> requests;
    requests.push_back(std::move(request));
    EXPECT_EQ(batch->submit(std::move(requests), ticket),
              Batch::Admission::Accepted);
    return ticket;
  }
  void runAll() {
    while (batch->step())
      ;
  }

  /// The ids of `request` in a session of its own.
  static std::vector<int32_t> runAlone(const BatchRequest &request,
                                       LogitsFilter *filter = nullptr) {
    SessionOptions options;
    options.level = "baseline";
    Session session;
    Sampler sampler;
    EXPECT_EQ(session.open(getFakeProgram(), options), GEMCUT_OK);
    EXPECT_EQ(sampler.open(gemcut_model, request.sampling), GEMCUT_OK);
    GenerateOptions generation;
    generation.limit = request.limit;
    generation.ignoreStop = request.ignoreStop;
    generation.filter = filter;
    GenerateStats stats;
    std::vector<int32_t> ids;
    EXPECT_EQ(generate(
                  session, sampler, 0, request.prompt.data(),
                  request.prompt.size(), generation,
                  [](void *context, int32_t id) {
                    static_cast<std::vector<int32_t> *>(context)->push_back(id);
                    return true;
                  },
                  &ids, stats),
              GEMCUT_OK);
    return ids;
  }

  std::unique_ptr<Session> session;
  std::unique_ptr<Batch> batch;
};

} // namespace

TEST_F(BatchTest, StreamsEqualTheirLoneRunsWhoeverJoinsOrLeaves) {
  std::mt19937 random(1);
  std::vector<std::shared_ptr<Recorder>> recorders;
  std::vector<std::vector<int32_t>> expected;
  for (int i = 0; i < 60; ++i) {
    auto recorder = std::make_shared<Recorder>();
    BatchRequest request =
        makeRequest(recorder, 1 + random() % 25, i, int64_t(1 + random() % 12));
    if (i % 3 == 0) {
      request.sampling = getDefaultSampling(gemcut_model);
      request.sampling.seed = uint64_t(i);
    }
    request.ignoreStop = i % 2 == 0;
    expected.push_back(runAlone(request));
    recorders.push_back(recorder);
    submit(std::move(request));
    for (unsigned steps = random() % 6; steps > 0; --steps)
      batch->step();
  }
  runAll();
  for (size_t i = 0; i < recorders.size(); ++i) {
    EXPECT_EQ(recorders[i]->ids, expected[i]) << i;
    EXPECT_EQ(recorders[i]->ended, 1) << i;
  }
  BatchCounters counters = batch->getCounters();
  EXPECT_EQ(counters.completed, 60u);
  EXPECT_EQ(counters.generating + counters.readingPrompts + counters.queued,
            0u);
}

TEST_F(BatchTest, LongPromptsDoNotHoldUpOthers) {
  std::vector<int> log;
  auto quick = std::make_shared<Recorder>(),
       slow = std::make_shared<Recorder>();
  quick->log = slow->log = &log;
  quick->name = 1;
  slow->name = 2;
  submit(makeRequest(quick, 1, 1, 20));
  batch->step();
  submit(makeRequest(slow, 5 * kFakePrefillChunk, 2, 1));
  runAll();
  // A token of the quick one behind each of the five chunks.
  auto first = std::find(log.begin(), log.end(), 2);
  EXPECT_EQ(first - log.begin(), 2 + 4);
}

TEST_F(BatchTest, PromptsTakeTurns) {
  std::vector<int> log;
  std::vector<std::shared_ptr<Recorder>> recorders;
  for (int i = 0; i < 2; ++i) {
    recorders.push_back(std::make_shared<Recorder>());
    recorders[size_t(i)]->log = &log;
    recorders[size_t(i)]->name = i;
  }
  submit(makeRequest(recorders[0], 5 * kFakePrefillChunk, 1, 1));
  submit(makeRequest(recorders[1], kFakePrefillChunk, 2, 1));
  runAll();
  EXPECT_EQ(log, (std::vector<int>{1, 0}));
}

TEST_F(BatchTest, StateErrorsEndOneRequestOnly) {
  auto good = std::make_shared<Recorder>(), bad = std::make_shared<Recorder>(),
       empty = std::make_shared<Recorder>(),
       large = std::make_shared<Recorder>(),
       full = std::make_shared<Recorder>();
  BatchRequest request = makeRequest(good, 5, 1, 6);
  std::vector<int32_t> expected = runAlone(request);
  submit(std::move(request));
  request = makeRequest(bad, 5, 1, 6);
  request.prompt[3] = kFakeVocab;
  submit(std::move(request));
  submit(makeRequest(empty, 0, 1, 6));
  submit(makeRequest(large, size_t(kFakeContext) + 1, 1, 6));
  submit(makeRequest(full, size_t(kFakeContext) - 2, 1, 6));
  runAll();
  EXPECT_EQ(good->ids, expected);
  EXPECT_EQ(bad->result.reason, BatchStop::Failed);
  EXPECT_NE(bad->result.error.find("50"), std::string::npos)
      << bad->result.error;
  EXPECT_EQ(empty->result.error, "the prompt is empty");
  EXPECT_NE(large->result.error.find("context"), std::string::npos);
  EXPECT_EQ(full->result.reason, BatchStop::ContextFull);
  EXPECT_EQ(full->ids.size(), 3u);
  EXPECT_EQ(batch->getCounters().failed, 3u);
}

TEST_F(BatchTest, CancelFreesTheSlotBeforeTheNextToken) {
  std::vector<std::shared_ptr<Recorder>> recorders;
  std::vector<uint64_t> tickets;
  for (int i = 0; i < kFakeSlots + 1; ++i) {
    recorders.push_back(std::make_shared<Recorder>());
    tickets.push_back(submit(makeRequest(recorders.back(), 2, i, 30)));
  }
  for (int i = 0; i < 6; ++i)
    batch->step();
  EXPECT_EQ(batch->getCounters().queued, 1u);
  size_t before = recorders[0]->ids.size();
  EXPECT_GT(before, 0u);
  batch->cancel(tickets[0]);
  batch->step();
  EXPECT_EQ(recorders[0]->ids.size(), before);
  EXPECT_EQ(recorders[0]->result.reason, BatchStop::Cancelled);
  EXPECT_EQ(batch->getCounters().queued, 0u);
  batch->cancel(tickets[0]); // has ended: nothing happens
  batch->cancel(999);
  runAll();
  EXPECT_EQ(recorders[0]->ended, 1);
  EXPECT_EQ(recorders[kFakeSlots]->ids.size(), 30u);
}

TEST_F(BatchTest, CancelledWhileWaiting) {
  std::vector<std::shared_ptr<Recorder>> recorders;
  uint64_t last = 0;
  for (int i = 0; i < kFakeSlots + 1; ++i) {
    recorders.push_back(std::make_shared<Recorder>());
    last = submit(makeRequest(recorders.back(), 2, i, 3));
  }
  batch->cancel(last);
  runAll();
  EXPECT_EQ(recorders.back()->result.reason, BatchStop::Cancelled);
  EXPECT_TRUE(recorders.back()->ids.empty());
  EXPECT_EQ(recorders.back()->ended, 1);
}

TEST_F(BatchTest, TheQueueIsBounded) {
  BatchOptions options;
  options.queue = 2;
  open(options);
  auto recorder = std::make_shared<Recorder>();
  auto makeMany = [&](size_t count) {
    std::vector<BatchRequest> requests;
    for (size_t i = 0; i < count; ++i)
      requests.push_back(makeRequest(recorder, 2, int32_t(i), 3));
    return requests;
  };
  uint64_t ticket = 0;
  EXPECT_EQ(batch->submit(makeMany(kFakeSlots + 3), ticket),
            Batch::Admission::QueueFull); // all or none
  EXPECT_EQ(batch->submit(makeMany(kFakeSlots + 2), ticket),
            Batch::Admission::Accepted);
  EXPECT_EQ(batch->submit(makeMany(1), ticket), Batch::Admission::QueueFull);
  batch->step();
  EXPECT_EQ(batch->submit(makeMany(1), ticket), Batch::Admission::QueueFull);
  runAll();
  EXPECT_EQ(recorder->ended, kFakeSlots + 2);
  EXPECT_EQ(batch->getCounters().refused, 3u);
  EXPECT_EQ(batch->submit(makeMany(1), ticket), Batch::Admission::Accepted);
  batch->close(/*cancelAll=*/false);
  EXPECT_EQ(batch->submit(makeMany(1), ticket), Batch::Admission::Closed);
  batch->run(); // ends
  EXPECT_EQ(recorder->ended, kFakeSlots + 3);
}

TEST_F(BatchTest, ListenersEndRequests) {
  auto recorder = std::make_shared<Recorder>();
  recorder->mostTokens = 4;
  submit(makeRequest(recorder, 2, 1, 30));
  runAll();
  EXPECT_EQ(recorder->ids.size(), 4u);
  EXPECT_EQ(recorder->result.reason, BatchStop::Listener);
  EXPECT_EQ(recorder->result.newTokens, 4u);
  EXPECT_EQ(recorder->result.promptTokens, 2u);
}

TEST_F(BatchTest, LogprobsAreThoseOfTheModel) {
  auto recorder = std::make_shared<Recorder>();
  BatchRequest request = makeRequest(recorder, 6, 1, 2);
  std::vector<int32_t> prompt = request.prompt;
  request.logprobs = 3;
  request.biases = {{17, 100}}; // decides, but does not show
  submit(std::move(request));
  runAll();
  std::vector<float> logits = expectedLogits(prompt, 6);
  double sum = getLogSumExp(logits.data(), logits.size());
  const BatchToken &token = recorder->tokens.at(0);
  EXPECT_EQ(token.id, 17);
  EXPECT_EQ(token.chosen.id, 17);
  EXPECT_DOUBLE_EQ(token.chosen.logprob, double(logits[17]) - sum);
  ASSERT_EQ(token.likeliest.size(), 3u);
  size_t best = getArgmax(logits.data(), logits.size());
  EXPECT_EQ(token.likeliest[0].id, int32_t(best));
  EXPECT_DOUBLE_EQ(token.likeliest[0].logprob, double(logits[best]) - sum);
  EXPECT_GE(token.likeliest[0].logprob, token.likeliest[1].logprob);
  EXPECT_GE(token.likeliest[1].logprob, token.likeliest[2].logprob);
}

TEST_F(BatchTest, BiasesForbidAndPenaltiesSpread) {
  auto recorder = std::make_shared<Recorder>(),
       penalized = std::make_shared<Recorder>();
  BatchRequest request = makeRequest(recorder, 6, 1, 8);
  for (int32_t id = 0; id < kFakeVocab; ++id)
    if (id != 20 && id != 30)
      request.biases.push_back({id, -INFINITY});
  submit(std::move(request));
  request = makeRequest(penalized, 6, 1, 24);
  request.frequencyPenalty = 1000;
  submit(std::move(request));
  runAll();
  for (int32_t id : recorder->ids)
    EXPECT_TRUE(id == 20 || id == 30) << id;
  std::vector<int32_t> ids = penalized->ids;
  std::sort(ids.begin(), ids.end());
  EXPECT_EQ(std::unique(ids.begin(), ids.end()), ids.end());
  EXPECT_EQ(ids.size(), 24u);
}

namespace {
/// Even ids alone, and `most` of them.
struct EvenIds : LogitsFilter {
  explicit EvenIds(size_t most) : most(most) {}
  void apply(float *logits) override {
    for (int32_t id = 1; id < kFakeVocab; id += 2)
      logits[id] = -INFINITY;
  }
  void accept(int32_t id) override { seen.push_back(id); }
  bool isFinished() override { return seen.size() == most; }

  size_t most;
  std::vector<int32_t> seen;
};
} // namespace

TEST_F(BatchTest, FiltersChooseAmongWhatTheyLeave) {
  std::vector<std::shared_ptr<Recorder>> recorders;
  std::vector<std::shared_ptr<EvenIds>> filters;
  for (int i = 0; i < 4; ++i) {
    recorders.push_back(std::make_shared<Recorder>());
    filters.push_back(std::make_shared<EvenIds>(6));
    BatchRequest request = makeRequest(recorders.back(), 5, i, /*limit=*/20);
    request.filter = filters.back();
    request.sampling.temperature = i % 2 ? 1.0f : 0;
    submit(std::move(request));
  }
  auto free = std::make_shared<Recorder>();
  submit(makeRequest(free, 5, /*seed=*/0, /*limit=*/6));
  runAll();
  for (int i = 0; i < 4; ++i) {
    EXPECT_EQ(recorders[i]->ids.size(), 6u);
    EXPECT_EQ(recorders[i]->ids, filters[i]->seen);
    EXPECT_EQ(recorders[i]->result.reason, BatchStop::StopId);
    for (int32_t id : recorders[i]->ids)
      EXPECT_EQ(id % 2, 0);
    BatchRequest request = makeRequest(nullptr, 5, i, /*limit=*/20);
    request.sampling.temperature = i % 2 ? 1.0f : 0;
    EvenIds alone(6);
    EXPECT_EQ(runAlone(request, &alone), recorders[i]->ids);
    EXPECT_EQ(alone.seen, recorders[i]->ids);
  }
  EXPECT_NE(free->ids, recorders[0]->ids);
}

TEST_F(BatchTest, CachedPrefixesChangeNothing) {
  BatchOptions options;
  options.cacheBytes = 2048; // a few sequences: some are dropped
  open(options);
  std::mt19937 random(5);
  std::vector<std::shared_ptr<Recorder>> recorders;
  std::vector<std::vector<int32_t>> expected;
  for (int i = 0; i < 80; ++i) {
    auto recorder = std::make_shared<Recorder>();
    // Of one of three beginnings, cut anywhere, and something else behind.
    BatchRequest request =
        makeRequest(recorder, 1 + random() % 36, int32_t(random() % 3), 3);
    for (size_t j = random() % 40; j < request.prompt.size(); ++j)
      request.prompt[j] = int32_t(random() % kFakeVocab);
    expected.push_back(runAlone(request));
    recorders.push_back(recorder);
    submit(std::move(request));
    for (unsigned steps = random() % 6; steps > 0; --steps)
      batch->step();
  }
  runAll();
  size_t cached = 0;
  for (size_t i = 0; i < recorders.size(); ++i) {
    EXPECT_EQ(recorders[i]->ids, expected[i]) << i;
    EXPECT_LT(recorders[i]->result.cachedTokens,
              recorders[i]->result.promptTokens);
    cached += recorders[i]->result.cachedTokens;
  }
  BatchCounters counters = batch->getCounters();
  EXPECT_GT(cached, 100u);
  EXPECT_EQ(counters.cachedTokens, cached);
  EXPECT_GT(counters.cacheBytes, 0u);
  EXPECT_LE(counters.cacheBytes, options.cacheBytes);
}

TEST_F(BatchTest, AStepCopiesOnePromptWhileOthersGenerate) {
  BatchOptions options;
  options.cacheBytes = 1 << 20;
  open(options);
  submit(makeRequest(std::make_shared<Recorder>(), 30, 1, 1));
  runAll();
  auto first = std::make_shared<Recorder>();
  submit(makeRequest(first, 5, 2, 20));
  batch->step();
  BatchCounters before = batch->getCounters();
  ASSERT_EQ(before.generating, 1u);
  submit(makeRequest(std::make_shared<Recorder>(), 30, 1, 4));
  submit(makeRequest(std::make_shared<Recorder>(), 30, 1, 4));
  for (size_t copied = 1; copied <= 2; ++copied) {
    batch->step();
    BatchCounters now = batch->getCounters();
    EXPECT_EQ(now.cachedTokens, copied * 29);
    EXPECT_EQ(now.queued, 2 - copied);
    EXPECT_EQ(now.promptSteps, before.promptSteps); // copying is enough
    EXPECT_EQ(now.decodeSteps, before.decodeSteps + copied);
  }
  runAll();
  EXPECT_EQ(first->ids.size(), 20u);
  EXPECT_GT(batch->getCounters().longestStepSeconds, 0);
}

TEST_F(BatchTest, ThreadsSubmitAndCancelWhileItRuns) {
  std::thread engine([&] { batch->run(); });
  constexpr int kThreads = 4, kRequests = 50;
  std::vector<std::shared_ptr<Recorder>> recorders;
  for (int i = 0; i < kThreads * kRequests; ++i)
    recorders.push_back(std::make_shared<Recorder>());
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t)
    threads.emplace_back([&, t] {
      for (int i = 0; i < kRequests; ++i) {
        auto &recorder = recorders[size_t(t * kRequests + i)];
        uint64_t ticket = 0;
        while (true) {
          std::vector<BatchRequest> requests;
          requests.push_back(makeRequest(recorder, 3, i, 5));
          if (batch->submit(std::move(requests), ticket) ==
              Batch::Admission::Accepted)
            break;
          std::this_thread::yield();
        }
        if (i % 3 == 0)
          batch->cancel(ticket);
      }
    });
  for (std::thread &thread : threads)
    thread.join();
  batch->close(/*cancelAll=*/false);
  engine.join();
  for (auto &recorder : recorders)
    EXPECT_EQ(recorder->ended, 1);
  BatchCounters counters = batch->getCounters();
  EXPECT_EQ(counters.completed + counters.cancelled,
            uint64_t(kThreads * kRequests));
  EXPECT_EQ(counters.generating + counters.readingPrompts + counters.queued,
            0u);
}
