//===- ChatTemplate.h - Jinja templates to programs -------------*- C++ -*-===//
//
// No Jinja is in produced executables: templates become programs
// (runtime/abi/chat_program.h) when a model is compiled.
//
//===----------------------------------------------------------------------===//

#ifndef GEMCUT_FRONTENDS_CHATTEMPLATE_CHATTEMPLATE_H
#define GEMCUT_FRONTENDS_CHATTEMPLATE_CHATTEMPLATE_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <cstdint>
#include <vector>

namespace gemcut::chat {

/// Compiles a chat template. Errors, of one line "FILE:LINE:COLUMN: ...": what
/// Lexer.h and Parser.h list; a filter, test, method or function that does not
/// exist or is not supported, with arguments that it does not have; a macro
/// inside a loop or macro; break or continue outside a loop; a template of more
/// than 1 MiB.
llvm::Expected<std::vector<uint8_t>> compileChatTemplate(llvm::StringRef source,
                                                         llvm::StringRef file);

/// The template of a family whose checkpoint carries none.
enum class Family {
  Gemma3,
  Gemma4Small, ///< of E2B and E4B
  Gemma4Large, ///< the others: opens an empty thought when thinking is off
};
llvm::StringRef getBuiltinTemplate(Family family);

} // namespace gemcut::chat

#endif // GEMCUT_FRONTENDS_CHATTEMPLATE_CHATTEMPLATE_H
