//===- StoredFormat.h - Formats that a checkpoint has already ---*- C++ -*-===//

#ifndef GEMCUT_DIALECTS_GEMMA_STOREDFORMAT_H
#define GEMCUT_DIALECTS_GEMMA_STOREDFORMAT_H

#include "dialects/Gemma/GemmaOps.h"

namespace gemcut::gemma {

/// Discardable attribute (#gemma.format) of a gemma.weight that its checkpoint
/// stores quantized: the format that keeps every value or, where there is none,
/// comes closest. It is what the recipe `keep` assigns.
inline constexpr llvm::StringLiteral kStoredAttr = "gemma.stored";

inline std::optional<Format> getStoredFormat(WeightOp weight) {
  if (auto stored = weight->getAttrOfType<FormatAttr>(kStoredAttr))
    return stored.getValue();
  return std::nullopt;
}

inline void setStoredFormat(WeightOp weight, Format format) {
  weight->setAttr(kStoredAttr, FormatAttr::get(weight.getContext(), format));
}

} // namespace gemcut::gemma

#endif // GEMCUT_DIALECTS_GEMMA_STOREDFORMAT_H
