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
  Int2Row = GEMCUT_INT2_ROW,
  Int4Row = GEMCUT_INT4_ROW,
  Int8Row = GEMCUT_INT8_ROW,
};

/// The names of all formats, as messages list them.
inline constexpr llvm::StringLiteral kFormatList =
    "f32, bf16, int8, int4, q4_0, int2_row, int4_row or int8_row";

/// The format's name, one of kFormatList.
llvm::StringRef stringifyFormat(Format format);

/// The inverse of stringifyFormat; nullopt for any other text.
std::optional<Format> symbolizeFormat(llvm::StringRef text);

/// True for the formats that store a weight in four bits.
inline bool isNibbles(Format format) {
  return format == Format::Int4 || format == Format::Q4_0;
}

/// True for the integer formats with one scale per row, whose products take u8
/// activations.
inline bool hasRowScales(Format format) {
  return format == Format::Int2Row || format == Format::Int4Row ||
         format == Format::Int8Row;
}

/// True for the integer formats with scales per group, whose products take q8
/// activations.
inline bool hasGroupScales(Format format) {
  return format == Format::Int8 || isNibbles(format);
}

/// True for the integer formats.
inline bool isQuantized(Format format) {
  return hasGroupScales(format) || hasRowScales(format);
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
                                 << "', expected " << gemcut::kFormatList;
  }
};
} // namespace mlir

#endif // GEMCUT_DIALECTS_SUPPORT_FORMAT_H
