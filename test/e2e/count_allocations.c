/* Counts what a session allocates from its second new token on: 0 and the number of
 * tokens are printed. All of the process's allocations and mappings come by here. */
#define _GNU_SOURCE
#include <gemcut.h>

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

GEMCUT_DECLARE_BUNDLE(tiny);

void *__libc_malloc(size_t);
void *__libc_calloc(size_t, size_t);
void *__libc_realloc(void *, size_t);
void *__libc_memalign(size_t, size_t);

static long allocations;

static void count(void) { __atomic_fetch_add(&allocations, 1, __ATOMIC_RELAXED); }

void *malloc(size_t size) {
  count();
  return __libc_malloc(size);
}
void *calloc(size_t number, size_t size) {
  count();
  return __libc_calloc(number, size);
}
void *realloc(void *old, size_t size) {
  count();
  return __libc_realloc(old, size);
}
void *aligned_alloc(size_t alignment, size_t size) {
  count();
  return __libc_memalign(alignment, size);
}
void *mmap(void *address, size_t length, int protection, int flags, int file,
           off_t offset) {
  count();
  return (void *)syscall(SYS_mmap, address, length, protection, flags, file,
                         offset);
}

static long tokens, before, after;

static int on_token(void *user, int32_t id) {
  (void)user, (void)id;
  after = allocations;
  if (++tokens == 2)
    before = after;
  return 0;
}

static int on_text(void *user, gemcut_text_kind kind, const char *text,
                   size_t length) {
  (void)user, (void)kind, (void)text, (void)length;
  return 0;
}

static int generate(int talks, float temperature) {
  gemcut_engine *engine;
  gemcut_session *session;
  gemcut_session_options session_options = GEMCUT_SESSION_OPTIONS;
  gemcut_sampling sampling = GEMCUT_SAMPLING;
  gemcut_generate_options options = GEMCUT_GENERATE_OPTIONS;
  const int32_t id = 2;

  tokens = 0;
  session_options.threads = 2;
  sampling.temperature = temperature;
  sampling.top_k = 40;
  sampling.top_p = 0.9f;
  sampling.min_p = 0.01f;
  sampling.seed = 1;
  options.sampling = &sampling;
  options.limit = 300;
  options.ignore_stop = 1;
  options.on_token = on_token;
  options.on_text = on_text;
  if (gemcut_load(gemcut_bundle_tiny(), NULL, &engine) ||
      gemcut_session_create(engine, &session_options, &session) ||
      (talks ? gemcut_chat(session, "Tell me a story about a fox.", &options, NULL)
             : gemcut_generate(session, &id, 1, &options, NULL))) {
    fprintf(stderr, "error: %s\n", gemcut_last_error());
    return 1;
  }
  if (before == 0) {
    fprintf(stderr, "error: opening a session allocated nothing\n");
    return 1;
  }
  gemcut_session_destroy(session);
  gemcut_unload(engine);
  printf("%ld %ld\n", after - before, tokens);
  return 0;
}

int main(void) {
  return generate(0, 0) || generate(0, 1) || generate(1, 0) || generate(1, 1);
}
