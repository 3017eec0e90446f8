/* Result codes of the runtime. */
#ifndef GEMCUT_RUNTIME_ABI_STATUS_H
#define GEMCUT_RUNTIME_ABI_STATUS_H

#ifdef __cplusplus
extern "C" {
#endif

/* Every runtime function that can fail returns one of these; results go to
 * out-parameters. `gemcut_last_error()` holds one sentence for people. */
typedef enum gemcut_status {
  GEMCUT_OK = 0,
  /* The caller passed something the model cannot take: an id outside the
   * vocabulary, an empty prompt, text that is not UTF-8. Retrying cannot help. */
  GEMCUT_INVALID_ARGUMENT = 1,
  /* The artifact is damaged, truncated or of another format version. */
  GEMCUT_CORRUPT_ARTIFACT = 2,
  /* The sequence does not fit into the context the executable was built for. */
  GEMCUT_CONTEXT_FULL = 3,
  /* Memory could not be mapped. Retrying may help after memory was freed. */
  GEMCUT_OUT_OF_MEMORY = 4,
  /* The operating system refused a file or thread operation. */
  GEMCUT_SYSTEM_ERROR = 5,
  /* The CPU has none of the levels the executable holds code for. */
  GEMCUT_UNSUPPORTED_CPU = 6,
  /* The caller's buffer has no room for the result; how much it needs was written. */
  GEMCUT_BUFFER_TOO_SMALL = 7,
} gemcut_status;

#ifdef __cplusplus
}
#endif
#endif
