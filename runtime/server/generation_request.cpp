//===- generation_request.cpp - Members that all endpoints share ----------===//

#include "runtime/server/generation_request.h"

#include <cmath>
#include <sys/random.h>

using namespace gemcut;
using namespace gemcut::server;
using text::Value;

static constexpr size_t kMostStops = 16, kMostBiases = 4096;
static constexpr double kLargestBias = 100; // from there on: never, or always

static void readModel(Fields &fields, const ModelContext &context) {
  std::string name = fields.getString("model", context.name);
  if (name == context.name)
    return;
  fields.fail("model",
              "The model '" + name + "' does not exist; this server has '" +
                  context.name + "'.",
              "model_not_found", 404);
}

static void readBiases(Fields &fields, const ModelContext &context,
                       GenerationRequest &request) {
  const Value *biases = fields.getObject("logit_bias");
  if (!biases)
    return;
  if (biases->entries().size() > kMostBiases)
    fields.fail("logit_bias", "'logit_bias' has more than " +
                                  std::to_string(kMostBiases) + " entries.");
  for (const Value::Entry &entry : biases->entries()) {
    const std::string &key = entry.key.bytes;
    char *end = nullptr;
    long id = key.empty() || key[0] < '0' || key[0] > '9' || key.size() > 9
                  ? -1
                  : strtol(key.c_str(), &end, 10);
    const Value &value = entry.value;
    bool isNumber =
        value.is(Value::Kind::Integer) || value.is(Value::Kind::Real);
    if (id < 0 || *end || id >= context.model->vocab_size || !isNumber ||
        !(std::fabs(value.realValue()) <= kLargestBias)) {
      fields.fail("logit_bias",
                  "'logit_bias' must give token ids below " +
                      std::to_string(context.model->vocab_size) +
                      " numbers from -100 to 100, but has an entry '" + key +
                      "' that does not.");
      return;
    }
    double bias = value.realValue();
    request.common.biases.push_back(
        {int32_t(id), bias <= -kLargestBias ? -INFINITY : float(bias)});
  }
}

void server::readStops(Fields &fields, GenerationRequest &request) {
  const Value *stop = fields.find("stop");
  if (!stop)
    return;
  std::vector<Value> list;
  if (stop->isList())
    list = stop->items();
  else
    list.push_back(*stop);
  if (list.size() > kMostStops)
    fields.fail("stop", "'stop' has more than " + std::to_string(kMostStops) +
                            " strings.");
  for (const Value &entry : list) {
    if (!entry.isString() || entry.bytes().empty()) {
      fields.fail("stop",
                  "'stop' must be a string or an array of strings, none of "
                  "them empty.",
                  "invalid_type");
      return;
    }
    request.stops.emplace_back(entry.bytes());
  }
}

void server::readSampling(Fields &fields, const ModelContext &context,
                          GenerationRequest &request) {
  readModel(fields, context);
  request.stream = fields.getBool("stream", false);
  SamplerOptions &sampling = request.common.sampling;
  sampling = context.sampling;
  // Where the model is greedy by default, a request may ask for more.
  sampling.temperature = float(
      fields.getNumber("temperature", double(sampling.temperature), 0, 2));
  sampling.topP = float(fields.getNumber("top_p", double(sampling.topP), 0, 1));
  if (sampling.topP <= 0) { // OpenAI's way to say greedy
    sampling.topP = 1;
    sampling.temperature = 0;
  }
  sampling.topK = int32_t(
      fields.getInteger("top_k", sampling.topK, -1, context.model->vocab_size));
  if (sampling.topK < 0)
    sampling.topK = 0;
  sampling.minP = float(fields.getNumber("min_p", double(sampling.minP), 0, 1));
  request.common.presencePenalty =
      float(fields.getNumber("presence_penalty", 0, -2, 2));
  request.common.frequencyPenalty =
      float(fields.getNumber("frequency_penalty", 0, -2, 2));
  uint64_t entropy = 0;
  if (getrandom(&entropy, sizeof(entropy), GRND_NONBLOCK) < 0)
    entropy = uint64_t(context.created);
  int64_t seed = fields.getInteger("seed", INT64_MIN, INT64_MIN, INT64_MAX);
  sampling.seed = seed == INT64_MIN ? entropy : uint64_t(seed);
  readBiases(fields, context, request);
  request.common.ignoreStop = fields.getBool("ignore_eos", false);
  // Names of a caller's own books, and promises that hold anyway.
  fields.ignore({"user", "metadata", "safety_identifier", "prompt_cache_key",
                 "prompt_cache_retention", "service_tier", "verbosity"});
}

void server::checkPromptLength(const ModelContext &context, const char *param,
                               GenerationRequest &request, ApiError &error) {
  for (const std::vector<int32_t> &prompt : request.prompts) {
    if (error || prompt.size() < size_t(context.context))
      continue;
    error = makeError(400,
                      "This model's maximum context length is " +
                          std::to_string(context.context) +
                          " tokens, but the prompt has " +
                          std::to_string(prompt.size()) +
                          " tokens and needs room for an answer.",
                      "context_length_exceeded");
    error.param = param;
  }
}
