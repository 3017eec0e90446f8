//===- ProgramWriter.h - The bytes of a chat program ------------*- C++ -*-===//

#ifndef GEMCUT_FRONTENDS_CHATTEMPLATE_PROGRAMWRITER_H
#define GEMCUT_FRONTENDS_CHATTEMPLATE_PROGRAMWRITER_H

#include "runtime/abi/chat_program.h"

#include "llvm/ADT/StringMap.h"

#include <vector>

namespace gemcut::chat {

/// Collects code, strings and macros, and lays them out.
class ProgramWriter {
public:
  /// The string's number; equal strings have one.
  uint32_t string(llvm::StringRef text);

  void op(gemcut_chat_op op) { code.push_back(uint8_t(op)); }
  void op(gemcut_chat_op which, uint32_t operand) {
    op(which);
    word(operand);
  }
  void byte(unsigned value) { code.push_back(uint8_t(value)); }
  void word(uint32_t value) { append(code, &value, sizeof(value)); }
  void integer(int64_t value) { append(code, &value, sizeof(value)); }
  void real(double value) { append(code, &value, sizeof(value)); }

  uint32_t here() const { return uint32_t(code.size()); }
  /// A jump whose place comes later; returns what `land` needs.
  uint32_t jump(gemcut_chat_op which);
  /// The jump goes to here.
  void land(uint32_t jump);
  /// The code from here on is of this line.
  void line(unsigned number);

  /// Announces a macro; returns its number.
  uint32_t addMacro(llvm::StringRef name,
                    const std::vector<uint32_t> &parameters);
  void beginMacro(uint32_t macro) { macros[macro].code = here(); }

  std::vector<uint8_t> finish() const;

private:
  static void append(std::vector<uint8_t> &to, const void *data, size_t size) {
    auto *bytes = static_cast<const uint8_t *>(data);
    to.insert(to.end(), bytes, bytes + size);
  }

  std::vector<uint8_t> code;
  llvm::StringMap<uint32_t> numbers;
  std::vector<uint32_t> offsets = {0};
  std::vector<uint8_t> bytes;
  std::vector<gemcut_chat_macro> macros;
  std::vector<uint32_t> parameters;
  std::vector<gemcut_chat_line> lines;
};

} // namespace gemcut::chat

#endif // GEMCUT_FRONTENDS_CHATTEMPLATE_PROGRAMWRITER_H
