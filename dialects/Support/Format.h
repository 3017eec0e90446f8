//===- Format.h - Storage formats of weights and activations ----*- C++ -*-===//
//
// The one list of element formats that both dialects, the recipe and the packer
// share. Their byte layouts are in runtime/abi/packed_layout.h.
//
//===----------------------------------------------------------------------===//

#ifndef GEMCUT_DIALECTS_SUPPORT_FORMAT_H
#define GEMCUT_DIALECTS_SUPPORT_FORMAT_H

#include "runtime/abi/packed_layout.h"

#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/StringRef.h"

#include <optional>

namespace gemcut {

/// Storage format of a packed tensor.
enum class Format : uint32_t {
  F32 = GEMCUT_F32,
  BF16 = GEMCUT_BF16,
  Int8 = GEMCUT_INT8,
  Int4 = GEMCUT_INT4,
  Q4_0 = GEMCUT_Q4_0,
};

/// "f32", "bf16", "int8", "int4" or "q4_0".
llvm::StringRef stringifyFormat(Format format);

/// The inverse of stringifyFormat; nullopt for any other text.
std::optional<Format> symbolizeFormat(llvm::StringRef text);

/// True for the formats that store a weight in four bits.
inline bool isNibbles(Format format) {
  return format == Format::Int4 || format == Format::Q4_0;
}

/// True for the formats whose products take q8 activations.
inline bool isQuantized(Format format) {
  return format == Format::Int8 || isNibbles(format);
}

inline gemcut_format toAbi(Format format) {
  return static_cast<gemcut_format>(format);
}

inline llvm::raw_ostream &operator<<(llvm::raw_ostream &os, Format format) {
  return os << stringifyFormat(format);
}

} // namespace gemcut

namespace mlir {
template <> struct FieldParser<gemcut::Format> {
  static FailureOr<gemcut::Format> parse(AsmParser &parser) {
    StringRef keyword;
    SMLoc loc = parser.getCurrentLocation();
    if (parser.parseKeyword(&keyword))
      return failure();
    if (std::optional<gemcut::Format> format = gemcut::symbolizeFormat(keyword))
      return *format;
    return parser.emitError(loc) << "unknown format '" << keyword
                                 << "', expected f32, bf16, int8, int4 or q4_0";
  }
};
} // namespace mlir

#endif // GEMCUT_DIALECTS_SUPPORT_FORMAT_H
