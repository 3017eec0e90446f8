//===- KernelDialect.cpp - Dialect, types and attributes ------------------===//

#include "dialects/Kernel/KernelOps.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace gemcut;
using namespace gemcut::kernel;

#include "dialects/Kernel/KernelDialect.cpp.inc"
#include "dialects/Kernel/KernelEnums.cpp.inc"

#define GET_TYPEDEF_CLASSES
#include "dialects/Kernel/KernelTypes.cpp.inc"

#define GET_ATTRDEF_CLASSES
#include "dialects/Kernel/KernelAttrs.cpp.inc"

void KernelDialect::initialize() {
  addTypes<
#define GET_TYPEDEF_LIST
#include "dialects/Kernel/KernelTypes.cpp.inc"
      >();
  addAttributes<
#define GET_ATTRDEF_LIST
#include "dialects/Kernel/KernelAttrs.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "dialects/Kernel/KernelOps.cpp.inc"
      >();
}

/// A sum of products of u8 and s8 stays below 2^31, and so do corrections times
/// 64: a sum of q is at least -128 for every column.
static constexpr int64_t kMostRowScaleColumns = 1 << 16;
/// Columns that kernels read under one scale of a table.
static constexpr int64_t kLeastScaleBlock = 16;

static int64_t naturalRowBytes(Element element, int64_t columns) {
  switch (element) {
  case Element::F32:
    return gemcut_f32_row_bytes(columns);
  case Element::Q8:
    return gemcut_q8_row_bytes(columns);
  case Element::U8:
    return gemcut_u8_row_bytes(columns);
  case Element::I32:
    return 4 * columns;
  }
  llvm_unreachable("all elements are listed");
}

int64_t BufferType::getRowBytes() const {
  return getStride() ? getStride()
                     : naturalRowBytes(getElement(), getColumns());
}

LogicalResult BufferType::verify(function_ref<InFlightDiagnostic()> emitError,
                                 int64_t rows, int64_t columns, Element element,
                                 int64_t stride) {
  if (rows <= 0 || columns <= 0)
    return emitError() << "buffer needs positive rows and columns, found "
                       << rows << " x " << columns;
  if (stride && element != Element::F32)
    return emitError() << "only f32 buffers can have a stride of their own";
  if (stride && (stride < 4 * columns || stride % 4))
    return emitError() << "stride " << stride << " is too small for " << columns
                       << " columns or not a multiple of 4";
  return success();
}

int64_t WeightType::getByteSize() const {
  switch (getLayout()) {
  case Layout::Tiles:
    return gemcut_tiled_bytes(toAbi(getFormat()), getRows(), getColumns());
  case Layout::Interleaved:
    return 2 *
           gemcut_tiled_bytes(toAbi(getFormat()), getRows() / 2, getColumns());
  case Layout::Coarse:
    return gemcut_round_up(getRows(), GEMCUT_TILE_ROWS) / GEMCUT_TILE_ROWS *
           gemcut_coarse_tile_bytes(getColumns());
  case Layout::Rows:
    return gemcut_table_bytes(getTableRowBytes(), getRows());
  case Layout::Vector:
    return gemcut_round_up(4 * getColumns(), GEMCUT_ROW_ALIGNMENT);
  }
  llvm_unreachable("all layouts are listed");
}

int64_t WeightType::getTableRowBytes() const {
  return gemcut_table_row_bytes(toAbi(getFormat()), getColumns(), getScales());
}

LogicalResult WeightType::verify(function_ref<InFlightDiagnostic()> emitError,
                                 int64_t rows, int64_t columns, Format format,
                                 Layout layout, int64_t scales) {
  if (rows <= 0 || columns <= 0)
    return emitError() << "weight needs positive rows and columns, found "
                       << rows << " x " << columns;
  if (layout == Layout::Vector && (rows != 1 || format != Format::F32))
    return emitError() << "a vector weight is 1 x n and f32";
  if (layout == Layout::Coarse && format != Format::Int8)
    return emitError() << "a coarse weight is int8, found "
                       << stringifyFormat(format);
  if (layout == Layout::Interleaved && rows % 2)
    return emitError() << "an interleaved weight holds two matrices, found "
                       << rows << " rows";
  if (layout == Layout::Rows && isNibbles(format))
    return emitError() << "a table of rows cannot be "
                       << stringifyFormat(format) << "; use int8, bf16 or f32";
  if (isQuantized(format) && columns % GEMCUT_GROUP)
    return emitError() << columns << " columns are not a multiple of the group "
                       << "size " << GEMCUT_GROUP;
  if (hasRowScales(format) && columns > kMostRowScaleColumns)
    return emitError() << columns << " columns under one scale, expected up to "
                       << kMostRowScaleColumns
                       << ", above which their int32 sums could overflow";
  bool scaledBlocks = layout == Layout::Rows && hasRowScales(format);
  if (scales != 1 && !scaledBlocks)
    return emitError() << "only tables of rows under one scale can have them "
                       << "in blocks, found " << scales << " scales";
  if (scaledBlocks &&
      (scales <= 0 || columns % scales || columns / scales % kLeastScaleBlock))
    return emitError() << scales << " scales do not share " << columns
                       << " columns in equal multiples of " << kLeastScaleBlock;
  return success();
}

int64_t CacheType::getKeyOffset(int64_t head) const {
  return head * getCapacity() / GEMCUT_KV_BLOCK *
         gemcut_kv_block_bytes(toAbi(getFormat()), getHeadDim());
}

int64_t CacheType::getValueOffset(int64_t head) const {
  return getKeyOffset(getHeads() + head);
}

int64_t CacheType::getByteSize() const {
  return gemcut_round_up(getKeyOffset(2 * getHeads()), 64);
}

LogicalResult CacheType::verify(function_ref<InFlightDiagnostic()> emitError,
                                int64_t heads, int64_t headDim, Format format,
                                int64_t window, int64_t capacity) {
  if (heads <= 0 || headDim <= 0 || headDim % 2)
    return emitError() << "cache needs positive heads and an even head_dim, "
                       << "found " << heads << " x " << headDim;
  if (format != Format::BF16 && format != Format::F32 && format != Format::Int8)
    return emitError() << "cache format must be bf16, f32 or int8, found "
                       << stringifyFormat(format);
  if (format == Format::Int8 && headDim % 16)
    return emitError() << "an int8 cache needs a head_dim that is a multiple "
                       << "of 16, found " << headDim;
  if (window < 0)
    return emitError() << "window must not be negative, found " << window;
  if (capacity < 0 || capacity % GEMCUT_KV_BLOCK)
    return emitError() << "capacity must be a multiple of " << GEMCUT_KV_BLOCK
                       << ", found " << capacity;
  return success();
}

LogicalResult
PartitionAttr::verify(function_ref<InFlightDiagnostic()> emitError,
                      PartitionDim dim, int64_t size) {
  if (size <= 0)
    return emitError() << "chunk size must be positive, found " << size;
  return success();
}
