//===- LocalSymbols.cpp - Hiding what an object defines -------------------===//

#include "compiler/Artifact/LocalSymbols.h"

#include "llvm/ObjCopy/ConfigManager.h"
#include "llvm/ObjCopy/ObjCopy.h"
#include "llvm/Object/Binary.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/raw_ostream.h"

using namespace llvm;
using namespace llvm::objcopy;

llvm::Expected<std::vector<uint8_t>>
gemcut::artifact::localizeSymbols(ArrayRef<uint8_t> object,
                                  ArrayRef<StringRef> global) {
  StringRef bytes(reinterpret_cast<const char *>(object.data()), object.size());
  auto binary = object::createBinary(MemoryBufferRef(bytes, "object"));
  if (!binary)
    return binary.takeError();
  auto literal = [](StringRef name) {
    return NameOrPattern::create(name, MatchStyle::Literal,
                                 [](Error error) { return error; });
  };
  ConfigManager config;
  for (StringRef name : global)
    if (Error error =
            config.Common.SymbolsToKeepGlobal.addMatcher(literal(name)))
      return std::move(error);
  // Which takes its members out of the group.
  if (Error error = config.Common.ToRemove.addMatcher(literal(".group")))
    return std::move(error);
  SmallVector<char, 0> result;
  raw_svector_ostream stream(result);
  if (Error error = executeObjcopyOnBinary(config, **binary, stream))
    return std::move(error);
  return std::vector<uint8_t>(result.begin(), result.end());
}
