/* What an executable tells a program that maps it instead of running it. The compiler
 * emits it as a constant in a section of its own, which is found by its name.
 */
#ifndef GEMCUT_RUNTIME_ABI_IMAGE_H
#define GEMCUT_RUNTIME_ABI_IMAGE_H

#include "runtime/abi/model.h"

#ifdef __cplusplus
extern "C" {
#endif

#define GEMCUT_IMAGE_SECTION ".gemcut.image"
#define GEMCUT_IMAGE_VERSION 1

typedef struct gemcut_image {
  uint32_t version; /* GEMCUT_IMAGE_VERSION */
  uint32_t size;    /* sizeof(gemcut_image) */
  const gemcut_model_info *model;
  const gemcut_level *levels; /* best first */
  uint64_t level_count;
  /* All that generated code calls. Whoever maps the image puts jumps to its own
   * functions here, so that nothing else of the image runs. */
  void *team_claim, *team_barrier;
} gemcut_image;

#ifdef __cplusplus
}
#endif
#endif
