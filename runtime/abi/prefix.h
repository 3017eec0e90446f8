/* The prefix section: what `gemcut compile --bake-prefix` computed. A gemcut_prefix,
 * then what it points to; offsets count from the section's begin.
 */
#ifndef GEMCUT_RUNTIME_ABI_PREFIX_H
#define GEMCUT_RUNTIME_ABI_PREFIX_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define GEMCUT_PREFIX_MAGIC "GEMCUTPX"
#define GEMCUT_PREFIX_VERSION 1
#define GEMCUT_PREFIX_LEVELS 12
#define GEMCUT_PREFIX_ALIGNMENT 64

/* Keys and values of the prefix as code of one level computes them. Levels with the
 * same bits point to the same bytes. */
typedef struct gemcut_prefix_state {
  char level[16];  /* gemcut_level.name */
  uint64_t offset; /* of a session file (runtime/session/session_file.h) with one
                      sequence; a multiple of GEMCUT_PREFIX_ALIGNMENT */
  uint64_t length;
} gemcut_prefix_state;

typedef struct gemcut_prefix {
  char magic[8];
  uint32_t version; /* GEMCUT_PREFIX_VERSION */
  uint32_t state_count;
  uint64_t text_offset; /* UTF-8 JSON, runtime/session/prefix_text.h */
  uint64_t text_length;
  gemcut_prefix_state states[GEMCUT_PREFIX_LEVELS]; /* unused ones are zero */
} gemcut_prefix;

#ifdef __cplusplus
}
#endif
#endif
