//===- Panels.h - Tiles unpacked once for many rows -------------*- C++ -*-===//

#ifndef GEMCUT_TARGETS_COMMON_KERNELS_PANELS_H
#define GEMCUT_TARGETS_COMMON_KERNELS_PANELS_H

#include "runtime/abi/packed_layout.h"
#include "targets/Common/Emitter.h"

namespace gemcut::targets {

/// Emits `unpackGroup(block, group, target)` for every group of 32 columns of
/// the tile at `tile`: `group` counts within the block at `block`, and what a
/// group becomes has `groupBytes` at `target`, one behind the other from
/// `panel` on.
inline void
unpackGroups(Emitter &e, gemcut_block layout, mlir::Value tile, int64_t columns,
             mlir::Value panel, int64_t groupBytes,
             llvm::function_ref<void(mlir::Value block, int64_t group,
                                     mlir::Value target)>
                 unpackGroup) {
  auto unpackBlock = [&](mlir::Value block, int64_t count) {
    mlir::Value packed = e.at(e.at(tile, layout.header_bytes),
                              e.mul(block, gemcut_block_bytes(layout)));
    mlir::Value target = e.at(panel, e.mul(block, layout.groups * groupBytes));
    for (int64_t group = 0; group < count; ++group)
      unpackGroup(packed, group, e.at(target, group * groupBytes));
  };
  int64_t groups = columns / GEMCUT_GROUP, blocks = groups / layout.groups;
  e.loop(e.i64(0), e.i64(blocks), 1,
         [&](mlir::Value block) { unpackBlock(block, layout.groups); });
  if (int64_t rest = groups % layout.groups)
    unpackBlock(e.i64(blocks), rest);
}

} // namespace gemcut::targets

#endif // GEMCUT_TARGETS_COMMON_KERNELS_PANELS_H
