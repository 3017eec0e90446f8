/* What a library made by `gemcut compile --emit static-lib` or shared-lib carries:
 * pointers to a model's description, code and bytes. The compiler emits it as a
 * constant behind the function `gemcut_bundle_<name>`.
 */
#ifndef GEMCUT_RUNTIME_ABI_BUNDLE_H
#define GEMCUT_RUNTIME_ABI_BUNDLE_H

#include "runtime/abi/model.h"

#ifdef __cplusplus
extern "C" {
#endif

#define GEMCUT_BUNDLE_VERSION 1

struct gemcut_bundle {
  uint32_t version; /* GEMCUT_BUNDLE_VERSION */
  uint32_t size;    /* sizeof(struct gemcut_bundle) */
  const gemcut_model_info *model;
  const gemcut_level *levels; /* best first */
  uint64_t level_count;
  /* The sections of runtime/abi/artifact.h and their footer, as they lie in the
   * library's file; page aligned, in its own read-only mapping. */
  const uint8_t *blob;
  uint64_t blob_bytes; /* the footer included */
  /* Name of the file with the weight section, which lies beside the library; null
   * where the blob holds it. The footer says which checksum it must have. */
  const char *sidecar;
};

#ifdef __cplusplus
}
#endif
#endif
