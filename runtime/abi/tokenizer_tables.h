/* The tokenizer of a model as tables: written by frontends/Tokenizer when a model
 * is compiled, used in place by runtime/text. No pointers, no parsing, nothing to
 * build at start. All integers little-endian; the base is 8-byte aligned.
 *
 * The encoder these tables serve (byte-pair encoding with byte fallback):
 *   1. Added tokens are cut out of the raw text, leftmost match, longest there.
 *   2. U+0020 becomes U+2581; nothing else changes.
 *   3. A code point that is a piece is one symbol; any other becomes its UTF-8
 *      bytes as byte pieces, which never take part in merges.
 *   4. The adjacent pair of lowest rank (leftmost on ties) merges, repeatedly.
 *
 * Splitting. A merge (left, right) joins the last code point of `left` with the
 * first of `right`. Where no merge of the vocabulary joins code point a with b, no
 * merge ever crosses a boundary a|b, and the text on both sides can be encoded
 * alone with the same result. ASCII_PAIRS is that relation for ASCII, with U+2581
 * in the place of U+0020 (which never occurs after step 2). PAIR_FILTER holds it
 * for all other pairs as one hashed bit: a collision only costs a split.
 *
 * Canonical pieces. Where encoding a piece's own text gives that piece, a text
 * between two split points that equals it needs no merging. The flag says so.
 */
#ifndef GEMCUT_RUNTIME_ABI_TOKENIZER_TABLES_H
#define GEMCUT_RUNTIME_ABI_TOKENIZER_TABLES_H

#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

#define GEMCUT_TOKENIZER_MAGIC "GMCTOKN\n" /* 8 bytes, no terminator stored */
#define GEMCUT_TOKENIZER_VERSION 1
#define GEMCUT_TOKENIZER_MAX_PIECES ((1u << 20) - 1) /* ids fit 20 bits */
#define GEMCUT_TOKENIZER_MAX_MERGES (1u << 23) /* ranks fit 24 bits */
#define GEMCUT_TOKENIZER_MAX_PIECE_BYTES 1024u
#define GEMCUT_TOKENIZER_MAX_ADDED_BYTES 256u
#define GEMCUT_TOKENIZER_NONE 0xFFFFFFFFu /* no id, no rank */
#define GEMCUT_TOKENIZER_EMPTY_MERGE UINT64_MAX
#define GEMCUT_TOKENIZER_CODE_POINT_BLOCKS 0x1100u /* 256 code points each */
#define GEMCUT_TOKENIZER_SPACE 0x2581u             /* stands for U+0020 */

/* Tokens with a role in the chat format, found by content when compiling. */
typedef enum gemcut_token_role {
  GEMCUT_TOKEN_PAD = 0,
  GEMCUT_TOKEN_EOS,
  GEMCUT_TOKEN_BOS,
  GEMCUT_TOKEN_UNK,
  GEMCUT_TOKEN_MASK,
  GEMCUT_TOKEN_TURN_OPEN,
  GEMCUT_TOKEN_TURN_CLOSE,
  GEMCUT_TOKEN_THINK,
  GEMCUT_TOKEN_CHANNEL_OPEN,
  GEMCUT_TOKEN_CHANNEL_CLOSE,
  GEMCUT_TOKEN_TOOL_OPEN,
  GEMCUT_TOKEN_TOOL_CLOSE,
  GEMCUT_TOKEN_TOOL_CALL_OPEN,
  GEMCUT_TOKEN_TOOL_CALL_CLOSE,
  GEMCUT_TOKEN_TOOL_RESPONSE_OPEN,
  GEMCUT_TOKEN_TOOL_RESPONSE_CLOSE,
  GEMCUT_TOKEN_QUOTE, /* string delimiter inside calls and responses */
  GEMCUT_TOKEN_IMAGE_OPEN,
  GEMCUT_TOKEN_IMAGE_CLOSE,
  GEMCUT_TOKEN_IMAGE,
  GEMCUT_TOKEN_AUDIO_OPEN,
  GEMCUT_TOKEN_AUDIO_CLOSE,
  GEMCUT_TOKEN_AUDIO,
  GEMCUT_TOKEN_VIDEO,
  GEMCUT_TOKEN_ROLES, /* count */
} gemcut_token_role;

/* Low bits of a piece's flags. */
typedef enum gemcut_piece_kind {
  GEMCUT_PIECE_NORMAL = 0,
  GEMCUT_PIECE_BYTE = 1,    /* <0xNN> */
  GEMCUT_PIECE_ADDED = 2,   /* cut out of the text first; ordinary when shown */
  GEMCUT_PIECE_CONTROL = 3, /* added and special: hidden unless asked for */
} gemcut_piece_kind;
#define GEMCUT_PIECE_KIND_MASK 3u
#define GEMCUT_PIECE_CANONICAL 0x80u

typedef enum gemcut_tokenizer_section_kind {
  GEMCUT_TOK_PIECE_OFFSETS = 0, /* uint32 [piece_count + 1] into PIECE_BYTES */
  GEMCUT_TOK_PIECE_BYTES,       /* UTF-8, by id */
  GEMCUT_TOK_PIECE_FLAGS,       /* uint8 [piece_count] */
  GEMCUT_TOK_PIECE_SLOTS,       /* uint32 ids; open addressing over
                                   piece_buckets, then an overflow area whose last
                                   slot is empty (NONE) */
  GEMCUT_TOK_CODE_POINT_BLOCKS, /* uint16 [0x1100]: block of each 256 code points;
                                   block 0 has no pieces */
  GEMCUT_TOK_CODE_POINT_IDS,    /* uint32 [blocks][256], NONE where no piece */
  GEMCUT_TOK_BYTE_IDS,          /* uint32 [256] */
  GEMCUT_TOK_MERGE_SLOTS,       /* uint64 left << 44 | right << 24 | rank, over
                                   merge_buckets, laid out like PIECE_SLOTS */
  GEMCUT_TOK_MERGE_RESULTS,     /* uint32 [merge_count]: id by rank */
  GEMCUT_TOK_ASCII_PAIRS,       /* uint32 [128][4]: bit b % 32 of word b / 32 of
                                   row a: some merge joins a with b */
  GEMCUT_TOK_PAIR_FILTER,       /* uint32 [2^pair_filter_log2 / 32] */
  GEMCUT_TOK_ADDED_FIRST,       /* uint32 [257]: ADDED_IDS[first[b] ..
                                   first[b + 1]) begin with byte b */
  GEMCUT_TOK_ADDED_IDS,         /* uint32 [added_count], sorted by their bytes */
  GEMCUT_TOK_SECTIONS,          /* count */
} gemcut_tokenizer_section_kind;

typedef struct gemcut_tokenizer_section {
  uint32_t offset; /* from the header's start, a multiple of 8 */
  uint32_t length; /* bytes */
} gemcut_tokenizer_section;

typedef struct gemcut_tokenizer_header {
  char magic[8];
  uint32_t version;
  uint32_t header_bytes; /* sizeof(gemcut_tokenizer_header) */
  uint64_t length;       /* of header and sections */
  uint32_t vocab_size;   /* rows of the model's embedding, >= piece_count */
  uint32_t piece_count;  /* ids are 0 .. piece_count - 1 */
  uint32_t merge_count;
  uint32_t merge_buckets;
  uint32_t piece_buckets;
  uint32_t added_count;
  uint32_t pair_filter_log2; /* 10 .. 26 */
  uint32_t max_piece_bytes;
  int32_t roles[GEMCUT_TOKEN_ROLES]; /* id, or -1 */
  gemcut_tokenizer_section sections[GEMCUT_TOK_SECTIONS];
} gemcut_tokenizer_header;

/* Bucket of a 32-bit hash: a multiplication instead of a division. */
static inline uint32_t gemcut_tokenizer_bucket(uint32_t hash, uint32_t buckets) {
  return (uint32_t)(((uint64_t)hash * buckets) >> 32);
}

static inline uint64_t gemcut_tokenizer_mix(uint64_t x) {
  x *= UINT64_C(0x9E3779B97F4A7C15);
  x ^= x >> 29;
  x *= UINT64_C(0xBF58476D1CE4E5B9);
  return x ^ (x >> 32);
}

/* Hash of a pair of ids, or of a pair of code points. */
static inline uint32_t gemcut_tokenizer_hash_pair(uint32_t left, uint32_t right) {
  return (uint32_t)gemcut_tokenizer_mix((uint64_t)left << 32 | right);
}

/* Hash of a piece's bytes. */
static inline uint32_t gemcut_tokenizer_hash_bytes(const void *data,
                                                   uint32_t length) {
  const uint8_t *p = (const uint8_t *)data;
  uint64_t hash = length, word = 0;
  uint32_t left = length;
  for (; left > 8; left -= 8, p += 8) {
    memcpy(&word, p, 8);
    hash = gemcut_tokenizer_mix(hash ^ word);
  }
  word = 0;
  if (left >= 4) { /* both halves, overlapping */
    uint32_t low, high;
    memcpy(&low, p, 4);
    memcpy(&high, p + left - 4, 4);
    word = (uint64_t)high << 32 | low;
  } else if (left > 0) {
    word = (uint64_t)p[0] << 16 | (uint64_t)p[left >> 1] << 8 | p[left - 1];
  }
  return (uint32_t)gemcut_tokenizer_mix(hash ^ word);
}

#ifdef __cplusplus
}
#endif
#endif
