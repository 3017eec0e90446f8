/* Answers every argument on a thread of its own, then prints the answers in order:
 *
 *   ./c-embed "Tell me a story about a fox." "What is 38 + 57?"
 *
 * The environment variable LEVEL chooses the code, such as avx2. */
#include <gemcut.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

GEMCUT_DECLARE_BUNDLE(tiny);

enum { MOST_QUESTIONS = 8, MOST_BYTES = 4096 };

struct answer {
  const gemcut_engine *engine;
  const char *question;
  char text[MOST_BYTES];
  size_t length;
  char error[1024]; /* empty: none */
};

/* Keeps what fits; stops the model when the buffer is full. */
static int keep(void *user, gemcut_text_kind kind, const char *text,
                size_t length) {
  struct answer *answer = user;
  if (kind != GEMCUT_TEXT_ANSWER)
    return 0;
  if (length > sizeof(answer->text) - answer->length)
    return 1;
  memcpy(answer->text + answer->length, text, length);
  answer->length += length;
  return 0;
}

static void *run(void *argument) {
  struct answer *answer = argument;
  gemcut_session_options session_options = GEMCUT_SESSION_OPTIONS;
  gemcut_sampling sampling = GEMCUT_SAMPLING;
  gemcut_generate_options options = GEMCUT_GENERATE_OPTIONS;
  gemcut_session *session = NULL;
  gemcut_status status;

  session_options.threads = 1;
  sampling.temperature = 0;
  options.sampling = &sampling;
  options.limit = 200;
  options.on_text = keep;
  options.user = answer;
  status = gemcut_session_create(answer->engine, &session_options, &session);
  if (!status)
    status = gemcut_chat(session, answer->question, &options, NULL);
  if (status) /* the sentence is this thread's */
    snprintf(answer->error, sizeof(answer->error), "%s", gemcut_last_error());
  gemcut_session_destroy(session);
  return NULL;
}

int main(int argc, char **argv) {
  static struct answer answers[MOST_QUESTIONS];
  pthread_t threads[MOST_QUESTIONS];
  gemcut_load_options load = GEMCUT_LOAD_OPTIONS;
  gemcut_engine *engine;
  int count = argc - 1, i, code = 0;

  if (count < 1 || count > MOST_QUESTIONS) {
    fprintf(stderr, "usage: %s QUESTION...\n", argv[0]);
    return 2;
  }
  load.level = getenv("LEVEL");
  if (gemcut_load(gemcut_bundle_tiny(), &load, &engine)) {
    fprintf(stderr, "error: %s\n", gemcut_last_error());
    return 1;
  }
  for (i = 0; i < count; ++i) {
    answers[i].engine = engine;
    answers[i].question = argv[i + 1];
    if (pthread_create(&threads[i], NULL, run, &answers[i])) {
      perror("error: cannot start a thread");
      return 1;
    }
  }
  for (i = 0; i < count; ++i) {
    pthread_join(threads[i], NULL);
    if (answers[i].error[0]) {
      fprintf(stderr, "error: %s\n", answers[i].error);
      code = 1;
    }
    printf("%.*s\n", (int)answers[i].length, answers[i].text);
  }
  gemcut_unload(engine);
  return code;
}
