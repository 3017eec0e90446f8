//===- server_body_fuzz.cpp - Bodies of requests, and their answers -------===//
//
// The first byte chooses the endpoint, the rest is the body. What is accepted
// is answered with tokens that the body decides.
//
//===----------------------------------------------------------------------===//

#include "frontends/ChatTemplate/ChatTemplate.h"
#include "frontends/Tokenizer/TokenizerTables.h"
#include "runtime/server/answer_format.h"
#include "runtime/server/routes.h"
#include "runtime/text/json_reader.h"
#include "test/fuzz/Require.h"

#include <fstream>
#include <iterator>

using namespace gemcut;
using namespace gemcut::server;
using namespace gemcut::test;

static std::string readFile(const char *name) {
  std::ifstream file(std::string(GEMCUT_SOURCE_DIR "/examples/tiny-gemma4/") +
                     name);
  return {std::istreambuf_iterator<char>(file), {}};
}

namespace {

/// The vocabulary of tiny-gemma4 and as much of a model as bodies see.
struct Setup {
  Setup() {
    auto compiled = tokenizer::compileTokenizerJson(
        readFile("tokenizer.json"), "tokenizer.json", /*vocabSize=*/4096,
        tokenizer::TokenNames());
    require(bool(compiled), "the tokenizer compiles");
    tables = std::move(*compiled);
    require(text::Tokenizer::open(tables.data(), tables.size(), &tokenizer,
                                  nullptr) == GEMCUT_OK,
            "the tokenizer opens");
    auto compiledChat =
        chat::compileChatTemplate(readFile("chat_template.jinja"), "t");
    require(bool(compiledChat), "the chat template compiles");
    program = std::move(*compiledChat);
    require(text::ChatTemplate::open(program.data(), program.size(),
                                     &chatTemplate, nullptr) == GEMCUT_OK,
            "the chat template opens");
    model.vocab_size = 4096;
    model.special = {0,
                     2,
                     1,
                     tokenizer.role(GEMCUT_TOKEN_TURN_OPEN),
                     tokenizer.role(GEMCUT_TOKEN_TURN_CLOSE),
                     tokenizer.role(GEMCUT_TOKEN_THINK),
                     tokenizer.role(GEMCUT_TOKEN_CHANNEL_OPEN),
                     tokenizer.role(GEMCUT_TOKEN_CHANNEL_CLOSE)};
    model.stop_ids[model.stop_id_count++] = 1;
    context.model = &model;
    context.tokenizer = &tokenizer;
    context.chat = &chatTemplate;
    context.name = "fuzz";
    context.context = 512;
  }

  std::vector<uint8_t> tables, program;
  text::ChatTemplate chatTemplate;
  text::Tokenizer tokenizer;
  gemcut_model_info model = {};
  ModelContext context;
  Batch batch;
};

} // namespace

static bool isJson(const std::string &text) {
  text::Value value;
  std::string error;
  return !text::parseJson(text, &value, &error);
}

/// Answers of some tokens each, to be written whole or as a stream.
static void answer(const GenerationRequest &request, const Setup &setup,
                   uint64_t state) {
  auto job = std::make_shared<Job>([] {});
  std::unique_ptr<AnswerFormat> format = makeFormat(request, setup.context);
  size_t count = request.prompts.size() * size_t(request.choices);
  std::string out;
  if (request.stream)
    format->begin(out);
  for (size_t index = 0; index < count; ++index) {
    Answer listener(setup.tokenizer, request, job, index);
    BatchResult result;
    result.reason = BatchStop::Limit;
    for (int i = 0; i < 24; ++i) {
      state = state * 6364136223846793005u + 1442695040888963407u;
      BatchToken token = {};
      // Control tokens are among the first ids.
      token.id = int32_t((state >> 40) % (i % 2 ? 64 : 4096));
      token.chosen = {token.id, -1.0};
      if (request.common.logprobs > 0)
        token.likeliest = {{token.id, -1.0}, {7, -2.0}};
      ++result.newTokens;
      if (listener.onToken(token))
        continue;
      result.reason = BatchStop::Listener;
      break;
    }
    listener.onEnd(result);
    for (const AnswerEvent &event : job->take())
      format->add(event, out);
  }
  require(format->isOver(), "all answers end");
  if (!request.stream)
    return require(isJson(format->getWhole()), "the answer is JSON");
  format->end(out);
  static const std::string kData = "data: ";
  for (size_t begin = 0; begin < out.size();) {
    size_t end = out.find("\n\n", begin);
    require(end != out.npos, "events end in an empty line");
    size_t data = out.find(kData, begin);
    require(data < end, "events have data");
    std::string json =
        out.substr(data + kData.size(), end - data - kData.size());
    require(json == "[DONE]" || isJson(json), "events are JSON");
    begin = end + 2;
  }
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static Setup setup;
  if (size == 0)
    return 0;
  static const char *const kPaths[] = {"/v1/chat/completions",
                                       "/v1/completions", "/v1/responses",
                                       "/tokenize", "/detokenize"};
  HttpRequest request;
  request.method = "POST";
  request.path = kPaths[data[0] % 5];
  request.contentType = "application/json";
  request.body.assign(reinterpret_cast<const char *>(data) + 1, size - 1);
  HttpReply reply =
      route(request, setup.context, setup.batch, ServerCounters());
  if (!reply.generation) {
    require(isJson(reply.body), "the reply is JSON");
    require(reply.status == 200 || reply.body.find("{\"error\":") == 0,
            "errors have their form");
    return 0;
  }
  const GenerationRequest &generation = *reply.generation;
  for (const std::vector<int32_t> &prompt : generation.prompts) {
    require(!prompt.empty() && prompt.size() < 512, "the prompt fits");
    for (int32_t id : prompt)
      require(id >= 0 && id < 4096, "ids are in the vocabulary");
  }
  for (const LogitBias &bias : generation.common.biases)
    require(bias.id >= 0 && bias.id < 4096, "biases are in the vocabulary");
  require(checkSampling(generation.common.sampling) == GEMCUT_OK,
          "the sampler takes the options");
  uint64_t state = size;
  for (size_t i = 0; i < size; ++i)
    state = state * 31 + data[i];
  answer(generation, setup, state);
  return 0;
}
