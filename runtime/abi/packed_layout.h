/* The byte layouts that packed weights, quantized activations and KV caches
 * share between the compiler's packer, the generated kernels and the tests.
 * Why this layout: compiler/Docs/decisions (r16k4) and its measurements.
 *
 * Tiles ("r16k4"), for matrices that are multiplied: W is (N, K), y = W x.
 * N is padded to 16 rows, K to 64 columns; padding has value 0, and a scale that is
 * not 0. Tile t holds rows 16t .. 16t+15, and tiles follow each other without gaps.
 * Lane r = row 16t + r.
 *
 *   int4  64 B f32 rowScale[16 lanes] once, then per 4 groups of 32 columns
 *         (K padded to 128), 1088 bytes:
 *           64 B    scale code[4 groups][16 lanes], 8 bits: sign, 3 of exponent E, 4
 *                   of mantissa M; scale = +-2^E (1 + M/16) * rowScale
 *           4x256 B per group 4 vectors of 64 B; byte 4r+j of vector v holds
 *                   column 4v+j of the group in its low nibble and column 16+4v+j
 *                   in its high nibble, each as q in 0..15, value (q - 8) * scale
 *   q4_0  per pair of groups, 576 bytes (every weight of GGUF's Q4_0, bit for bit):
 *           64 B    f16 scale[2 groups][16 lanes]
 *           2x256 B nibbles as in int4
 *   int8  per pair of groups, 1088 bytes:
 *           64 B    f16 scale[2][16]
 *           2x512 B per group 8 vectors of 64 B; byte 4r+j of vector v holds
 *                   column 4v+j as q + 128 (unsigned), q in -127..127
 *   int8, coarse: the upper 6 bits of the same quants, per pair of groups, 832 bytes:
 *           64 B    f16 scale[2][16]
 *           2x384 B per group, with u = (q + 128) >> 2 in 0..63: 4 vectors of 64 B
 *                   with u's low 4 bits, placed as the nibbles of int4, then 2 vectors
 *                   with its high 2 bits: byte 4r+j of vector v holds those of columns
 *                   8v+j, 16+8v+j, 8v+4+j and 20+8v+j, lowest bits first
 *   int2_row, int4_row, int8_row   192 bytes once (gemcut_row_tile_header):
 *           64 B    f32 scale[16 lanes] of the row: value = q * scale
 *           64 B    int32 correction[16 lanes] = -128 * (sum of the row's q)
 *           64 B    f32 output scale[16 lanes]: products round what they compute
 *                   of the row to int8 under it; 0: they do not
 *         then q in two's complement, per 64 columns
 *           int2    4 vectors of 64 B: bits 2i, 2i+1 of byte 4r+j of vector v
 *                   hold column 16i+4v+j
 *           int4    8 vectors: of each half of 32 columns four as in int4
 *           int8    16 vectors: byte 4r+j of vector v holds column 4v+j
 *   bf16  per pair of columns 64 B: bf16 [16 lanes][2]     (K padded to 64)
 *   f32   per column 64 B: f32 [16 lanes]                   (K padded to 64)
 *
 * Interleaved tiles (gate and up projections): tile 2i is tile i of the first
 * matrix, tile 2i+1 is tile i of the second.
 *
 * Rows, for tables of which single rows are read. A row's bytes are rounded up to
 * 64, and no row lies in more pages than it needs: rows follow each other without
 * gaps in blocks that begin on a page, and a block ends before the first row that
 * would take a page more (gemcut_table_block_rows). A table begins on a page and
 * its size is a multiple of the page.
 *   int8  [K] int8, then [K/32] f16 scale    (value = q * scale)
 *   bf16  [K]    f32 [K]
 *   int2_row, int4_row, int8_row   the quants, 4, 2 or 1 in a byte, the first in
 *         its lowest bits, as q + 2, q + 8 and (two's complement) q; then, from
 *         a multiple of 4 on, f32 scale[S]: S divides K, and K/S columns in
 *         sequence share a scale
 *
 * Quantized activations ("q8"), one row: [Kp] int8, [Kp/32] f32 scale,
 * [Kp/32] int32 correction = -8 * (sum of the group's int8 values), Kp = K rounded
 * up to 64, padding quants zero; value = q * scale. Row stride rounded up to 64.
 * A scale is the least power of two, at least 2^-96, under which no value of its
 * group rounds to more than 127: kernels multiply a weight scale by it by adding
 * its exponent. For that, no f16 scale of a tile is 0 (a group of zeros has scale 1),
 * and activations are below 2^118.
 * Activations under one scale per row ("u8"), which weights with a scale per row
 * take: [Kp] uint8 = q + 128, f32 scale; value = q * scale, q in -128..127. The
 * padding is undefined. Row stride rounded up to 64.
 * f32 activations: row stride = 4 * K rounded up to 64; the padding is undefined.
 *
 * KV cache of one layer and slot: for each KV head a K region, then for each KV
 * head a V region. `capacity` positions, a multiple of 32; position p lives in
 * entry p % capacity. A region is blocks of 32 entries. Dimensions of V are in
 * groups of 32, the last of which may be narrower.
 *   bf16  K block: [head_dim/2][32 positions][2 dims]
 *         V block: per group [16 pairs][dims of the group][2 positions]
 *   f32   K block: [head_dim][32 positions]
 *         V block: per group [32 positions][dims of the group]
 *   int8  K block: [head_dim/4][32 positions][4 dims], then f32 scale[32]
 *         V block: per group [8 quads][dims of the group][4 positions], then
 *         f32 scale[32]; stored as q + 128 (unsigned), value = q * scale with
 *         q in -127..127 and a scale per position; head_dim a multiple of 16
 */
#ifndef GEMCUT_RUNTIME_ABI_PACKED_LAYOUT_H
#define GEMCUT_RUNTIME_ABI_PACKED_LAYOUT_H

#include <stdint.h>

#define GEMCUT_TILE_ROWS 16
#define GEMCUT_GROUP 32
#define GEMCUT_TILE_K_MULTIPLE 64
#define GEMCUT_COARSE_PAIR_BYTES 832
#define GEMCUT_ROW_ALIGNMENT 64
#define GEMCUT_KV_BLOCK 32
#define GEMCUT_Q8_LEAST_SCALE 0x1p-96f
/* Just under 127.5, so that the product with its rounded reciprocal never lets a
 * quotient of 127.5 through. */
#define GEMCUT_Q8_LARGEST_QUOTIENT 127.49f
#define GEMCUT_TABLE_PAGE 4096

typedef enum gemcut_format {
  GEMCUT_F32 = 0,
  GEMCUT_BF16 = 1,
  GEMCUT_INT8 = 2,
  GEMCUT_INT4 = 3,
  GEMCUT_Q4_0 = 4,
  GEMCUT_INT2_ROW = 5,
  GEMCUT_INT4_ROW = 6,
  GEMCUT_INT8_ROW = 7,
} gemcut_format;

static inline int64_t gemcut_round_up(int64_t value, int64_t multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

/* Bits of a weight in the formats with a scale per row; 0 for other formats. */
static inline int64_t gemcut_row_format_bits(gemcut_format format) {
  return format == GEMCUT_INT2_ROW   ? 2
         : format == GEMCUT_INT4_ROW ? 4
         : format == GEMCUT_INT8_ROW ? 8
                                     : 0;
}

/* What leads a tile of the formats with a scale per row. */
typedef struct gemcut_row_tile_header {
  float scales[GEMCUT_TILE_ROWS];
  int32_t corrections[GEMCUT_TILE_ROWS];
  float output_scales[GEMCUT_TILE_ROWS];
} gemcut_row_tile_header;

/* The repeating block of a tile with groups (int4, q4_0, int8): 64 B of scales,
 * then the quants of its groups. */
typedef struct gemcut_block {
  int64_t header_bytes; /* in front of a tile's first block */
  int64_t groups;       /* of 32 columns */
  int64_t scale_bytes;  /* of a group: 16 lanes */
  int64_t quant_bytes;  /* of a group */
} gemcut_block;

#define GEMCUT_BLOCK_SCALE_BYTES 64

static inline gemcut_block gemcut_block_of(gemcut_format format) {
  gemcut_block int4 = {64, 4, 16, 256}, q4_0 = {0, 2, 32, 256},
               int8 = {0, 2, 32, 512};
  return format == GEMCUT_INT4 ? int4 : format == GEMCUT_Q4_0 ? q4_0 : int8;
}

static inline int64_t gemcut_block_bytes(gemcut_block block) {
  return GEMCUT_BLOCK_SCALE_BYTES + block.groups * block.quant_bytes;
}

/* Columns that a tile of `format` has space for. */
static inline int64_t gemcut_tile_columns(gemcut_format format,
                                          int64_t columns) {
  return gemcut_round_up(columns, format == GEMCUT_INT4
                                      ? 4 * GEMCUT_GROUP
                                      : GEMCUT_TILE_K_MULTIPLE);
}

/* Bytes of one 16-row tile with `columns` columns. */
static inline int64_t gemcut_tile_bytes(gemcut_format format, int64_t columns) {
  int64_t padded = gemcut_tile_columns(format, columns);
  if (format == GEMCUT_F32)
    return padded * 64;
  if (format == GEMCUT_BF16)
    return padded * 32;
  if (gemcut_row_format_bits(format))
    return (int64_t)sizeof(gemcut_row_tile_header) +
           padded * GEMCUT_TILE_ROWS * gemcut_row_format_bits(format) / 8;
  gemcut_block block = gemcut_block_of(format);
  return block.header_bytes +
         padded / (block.groups * GEMCUT_GROUP) * gemcut_block_bytes(block);
}

/* Bytes of a packed (rows, columns) matrix in tiles. */
static inline int64_t gemcut_tiled_bytes(gemcut_format format, int64_t rows,
                                         int64_t columns) {
  return gemcut_round_up(rows, GEMCUT_TILE_ROWS) / GEMCUT_TILE_ROWS *
         gemcut_tile_bytes(format, columns);
}

/* Bytes of one 16-row tile of the coarse form of an int8 matrix. */
static inline int64_t gemcut_coarse_tile_bytes(int64_t columns) {
  return gemcut_round_up(columns, GEMCUT_TILE_K_MULTIPLE) /
         GEMCUT_TILE_K_MULTIPLE * GEMCUT_COARSE_PAIR_BYTES;
}

/* Offset of the scales in a row of a row table, of formats with a scale per row. */
static inline int64_t gemcut_table_scales_offset(gemcut_format format,
                                                 int64_t columns) {
  return gemcut_round_up(columns * gemcut_row_format_bits(format) / 8, 4);
}

/* Bytes of one row of a row table; int4 and q4_0 tables do not exist. `scales`:
 * those of a row, of formats with a scale per row. */
static inline int64_t gemcut_table_row_bytes(gemcut_format format,
                                             int64_t columns, int64_t scales) {
  int64_t bytes =
      format == GEMCUT_F32    ? 4 * columns
      : format == GEMCUT_BF16 ? 2 * columns
      : gemcut_row_format_bits(format)
          ? gemcut_table_scales_offset(format, columns) + 4 * scales
          : columns + columns / 32 * 2;
  return gemcut_round_up(bytes, GEMCUT_ROW_ALIGNMENT);
}

/* Rows of one block of a row table. Row k of a block begins k * `row_bytes` modulo
 * the page into a page; it needs no page more while that is at most what the pages
 * of one row leave over. */
static inline int64_t gemcut_table_block_rows(int64_t row_bytes) {
  int64_t last_page = row_bytes % GEMCUT_TABLE_PAGE;
  return last_page ? GEMCUT_TABLE_PAGE / last_page : 1;
}

/* Offset of row `row` from the table's begin. */
static inline int64_t gemcut_table_row_offset(int64_t row_bytes, int64_t row) {
  int64_t rows = gemcut_table_block_rows(row_bytes);
  return row / rows * gemcut_round_up(rows * row_bytes, GEMCUT_TABLE_PAGE) +
         row % rows * row_bytes;
}

/* Bytes of a table of `rows` rows. */
static inline int64_t gemcut_table_bytes(int64_t row_bytes, int64_t rows) {
  return gemcut_round_up(gemcut_table_row_offset(row_bytes, rows - 1) + row_bytes,
                         GEMCUT_TABLE_PAGE);
}

/* Offset of the scales inside a q8 activation row. */
static inline int64_t gemcut_q8_scales_offset(int64_t columns) {
  return gemcut_round_up(columns, GEMCUT_TILE_K_MULTIPLE);
}

/* Offset of the corrections inside a q8 activation row. */
static inline int64_t gemcut_q8_corrections_offset(int64_t columns) {
  int64_t padded = gemcut_round_up(columns, GEMCUT_TILE_K_MULTIPLE);
  return padded + padded / GEMCUT_GROUP * 4;
}

/* Stride in bytes of a q8 activation row. */
static inline int64_t gemcut_q8_row_bytes(int64_t columns) {
  int64_t padded = gemcut_round_up(columns, GEMCUT_TILE_K_MULTIPLE);
  return gemcut_round_up(padded + padded / GEMCUT_GROUP * 8,
                         GEMCUT_ROW_ALIGNMENT);
}

/* Offset of the scale inside a u8 activation row. */
static inline int64_t gemcut_u8_scale_offset(int64_t columns) {
  return gemcut_round_up(columns, GEMCUT_TILE_K_MULTIPLE);
}

/* Stride in bytes of a u8 activation row. */
static inline int64_t gemcut_u8_row_bytes(int64_t columns) {
  return gemcut_round_up(gemcut_u8_scale_offset(columns) + 4,
                         GEMCUT_ROW_ALIGNMENT);
}

/* Stride in bytes of an f32 activation row. */
static inline int64_t gemcut_f32_row_bytes(int64_t columns) {
  return gemcut_round_up(4 * columns, GEMCUT_ROW_ALIGNMENT);
}

/* Bytes of a block of the K or V region of one KV head. */
static inline int64_t gemcut_kv_block_bytes(gemcut_format format,
                                            int64_t head_dim) {
  int64_t row = format == GEMCUT_F32    ? 4 * head_dim
                : format == GEMCUT_BF16 ? 2 * head_dim
                                        : head_dim + 4;
  return GEMCUT_KV_BLOCK * row;
}

#endif
