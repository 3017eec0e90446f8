//===- Header.cpp - The header of a GGUF file -----------------------------===//

#include "frontends/GGUF/Header.h"

#include "frontends/GGUF/Blocks.h"
#include "frontends/Json/Unsupported.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/ADT/Twine.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/MathExtras.h"

using namespace gemcut;
using namespace gemcut::gguf;
using llvm::createStringError;
using llvm::Error;
using llvm::StringRef;
using llvm::Twine;

namespace {

constexpr uint64_t kMaxNameBytes = 1024;
constexpr uint64_t kMaxDimensions = 4;
constexpr uint64_t kDefaultAlignment = 32, kLeastAlignment = 8,
                   kMostAlignment = 1 << 20;
/// The least that one key-value pair takes: length of the key, a byte of it,
/// type, a byte of value.
constexpr uint64_t kLeastPairBytes = 8 + 1 + 4 + 1;
/// The least that one tensor takes: length of the name, a byte of it, number of
/// dimensions, one dimension, type, offset.
constexpr uint64_t kLeastTensorBytes = 8 + 1 + 4 + 8 + 4 + 8;

/// Bytes of a scalar that is no string; 0 for another type.
uint64_t scalarBytes(ValueType type) {
  switch (type) {
  case ValueType::UInt8:
  case ValueType::Int8:
  case ValueType::Bool:
    return 1;
  case ValueType::UInt16:
  case ValueType::Int16:
    return 2;
  case ValueType::UInt32:
  case ValueType::Int32:
  case ValueType::Float32:
    return 4;
  case ValueType::UInt64:
  case ValueType::Int64:
  case ValueType::Float64:
    return 8;
  default:
    return 0;
  }
}

class Parser {
public:
  Parser(StringRef bytes, uint64_t fileLength, StringRef fileName)
      : left(bytes), start(bytes.size()), fileLength(fileLength),
        file(fileName.str()), header{Metadata(fileName), {}} {}

  llvm::Expected<Header> parse() {
    for (Error (Parser::*step)() :
         {&Parser::parseCounts, &Parser::parsePairs, &Parser::parseTensors,
          &Parser::placeData, &Parser::checkOverlap})
      if (Error error = (this->*step)())
        return std::move(error);
    return std::move(header);
  }

private:
  StringRef left; ///< what was not read yet
  const uint64_t start, fileLength;
  const std::string file;
  Header header;
  uint64_t tensorCount = 0, pairCount = 0;

  Error fail(const Twine &what) {
    return createStringError(file + ": " + what);
  }
  Error truncated(const Twine &where) {
    return fail("the header ends in " + where + ", at byte " +
                Twine(start - left.size()) + " of " + Twine(fileLength) +
                "; the file is truncated");
  }

  template <typename T> bool read(T &value) {
    if (left.size() < sizeof(T))
      return false;
    value =
        llvm::support::endian::read<T, llvm::endianness::little>(left.data());
    left = left.drop_front(sizeof(T));
    return true;
  }
  bool take(uint64_t count, StringRef &bytes) {
    if (left.size() < count)
      return false;
    bytes = left.take_front(count);
    left = left.drop_front(count);
    return true;
  }

  Error parseCounts() {
    StringRef magic = left.take_front(4);
    uint32_t version = 0;
    if (!take(4, magic) || magic != "GGUF")
      return fail("starts with " + quote(magic) +
                  ", expected 'GGUF'; this is not a GGUF file");
    if (!read(version))
      return truncated("its version");
    if (version < 2 || version > 3)
      return fail(version >> 24 && !(version & 0xFFFFFF)
                      ? "is big-endian, supported are little-endian files"
                      : "has version " + Twine(version) +
                            ", supported are versions 2 and 3");
    if (!read(tensorCount) || !read(pairCount))
      return truncated("the number of its tensors and keys");
    if (pairCount > left.size() / kLeastPairBytes)
      return fail("claims " + Twine(pairCount) +
                  " keys, more than the file has room for");
    if (tensorCount > left.size() / kLeastTensorBytes)
      return fail("claims " + Twine(tensorCount) +
                  " tensors, more than the file has room for");
    return Error::success();
  }

  Error parsePairs() {
    for (uint64_t i = 0; i < pairCount; ++i) {
      StringRef key;
      if (Error error = parseName("key " + Twine(i), key))
        return error;
      uint32_t type = 0;
      Value value;
      if (!read(type))
        return truncated("the type of key " + quote(key));
      if (type == uint32_t(ValueType::Array)) {
        value.isArray = true;
        if (!read(type) || !read(value.count))
          return truncated("the type of key " + quote(key));
        if (type == uint32_t(ValueType::Array))
          return fail("key " + quote(key) +
                      " is an array of arrays, supported are arrays of "
                      "numbers, booleans and strings");
      }
      if (type > uint32_t(ValueType::Float64))
        return fail("key " + quote(key) + " has the unknown type " +
                    Twine(type) + ", expected 0 to " +
                    Twine(uint32_t(ValueType::Float64)));
      value.type = ValueType(type);
      if (Error error = parseValue(key, value))
        return error;
      if (!header.metadata.add(key, value))
        return fail("key " + quote(key) + " occurs twice");
    }
    return Error::success();
  }

  /// A string that is a name: of 1 to kMaxNameBytes bytes.
  Error parseName(const Twine &what, StringRef &name) {
    uint64_t length = 0;
    if (!read(length))
      return truncated("the name of " + what);
    if (length < 1 || length > kMaxNameBytes)
      return fail("the name of " + what + " has " + Twine(length) +
                  " bytes, expected 1 to " + Twine(kMaxNameBytes));
    if (!take(length, name))
      return truncated("the name of " + what);
    return Error::success();
  }

  Error parseValue(StringRef key, Value &value) {
    StringRef before = left, ignored;
    if (uint64_t size = scalarBytes(value.type)) {
      if (value.count > left.size() / size ||
          !take(value.count * size, ignored))
        return truncated(Twine(value.count) + " values of key " + quote(key));
    } else {
      for (uint64_t i = 0; i < value.count; ++i) {
        uint64_t length = 0;
        if (!read(length) || !take(length, ignored))
          return truncated("string " + Twine(i) + " of key " + quote(key));
      }
    }
    value.bytes = before.drop_back(left.size());
    return Error::success();
  }

  Error parseTensors() {
    llvm::StringSet<> names;
    for (uint64_t i = 0; i < tensorCount; ++i) {
      StringRef name;
      if (Error error = parseName("tensor " + Twine(i), name))
        return error;
      if (!names.insert(name).second)
        return fail("tensor " + quote(name) + " occurs twice");
      TensorEntry tensor;
      tensor.name = name.str();
      if (Error error = parseShape(tensor))
        return error;
      header.tensors.push_back(std::move(tensor));
    }
    return Error::success();
  }

  /// Dimensions, type and offset of a tensor.
  Error parseShape(TensorEntry &tensor) {
    std::string where = "tensor " + quote(tensor.name);
    uint32_t rank = 0, type = 0;
    if (!read(rank))
      return truncated("the dimensions of " + where);
    if (rank < 1 || rank > kMaxDimensions)
      return fail(where + " has " + Twine(rank) +
                  " dimensions, expected 1 to " + Twine(kMaxDimensions));
    uint64_t elements = 1;
    for (uint32_t i = 0; i < rank; ++i) {
      uint64_t size = 0;
      if (!read(size))
        return truncated("the dimensions of " + where);
      bool overflows = false;
      elements = llvm::SaturatingMultiply(elements, size, &overflows);
      if (!size || overflows || elements > uint64_t(INT64_MAX))
        return fail(where + " has a dimension of " + Twine(size) +
                    ", expected at least 1 and a product below 2^63");
      tensor.shape.push_back(int64_t(size));
    }
    std::reverse(tensor.shape.begin(), tensor.shape.end());
    if (!read(type) || !read(tensor.offset))
      return truncated("the type of " + where);
    std::optional<checkpoint::ElementType> known = typeOfNumber(type);
    if (!known)
      return gemcut::asUnsupported(
          fail(where + " has type " + Twine(type) + " (" + nameOfNumber(type) +
               "), supported are " + supportedTypes()));
    tensor.type = *known;
    BlockSize block = blockSize(tensor.type);
    if (tensor.shape.back() % block.elements)
      return fail(where + " has rows of " + Twine(tensor.shape.back()) +
                  " elements, expected a multiple of the " +
                  Twine(block.elements) + " in a block of " +
                  checkpoint::stringify(tensor.type));
    bool overflows = false;
    tensor.bytes = llvm::SaturatingMultiply<uint64_t>(
        elements / uint64_t(block.elements), uint64_t(block.bytes), &overflows);
    if (overflows)
      return fail(where + " has more bytes than a file can hold");
    return Error::success();
  }

  /// Turns offsets into places in the file.
  Error placeData() {
    auto alignment =
        header.metadata.integer("general.alignment", kLeastAlignment,
                                kMostAlignment, kDefaultAlignment);
    if (!alignment)
      return alignment.takeError();
    if (*alignment & (*alignment - 1))
      return header.metadata.fail("general.alignment", "a power of two");
    uint64_t step = uint64_t(*alignment);
    uint64_t data = llvm::alignTo(start - left.size(), step);
    for (TensorEntry &tensor : header.tensors) {
      std::string where = "tensor " + quote(tensor.name);
      if (tensor.offset % step)
        return fail(where + " has offset " + Twine(tensor.offset) +
                    ", expected a multiple of " + Twine(step));
      if (data > fileLength || tensor.offset > fileLength - data ||
          tensor.bytes > fileLength - data - tensor.offset)
        return fail(where + " has " + Twine(tensor.bytes) +
                    " bytes from offset " + Twine(tensor.offset) +
                    " of the data on, which begin at byte " + Twine(data) +
                    ", but the file has " + Twine(fileLength) +
                    " bytes; it may be truncated");
      tensor.offset += data;
    }
    return Error::success();
  }

  Error checkOverlap() {
    std::vector<const TensorEntry *> order;
    for (const TensorEntry &tensor : header.tensors)
      order.push_back(&tensor);
    llvm::sort(order, [](const TensorEntry *a, const TensorEntry *b) {
      return std::tie(a->offset, a->name) < std::tie(b->offset, b->name);
    });
    for (size_t i = 1; i < order.size(); ++i)
      if (order[i]->offset < order[i - 1]->offset + order[i - 1]->bytes)
        return fail("tensors " + quote(order[i - 1]->name) + " and " +
                    quote(order[i]->name) + " overlap at byte " +
                    Twine(order[i]->offset));
    return Error::success();
  }
};

} // namespace

llvm::Expected<Header> gemcut::gguf::parseHeader(llvm::ArrayRef<uint8_t> prefix,
                                                 uint64_t fileLength,
                                                 StringRef fileName) {
  StringRef bytes(reinterpret_cast<const char *>(prefix.data()), prefix.size());
  return Parser(bytes, fileLength, fileName).parse();
}
