//===- Format.cpp - Storage formats of weights and activations ------------===//

#include "dialects/Support/Format.h"

#include "llvm/ADT/StringSwitch.h"
#include "llvm/Support/ErrorHandling.h"

llvm::StringRef gemcut::stringifyFormat(Format format) {
  switch (format) {
  case Format::F32:
    return "f32";
  case Format::BF16:
    return "bf16";
  case Format::Int8:
    return "int8";
  case Format::Int4:
    return "int4";
  case Format::Q4_0:
    return "q4_0";
  case Format::Int2Row:
    return "int2_row";
  case Format::Int4Row:
    return "int4_row";
  case Format::Int8Row:
    return "int8_row";
  }
  llvm_unreachable("all formats are listed");
}

std::optional<gemcut::Format> gemcut::symbolizeFormat(llvm::StringRef text) {
  return llvm::StringSwitch<std::optional<Format>>(text)
      .Case("f32", Format::F32)
      .Case("bf16", Format::BF16)
      .Case("int8", Format::Int8)
      .Case("int4", Format::Int4)
      .Case("q4_0", Format::Q4_0)
      .Case("int2_row", Format::Int2Row)
      .Case("int4_row", Format::Int4Row)
      .Case("int8_row", Format::Int8Row)
      .Default(std::nullopt);
}
