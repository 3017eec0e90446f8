/* Layout of a produced file: ELF image, the sections, each on its alignment, then
 * this footer as the last bytes. A sidecar file has the same layout
 * with an empty image. All integers little-endian.
 */
#ifndef GEMCUT_RUNTIME_ABI_ARTIFACT_H
#define GEMCUT_RUNTIME_ABI_ARTIFACT_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define GEMCUT_FOOTER_MAGIC "GEMCUT\x01\n" /* 8 bytes, no terminator stored */
#define GEMCUT_FOOTER_VERSION 3
#define GEMCUT_BLOB_ALIGNMENT 65536 /* covers 4, 16 and 64 KiB pages */
#define GEMCUT_SECTION_ALIGNMENT 64 /* of sections without weights */
#define GEMCUT_MAX_SECTIONS 8

typedef enum gemcut_section_kind {
  GEMCUT_SECTION_WEIGHTS = 1,   /* packed tensors, runtime/abi/packed_layout.h */
  GEMCUT_SECTION_TOKENIZER = 2, /* runtime/abi/tokenizer_tables.h */
  GEMCUT_SECTION_REPORT = 3,    /* UTF-8 JSON for `info`: plan, formats, scores */
  GEMCUT_SECTION_CHAT = 4,      /* runtime/abi/chat_program.h */
  GEMCUT_SECTION_PREFIX = 5,    /* runtime/abi/prefix.h */
} gemcut_section_kind;

/* What the offset of a section of `kind` is a multiple of. */
static inline uint64_t gemcut_section_alignment(uint32_t kind) {
  return kind == GEMCUT_SECTION_WEIGHTS ? GEMCUT_BLOB_ALIGNMENT
                                        : GEMCUT_SECTION_ALIGNMENT;
}

typedef struct gemcut_section {
  uint32_t kind;
  uint32_t reserved;
  uint64_t offset;   /* from the start of the file */
  uint64_t length;   /* bytes, before padding */
  uint64_t checksum; /* XXH64, seed 0, of the section's bytes; see
                        runtime/core/xxhash64.h */
} gemcut_section;

typedef struct gemcut_footer {
  gemcut_section sections[GEMCUT_MAX_SECTIONS]; /* unused ones are zero */
  uint32_t section_count;
  uint32_t version;
  uint64_t sidecar_checksum; /* of the weight section that the sidecar file must
                                hold; 0 where the weights are in this file */
  uint64_t file_length;    /* including this footer: detects truncation */
  uint64_t image_length;   /* of the code, in front of the padding */
  uint64_t image_checksum; /* XXH64 of the code */
  uint64_t checksum;       /* XXH64 of all bytes of the footer before this field */
  char magic[8];
} gemcut_footer;

#ifdef __cplusplus
}
#endif
#endif
