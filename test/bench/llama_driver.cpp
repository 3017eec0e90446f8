//===- llama_driver.cpp - Runs llama.cpp step by step ---------------------===//
//
//   llama_driver MODEL.gguf THREADS CONTEXT all|last
//
// Opens a model through the C API of libllama with its defaults, except that
// sliding caches are windowed as in llama-bench (swa_full = false). `last`: no
// step asks for more than one row of logits, which makes llama.cpp reserve less
// memory. Runs a prompt of one token, prints `ready`, then answers each line of
// stdin with one line:
//
//   prefill N             seconds of a prompt of N tokens, logits of the last
//   score N               seconds of a prompt of N tokens, logits of all
//   decode DEPTH N STATE  seconds of N single tokens behind DEPTH others; STATE
//                         is a file with the cache at that depth, made if
//                         absent
//   memory                bytes of private (RssAnon) and of all resident memory
//
// Tokens are arbitrary, as in llama-bench.
//
//===----------------------------------------------------------------------===//

#include "llama.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <string>
#include <vector>

static llama_context *context;
static int vocabulary;

[[noreturn]] static void fail(const char *what) {
  fprintf(stderr, "error: llama_driver: %s\n", what);
  exit(1);
}

static double seconds() {
  using namespace std::chrono;
  return duration<double>(steady_clock::now().time_since_epoch()).count();
}

/// Appends `count` arbitrary tokens at position `first` and waits for the end.
static void runTokens(int first, int count, bool allLogits) {
  static std::mt19937 random(1);
  const int most = int(llama_n_batch(context));
  llama_batch batch = llama_batch_init(std::min(count, most), 0, 1);
  for (int done = 0; done < count; done += batch.n_tokens) {
    batch.n_tokens = std::min(count - done, most);
    for (int i = 0; i < batch.n_tokens; ++i) {
      batch.token[i] = llama_token(random() % unsigned(vocabulary));
      batch.pos[i] = first + done + i;
      batch.n_seq_id[i] = 1;
      batch.seq_id[i][0] = 0;
      batch.logits[i] = allLogits || done + i == count - 1;
    }
    if (llama_decode(context, batch))
      fail("llama_decode failed");
  }
  llama_synchronize(context);
  llama_batch_free(batch);
}

static double timePrompt(int count, bool allLogits) {
  llama_memory_clear(llama_get_memory(context), true);
  double start = seconds();
  runTokens(0, count, allLogits);
  return seconds() - start;
}

static void goToDepth(int depth, const char *state) {
  llama_memory_clear(llama_get_memory(context), true);
  if (depth == 0)
    return;
  size_t tokens = 0;
  if (FILE *file = fopen(state, "rb")) {
    fclose(file);
    if (!llama_state_seq_load_file(context, state, 0, nullptr, 0, &tokens))
      fail("the file with the cache cannot be read; delete it");
    return;
  }
  runTokens(0, depth, /*allLogits=*/false);
  if (!llama_state_seq_save_file(context, state, 0, nullptr, 0))
    fail("the file with the cache cannot be written");
}

static double timeTokens(int depth, int count, const char *state) {
  goToDepth(depth, state);
  double start = seconds();
  for (int i = 0; i < count; ++i)
    runTokens(depth + i, 1, /*allLogits=*/false);
  return seconds() - start;
}

static long long readStatus(const char *name) {
  FILE *file = fopen("/proc/self/status", "r");
  char line[256];
  long long kib = -1;
  while (file && fgets(line, sizeof(line), file))
    if (strncmp(line, name, strlen(name)) == 0)
      kib = atoll(line + strlen(name));
  if (file)
    fclose(file);
  return kib * 1024;
}

int main(int argc, char **argv) {
  if (argc != 5)
    fail("needs MODEL.gguf THREADS CONTEXT all|last");
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
  vocabulary = llama_vocab_n_tokens(llama_model_get_vocab(model));
  llama_context_params parameters = llama_context_default_params();
  parameters.n_threads = parameters.n_threads_batch = atoi(argv[2]);
  parameters.n_ctx = uint32_t(atoi(argv[3]));
  parameters.n_outputs_max = strcmp(argv[4], "all") == 0 ? 0 : 1;
  parameters.swa_full = false;
  context = llama_init_from_model(model, parameters);
  if (!context)
    fail("no context");
  runTokens(0, 1, /*allLogits=*/false);
  const float *logits = llama_get_logits_ith(context, -1);
  printf("ready %d\n",
         int(std::max_element(logits, logits + vocabulary) - logits));
  fflush(stdout);

  char line[4096], state[4096];
  int depth, count;
  while (fgets(line, sizeof(line), stdin)) {
    if (sscanf(line, "prefill %d", &count) == 1)
      printf("%.9f\n", timePrompt(count, /*allLogits=*/false));
    else if (sscanf(line, "score %d", &count) == 1)
      printf("%.9f\n", timePrompt(count, /*allLogits=*/true));
    else if (sscanf(line, "decode %d %d %4095[^\n]", &depth, &count, state) ==
             3)
      printf("%.9f\n", timeTokens(depth, count, state));
    else if (strncmp(line, "memory", 6) == 0)
      printf("%lld %lld\n", readStatus("RssAnon:"), readStatus("VmRSS:"));
    else
      fail("unknown line on stdin");
    fflush(stdout);
  }
}
