//===- kv_image.h - Keys and values of a slot, copied -----------*- C++ -*-===//
//
// What later tokens of a sequence need of its slot's KV memory, in pages: of
// the caches that hold all positions, and of the rings of sliding layers, which
// only hold the last ones. All are whole blocks of GEMCUT_KV_BLOCK positions,
// as they lie in the slot.
//
//===----------------------------------------------------------------------===//
#ifndef GEMCUT_RUNTIME_SESSION_KV_IMAGE_H
#define GEMCUT_RUNTIME_SESSION_KV_IMAGE_H

#include "runtime/abi/model.h"

#include <cstddef>
#include <cstdint>

namespace gemcut {

enum class KvCopy { FromSlot, ToSlot };

/// The caches of all positions, or the rings.
enum class KvKind { Linear, Sliding };

/// The image of `tokens` positions from `first` on, a multiple of
/// GEMCUT_KV_BLOCK, of all caches of a kind.
struct KvPage {
  KvKind kind;
  size_t first, tokens;
};

size_t countPageBytes(const gemcut_model_info &model, const KvPage &page);
/// Copies the blocks of the positions [first, last) of a page between the KV
/// memory of a slot and its image. Of a ring the slot must hold them, or get no
/// more than it can hold.
void copyPage(const gemcut_model_info &model, const KvPage &page, size_t first,
              size_t last, uint8_t *slot, uint8_t *image, KvCopy direction);

/// Bytes of what a row at position `count` sees in the rings.
size_t countRingBytes(const gemcut_model_info &model, size_t count);
/// Copies that. A slot may hold more than `count` positions: as many as it may
/// be taken back by (Session::canRewind).
void copyRings(const gemcut_model_info &model, size_t count, uint8_t *slot,
               uint8_t *image, KvCopy direction);

/// The first position that a row at position `count` sees in some ring.
size_t getFirstSeen(const gemcut_model_info &model, size_t count);
/// The first position that all rings hold of a slot with `count` tokens.
size_t getFirstHeld(const gemcut_model_info &model, size_t count);

} // namespace gemcut

#endif // GEMCUT_RUNTIME_SESSION_KV_IMAGE_H
