//===- ApiTest.cpp - gemcut.h over a fake model ---------------------------===//

#include "runtime/abi/bundle.h"
#include "runtime/abi/gemcut.h"
#include "runtime/abi/packed_layout.h"
#include "runtime/core/artifact.h"
#include "runtime/core/xxhash64.h"
#include "test/unit/runtime/FakeModel.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <cstring>
#include <set>
#include <string>
#include <thread>
#include <vector>

using namespace gemcut;
using namespace gemcut::test;

namespace {

/// Whether this thread's last error holds `fragment`.
bool says(const char *fragment) {
  return std::strstr(gemcut_last_error(), fragment) != nullptr;
}

/// The fake model as the compiler would put it into a library.
class FakeLibrary {
public:
  FakeLibrary() {
    gemcut_footer footer = {};
    footer.version = GEMCUT_FOOTER_VERSION;
    footer.section_count = 1;
    footer.file_length = sizeof(blob);
    footer.sections[0] = {GEMCUT_SECTION_WEIGHTS, 0, 0, kFakeWeightBytes,
                          xxh64(blob, kFakeWeightBytes)};
    std::memcpy(footer.magic, GEMCUT_FOOTER_MAGIC, sizeof(footer.magic));
    footer.checksum = xxh64(&footer, offsetof(gemcut_footer, checksum));
    std::memcpy(blob + kFakeWeightBytes, &footer, sizeof(footer));
    bundle.version = GEMCUT_BUNDLE_VERSION;
    bundle.size = sizeof(bundle);
    bundle.model = &gemcut_model;
    bundle.levels = gemcut_levels;
    bundle.level_count = uint64_t(gemcut_level_count);
    bundle.blob = blob;
    bundle.blob_bytes = sizeof(blob);
  }

  gemcut_bundle bundle = {};
  alignas(4096) uint8_t blob[kFakeWeightBytes + sizeof(gemcut_footer)] = {};
};

class ApiTest : public testing::Test {
protected:
  void SetUp() override {
    ASSERT_EQ(gemcut_load(&library.bundle, nullptr, &engine), GEMCUT_OK)
        << gemcut_last_error();
  }
  void TearDown() override {
    gemcut_session_destroy(session);
    gemcut_unload(engine);
  }
  void createSession() {
    gemcut_session_options options = GEMCUT_SESSION_OPTIONS;
    options.threads = 2;
    ASSERT_EQ(gemcut_session_create(engine, &options, &session), GEMCUT_OK)
        << gemcut_last_error();
  }

  FakeLibrary library;
  gemcut_engine *engine = nullptr;
  gemcut_session *session = nullptr;
};

void expectLogits(const float *logits, const std::vector<int32_t> &ids) {
  uint64_t state = fakeState(ids.data(), int64_t(ids.size()), 0);
  for (int32_t v = 0; v < kFakeVocab; ++v)
    ASSERT_EQ(logits[v], fakeLogit(state, v, 0)) << v;
}

std::vector<int32_t> generateGreedily(gemcut_session *session,
                                      const std::vector<int32_t> &prompt,
                                      int64_t limit,
                                      gemcut_generate_result *result) {
  std::vector<int32_t> ids;
  gemcut_sampling sampling = GEMCUT_SAMPLING;
  sampling.temperature = 0;
  gemcut_generate_options options = GEMCUT_GENERATE_OPTIONS;
  options.sampling = &sampling;
  options.limit = limit;
  options.ignore_stop = 1;
  options.user = &ids;
  options.on_token = [](void *user, int32_t id) {
    static_cast<std::vector<int32_t> *>(user)->push_back(id);
    return 0;
  };
  EXPECT_EQ(
      gemcut_generate(session, prompt.data(), prompt.size(), &options, result),
      GEMCUT_OK)
      << gemcut_last_error();
  return ids;
}

} // namespace

TEST_F(ApiTest, SaysWhatTheModelIs) {
  gemcut_info info = GEMCUT_INFO;
  ASSERT_EQ(gemcut_get_info(engine, &info), GEMCUT_OK);
  EXPECT_EQ(info.vocab_size, kFakeVocab);
  EXPECT_EQ(info.context, kFakeContext);
  EXPECT_STREQ(info.level, "baseline");
  EXPECT_EQ(info.has_tokenizer, 0);
  EXPECT_EQ(info.struct_size, sizeof(info));
  EXPECT_GT(info.session_bytes, info.kv_bytes);
}

TEST_F(ApiTest, OlderCallersGetTheFieldsTheyKnow) {
  gemcut_info info;
  std::memset(&info, 0x55, sizeof(info));
  info.struct_size = offsetof(gemcut_info, kv_type);
  ASSERT_EQ(gemcut_get_info(engine, &info), GEMCUT_OK);
  EXPECT_STREQ(info.quantization, "none");
  EXPECT_EQ(uintptr_t(info.kv_type), uintptr_t(0x5555555555555555));
}

TEST_F(ApiTest, RefusesStructsItDoesNotUnderstand) {
  struct {
    gemcut_session_options known;
    int64_t unknown;
  } newer = {GEMCUT_SESSION_OPTIONS, 0};
  newer.known.struct_size = sizeof(newer);
  newer.known.threads = 1;
  ASSERT_EQ(gemcut_session_create(engine, &newer.known, &session), GEMCUT_OK);
  gemcut_session *other = nullptr;
  newer.unknown = 1;
  EXPECT_EQ(gemcut_session_create(engine, &newer.known, &other),
            GEMCUT_INVALID_ARGUMENT);
  EXPECT_TRUE(says("gemcut_session_options")) << gemcut_last_error();
  newer.known.struct_size = 0;
  EXPECT_EQ(gemcut_session_create(engine, &newer.known, &other),
            GEMCUT_INVALID_ARGUMENT);
  EXPECT_TRUE(says("struct_size")) << gemcut_last_error();
  EXPECT_EQ(other, nullptr);
}

TEST_F(ApiTest, RefusesLevelsThatTheCpuLacks) {
  gemcut_load_options options = GEMCUT_LOAD_OPTIONS;
  gemcut_engine *other = nullptr;
  options.level = "avx1024";
  EXPECT_EQ(gemcut_load(&library.bundle, &options, &other),
            GEMCUT_INVALID_ARGUMENT);
  EXPECT_TRUE(says("avx1024")) << gemcut_last_error();
  options.level = "impossible";
  EXPECT_EQ(gemcut_load(&library.bundle, &options, &other),
            GEMCUT_UNSUPPORTED_CPU);
  EXPECT_EQ(other, nullptr);
}

TEST_F(ApiTest, RefusesDamagedBundles) {
  gemcut_engine *other = nullptr;
  library.bundle.version = 99;
  EXPECT_EQ(gemcut_load(&library.bundle, nullptr, &other),
            GEMCUT_CORRUPT_ARTIFACT);
  library.bundle.version = GEMCUT_BUNDLE_VERSION;
  EXPECT_EQ(gemcut_verify(engine), GEMCUT_OK);
  library.blob[7] ^= 1;
  EXPECT_EQ(gemcut_verify(engine), GEMCUT_CORRUPT_ARTIFACT);
  library.blob[kFakeWeightBytes] ^= 1; // the footer
  EXPECT_EQ(gemcut_load(&library.bundle, nullptr, &other),
            GEMCUT_CORRUPT_ARTIFACT);
  library.bundle.sidecar = "there-is-no-such-file.gemw";
  EXPECT_NE(gemcut_load(&library.bundle, nullptr, &other), GEMCUT_OK);
  EXPECT_EQ(other, nullptr);
}

TEST_F(ApiTest, LooksForTheSidecarBesideTheProgram) {
  // No weights in the blob.
  auto *footer =
      reinterpret_cast<gemcut_footer *>(library.blob + kFakeWeightBytes);
  footer->section_count = 0;
  footer->sections[0] = {};
  footer->checksum = xxh64(footer, offsetof(gemcut_footer, checksum));
  // Initialised, and so a part of this program's file.
  static gemcut_bundle bundle = {1, 0,       nullptr, nullptr,
                                 0, nullptr, 0,       nullptr};
  bundle = library.bundle;
  bundle.sidecar = "there-is-no-such-file.gemw";
  gemcut_engine *other = nullptr;
  EXPECT_EQ(gemcut_load(&bundle, nullptr, &other), GEMCUT_SYSTEM_ERROR);
  EXPECT_TRUE(says(GEMCUT_BINARY_DIR "/test/there-is-no-such-file.gemw"))
      << gemcut_last_error();
}

TEST_F(ApiTest, StepsGiveLogits) {
  createSession();
  float *logits = nullptr;
  std::vector<int32_t> ids = {7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
  ASSERT_EQ(gemcut_prefill(session, ids.data(), ids.size(), &logits),
            GEMCUT_OK);
  expectLogits(logits, ids);
  ASSERT_EQ(gemcut_decode(session, 20, &logits), GEMCUT_OK);
  ids.push_back(20);
  expectLogits(logits, ids);
  EXPECT_EQ(gemcut_session_length(session), ids.size());
  EXPECT_EQ(gemcut_decode(session, kFakeVocab, nullptr),
            GEMCUT_INVALID_ARGUMENT);
  ASSERT_EQ(gemcut_session_rewind(session, 10), GEMCUT_OK);
  ASSERT_EQ(gemcut_decode(session, 21, &logits), GEMCUT_OK);
  ids.back() = 21;
  expectLogits(logits, ids);
  ASSERT_EQ(gemcut_session_reset(session), GEMCUT_OK);
  EXPECT_EQ(gemcut_session_length(session), 0u);
}

TEST_F(ApiTest, ScoringGivesTheLogitsBehindEveryId) {
  createSession();
  struct Rows {
    std::vector<int32_t> ids;
    size_t seen = 0;
  } rows{{7, 8, 9, 10, 11, 12, 13, 14, 15, 16}};
  ASSERT_EQ(gemcut_score(
                session, rows.ids.data(), rows.ids.size(),
                [](void *user, size_t row, const float *logits) {
                  auto *rows = static_cast<Rows *>(user);
                  EXPECT_EQ(row, rows->seen++);
                  expectLogits(logits,
                               {rows->ids.begin(),
                                rows->ids.begin() + ptrdiff_t(row) + 1});
                },
                &rows),
            GEMCUT_OK);
  EXPECT_EQ(rows.seen, rows.ids.size());
  EXPECT_EQ(gemcut_session_length(session), rows.ids.size());
  int32_t outside = kFakeVocab;
  EXPECT_EQ(
      gemcut_score(
          session, &outside, 1, [](void *, size_t, const float *) {}, nullptr),
      GEMCUT_INVALID_ARGUMENT);
  EXPECT_EQ(gemcut_score(session, rows.ids.data(), 1, nullptr, nullptr),
            GEMCUT_INVALID_ARGUMENT);
  EXPECT_TRUE(says("needs on_logits")) << gemcut_last_error();
  EXPECT_EQ(gemcut_session_length(session), rows.ids.size());
}

TEST_F(ApiTest, GeneratesUntilALimitOrTheContextOrTheCaller) {
  createSession();
  gemcut_generate_result result = GEMCUT_GENERATE_RESULT;
  std::vector<int32_t> few = generateGreedily(session, {7, 8}, 5, &result);
  EXPECT_EQ(few.size(), 5u);
  EXPECT_EQ(result.reason, GEMCUT_STOP_LIMIT);
  EXPECT_EQ(result.prompt_tokens, 2u);
  EXPECT_EQ(result.new_tokens, 5u);
  ASSERT_EQ(gemcut_session_reset(session), GEMCUT_OK);
  std::vector<int32_t> all = generateGreedily(session, {7, 8}, -1, &result);
  EXPECT_EQ(result.reason, GEMCUT_STOP_CONTEXT_FULL);
  EXPECT_TRUE(std::equal(few.begin(), few.end(), all.begin()));
  int32_t id = 7;
  EXPECT_EQ(gemcut_generate(session, &id, 1, nullptr, nullptr),
            GEMCUT_CONTEXT_FULL);

  ASSERT_EQ(gemcut_session_reset(session), GEMCUT_OK);
  gemcut_generate_options options = GEMCUT_GENERATE_OPTIONS;
  options.ignore_stop = 1;
  options.on_token = [](void *, int32_t) { return 1; };
  ASSERT_EQ(gemcut_generate(session, &id, 1, &options, &result), GEMCUT_OK);
  EXPECT_EQ(result.reason, GEMCUT_STOP_CALLBACK);
  EXPECT_EQ(result.new_tokens, 1u);
}

TEST_F(ApiTest, StopsBetweenStepsOfThePrompt) {
  createSession();
  std::vector<int32_t> prompt(3 * kFakePrefillChunk, 7);
  struct Seen {
    size_t most; // steps
    std::vector<size_t> done, total;
  } seen{2, {}, {}};
  gemcut_generate_options options = GEMCUT_GENERATE_OPTIONS;
  options.limit = 1;
  options.user = &seen;
  options.on_step = [](void *user, size_t done, size_t total) {
    auto *seen = static_cast<Seen *>(user);
    seen->done.push_back(done);
    seen->total.push_back(total);
    return int(seen->done.size() == seen->most);
  };
  gemcut_generate_result result = GEMCUT_GENERATE_RESULT;
  ASSERT_EQ(
      gemcut_generate(session, prompt.data(), prompt.size(), &options, &result),
      GEMCUT_OK);
  const size_t chunk = kFakePrefillChunk;
  EXPECT_EQ(seen.done, (std::vector<size_t>{chunk, 2 * chunk}));
  EXPECT_EQ(seen.total, (std::vector<size_t>{3 * chunk, 3 * chunk}));
  EXPECT_EQ(result.reason, GEMCUT_STOP_CALLBACK);
  EXPECT_EQ(result.prompt_tokens, 2 * chunk);
  EXPECT_EQ(result.new_tokens, 0u);
  EXPECT_EQ(gemcut_session_length(session), 2 * chunk);

  // What had run counts, and all of it is as if it had run at once.
  std::vector<int32_t> rest =
      generateGreedily(session, std::vector<int32_t>(chunk, 7), 4, &result);
  ASSERT_EQ(gemcut_session_reset(session), GEMCUT_OK);
  EXPECT_EQ(rest, generateGreedily(session, prompt, 4, &result));
}

TEST_F(ApiTest, SessionsAreSavedAndLoaded) {
  createSession();
  gemcut_generate_result result = GEMCUT_GENERATE_RESULT;
  std::string path = testing::TempDir() + "/state.gemcut";
  std::vector<int32_t> prompt{7, 8, 9};
  float *logits = nullptr;
  ASSERT_EQ(gemcut_prefill(session, prompt.data(), prompt.size(), &logits),
            GEMCUT_OK);
  ASSERT_EQ(gemcut_session_save(session, path.c_str()), GEMCUT_OK)
      << gemcut_last_error();
  std::vector<int32_t> expected = generateGreedily(session, {4}, 5, &result);

  ASSERT_EQ(gemcut_session_reset(session), GEMCUT_OK);
  ASSERT_EQ(gemcut_session_load(session, path.c_str()), GEMCUT_OK)
      << gemcut_last_error();
  EXPECT_EQ(gemcut_session_length(session), prompt.size());
  EXPECT_EQ(generateGreedily(session, {4}, 5, &result), expected);

  size_t length = gemcut_session_length(session);
  EXPECT_EQ(gemcut_session_load(session, "/no/such/file"), GEMCUT_SYSTEM_ERROR);
  EXPECT_EQ(gemcut_session_load(session, nullptr), GEMCUT_INVALID_ARGUMENT);
  EXPECT_EQ(gemcut_session_save(session, "/no/such/folder/file"),
            GEMCUT_SYSTEM_ERROR);
  EXPECT_EQ(gemcut_session_length(session), length);
  std::remove(path.c_str());
}

TEST_F(ApiTest, NoIdComesTwice) {
  createSession();
  std::vector<int32_t> ids{7, 8};
  gemcut_sampling sampling = GEMCUT_SAMPLING;
  sampling.no_repeat = 1;
  gemcut_generate_options options = GEMCUT_GENERATE_OPTIONS;
  options.sampling = &sampling;
  options.ignore_stop = 1;
  options.limit = 30;
  options.user = &ids;
  options.on_token = [](void *user, int32_t id) {
    static_cast<std::vector<int32_t> *>(user)->push_back(id);
    return 0;
  };
  int32_t prompt[] = {7, 8};
  ASSERT_EQ(gemcut_generate(session, prompt, 2, &options, nullptr), GEMCUT_OK);
  EXPECT_EQ(ids.size(), 32u);
  EXPECT_EQ(std::set<int32_t>(ids.begin(), ids.end()).size(), 32u);
}

TEST_F(ApiTest, EqualSeedsGiveEqualAnswers) {
  createSession();
  std::vector<int32_t> answers[3];
  for (int i = 0; i < 3; ++i) {
    gemcut_sampling sampling = GEMCUT_SAMPLING;
    ASSERT_EQ(gemcut_default_sampling(engine, &sampling), GEMCUT_OK);
    EXPECT_EQ(sampling.top_k, 10);
    sampling.seed = i == 2 ? 4 : 3;
    gemcut_generate_options options = GEMCUT_GENERATE_OPTIONS;
    options.sampling = &sampling;
    options.limit = 30;
    options.ignore_stop = 1;
    options.user = &answers[i];
    options.on_token = [](void *user, int32_t id) {
      static_cast<std::vector<int32_t> *>(user)->push_back(id);
      return 0;
    };
    int32_t id = 7;
    ASSERT_EQ(gemcut_session_reset(session), GEMCUT_OK);
    ASSERT_EQ(gemcut_generate(session, &id, 1, &options, nullptr), GEMCUT_OK);
  }
  EXPECT_EQ(answers[0], answers[1]);
  EXPECT_NE(answers[0], answers[2]);
}

TEST_F(ApiTest, RefusesNullHandles) {
  gemcut_info info = GEMCUT_INFO;
  EXPECT_EQ(gemcut_get_info(nullptr, &info), GEMCUT_INVALID_ARGUMENT);
  EXPECT_STREQ(gemcut_last_error(), "the engine is null");
  EXPECT_EQ(gemcut_verify(nullptr), GEMCUT_INVALID_ARGUMENT);
  gemcut_session *session = nullptr;
  EXPECT_EQ(gemcut_session_create(nullptr, nullptr, &session),
            GEMCUT_INVALID_ARGUMENT);
  int32_t id = 0;
  EXPECT_EQ(gemcut_prefill(nullptr, &id, 1, nullptr), GEMCUT_INVALID_ARGUMENT);
  EXPECT_STREQ(gemcut_last_error(), "the session is null");
  EXPECT_EQ(gemcut_decode(nullptr, id, nullptr), GEMCUT_INVALID_ARGUMENT);
  EXPECT_EQ(gemcut_session_reset(nullptr), GEMCUT_INVALID_ARGUMENT);
  EXPECT_EQ(gemcut_chat(nullptr, "", nullptr, nullptr),
            GEMCUT_INVALID_ARGUMENT);
  createSession();
  EXPECT_EQ(gemcut_chat(this->session, nullptr, nullptr, nullptr),
            GEMCUT_INVALID_ARGUMENT);
  EXPECT_STREQ(gemcut_last_error(), "the text is null");
  gemcut_sampling sampling = GEMCUT_SAMPLING;
  EXPECT_EQ(gemcut_default_sampling(nullptr, &sampling),
            GEMCUT_INVALID_ARGUMENT);
  EXPECT_EQ(gemcut_session_length(nullptr), 0u);
  EXPECT_EQ(gemcut_adapter_name(nullptr, 0), nullptr);
}

TEST_F(ApiTest, TextNeedsATokenizer) {
  createSession();
  size_t count = 0;
  EXPECT_EQ(gemcut_tokenize(engine, "a", 1, 0, nullptr, 0, &count),
            GEMCUT_INVALID_ARGUMENT);
  EXPECT_TRUE(says("tokenizer")) << gemcut_last_error();
  EXPECT_EQ(gemcut_chat(session, "a", nullptr, nullptr),
            GEMCUT_INVALID_ARGUMENT);
  gemcut_generate_options options = GEMCUT_GENERATE_OPTIONS;
  options.on_text = [](void *, gemcut_text_kind, const char *, size_t) {
    return 0;
  };
  int32_t id = 7;
  EXPECT_EQ(gemcut_generate(session, &id, 1, &options, nullptr),
            GEMCUT_INVALID_ARGUMENT);
}

TEST_F(ApiTest, SessionsOnThreadsDoNotDisturbEachOther) {
  createSession();
  std::vector<int32_t> expected = generateGreedily(session, {9}, 30, nullptr);
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&] {
      for (int round = 0; round < 5; ++round) {
        gemcut_session *own = nullptr;
        gemcut_session_options options = GEMCUT_SESSION_OPTIONS;
        options.threads = 2;
        ASSERT_EQ(gemcut_session_create(engine, &options, &own), GEMCUT_OK);
        EXPECT_EQ(generateGreedily(own, {9}, 30, nullptr), expected);
        // Errors are those of the thread.
        EXPECT_EQ(gemcut_decode(own, -5, nullptr), GEMCUT_INVALID_ARGUMENT);
        EXPECT_TRUE(says("-5")) << gemcut_last_error();
        gemcut_session_destroy(own);
      }
    });
  for (std::thread &thread : threads)
    thread.join();
}
