//===- llama_reference.cpp - What llama.cpp says of a text ----------------===//
//
//   llama_reference MODEL.gguf
//
// Answers each line of stdin with one line, through the C API of libllama:
//
//   tokenize HEX       ids of the text whose UTF-8 bytes are HEX, <bos> in
//   front,
//                      with special tokens in the text as such
//   score ID ID ...    the negative log-likelihood of each id but the first
//   greedy N ID ID ... the N ids that follow, each the one of the largest
//   logit,
//                      and behind each how far the second logit is below it
//
// The cache is float32 and attention plain, so that what differs from other
// engines are the products with quantized weights. Recorded by
// record_llama.py.
//
//===----------------------------------------------------------------------===//

#include "llama.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <sstream>
#include <string>
#include <vector>

static llama_context *context;
static const llama_vocab *vocabulary;
static int vocabularySize;

[[noreturn]] static void fail(const char *what) {
  fprintf(stderr, "error: llama_reference: %s\n", what);
  exit(1);
}

/// Runs `ids` at position `first` on; with `all` every row has logits.
static void step(const std::vector<llama_token> &ids, int first, bool all) {
  llama_batch batch = llama_batch_init(int(ids.size()), 0, 1);
  batch.n_tokens = int(ids.size());
  for (int i = 0; i < batch.n_tokens; ++i) {
    batch.token[i] = ids[size_t(i)];
    batch.pos[i] = first + i;
    batch.n_seq_id[i] = 1;
    batch.seq_id[i][0] = 0;
    batch.logits[i] = all || i + 1 == batch.n_tokens;
  }
  if (llama_decode(context, batch))
    fail("llama_decode failed");
  llama_synchronize(context);
  llama_batch_free(batch);
}

static std::vector<llama_token> readIds(std::istream &stream) {
  std::vector<llama_token> ids;
  for (llama_token id; stream >> id;)
    ids.push_back(id);
  if (ids.empty())
    fail("no ids");
  return ids;
}

static void tokenize(std::istream &stream) {
  std::string hex, text;
  stream >> hex;
  for (size_t i = 0; i + 1 < hex.size(); i += 2)
    text.push_back(char(std::stoi(hex.substr(i, 2), nullptr, 16)));
  std::vector<llama_token> ids(text.size() + 2);
  int count = llama_tokenize(vocabulary, text.data(), int(text.size()),
                             ids.data(), int(ids.size()), /*add_special=*/true,
                             /*parse_special=*/true);
  if (count < 0)
    fail("llama_tokenize failed");
  for (int i = 0; i < count; ++i)
    printf("%d ", ids[size_t(i)]);
}

static void score(std::istream &stream) {
  std::vector<llama_token> ids = readIds(stream);
  llama_memory_clear(llama_get_memory(context), true);
  step(ids, 0, /*all=*/true);
  for (size_t i = 0; i + 1 < ids.size(); ++i) {
    const float *logits = llama_get_logits_ith(context, int(i));
    double largest = *std::max_element(logits, logits + vocabularySize);
    double sum = 0;
    for (int v = 0; v < vocabularySize; ++v)
      sum += std::exp(logits[v] - largest);
    printf("%.6f ", largest + std::log(sum) - logits[ids[i + 1]]);
  }
}

static void greedy(std::istream &stream) {
  int count = 0;
  stream >> count;
  std::vector<llama_token> ids = readIds(stream);
  llama_memory_clear(llama_get_memory(context), true);
  step(ids, 0, /*all=*/false);
  for (int i = 0; i < count; ++i) {
    const float *logits = llama_get_logits_ith(context, -1);
    llama_token id =
        int(std::max_element(logits, logits + vocabularySize) - logits);
    float second = -INFINITY;
    for (int v = 0; v < vocabularySize; ++v)
      if (v != id)
        second = std::max(second, logits[v]);
    printf("%d %.4f ", id, logits[id] - second);
    step({id}, int(ids.size()) + i, /*all=*/false);
  }
}

int main(int argc, char **argv) {
  if (argc != 2)
    fail("needs MODEL.gguf");
  llama_log_set(
      [](ggml_log_level level, const char *text, void *) {
        if (level == GGML_LOG_LEVEL_ERROR)
          fputs(text, stderr);
      },
      nullptr);
  llama_backend_init();
  llama_model *model =
      llama_model_load_from_file(argv[1], llama_model_default_params());
  if (!model)
    fail("the model cannot be loaded");
  vocabulary = llama_model_get_vocab(model);
  vocabularySize = llama_vocab_n_tokens(vocabulary);
  llama_context_params parameters = llama_context_default_params();
  parameters.n_threads = parameters.n_threads_batch = 2;
  parameters.n_ctx = parameters.n_batch = parameters.n_ubatch = 2048;
  parameters.type_k = parameters.type_v = GGML_TYPE_F32;
  parameters.flash_attn_type = LLAMA_FLASH_ATTN_TYPE_DISABLED;
  context = llama_init_from_model(model, parameters);
  if (!context)
    fail("no context");
  for (std::string line; std::getline(std::cin, line);) {
    std::istringstream stream(line);
    std::string command;
    stream >> command;
    if (command == "tokenize")
      tokenize(stream);
    else if (command == "score")
      score(stream);
    else if (command == "greedy")
      greedy(stream);
    else
      fail("unknown command on stdin");
    printf("\n");
    fflush(stdout);
  }
}
