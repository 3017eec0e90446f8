//===- VnniForms.cpp - AVX-VNNI for CPUs without it -----------------------===//

#include "test/numerics/VnniForms.h"

#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/ErrorHandling.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Regex.h"

using namespace gemcut::test;

/// What asks for a VEX encoding.
static constexpr llvm::StringLiteral kVex = "{vex}";

std::string gemcut::test::withEvexVnni(llvm::StringRef assembly) {
  std::string text;
  for (auto rest = assembly; !rest.empty();) {
    auto [before, after] = rest.split(kVex);
    text += before;
    rest = after;
  }
  return text;
}

/// The call of a macro of vnni_in_avx2.s for a line of assembly.
static std::string callMacro(llvm::StringRef line) {
  static const llvm::Regex instruction(
      "^[ \t]*\\{vex\\}[ \t]*(vpdpbusd|vpdpwssd)[ \t]+(.*), "
      "%([xy])mm([0-9]+), %[xy]mm([0-9]+)[ \t]*(#.*)?$");
  llvm::SmallVector<llvm::StringRef, 7> parts;
  if (!instruction.match(line, &parts))
    llvm::report_fatal_error("no AVX2 instructions stand for" + line);
  auto [name, source, kind, first, target] =
      std::tie(parts[1], parts[2], parts[3], parts[4], parts[5]);
  std::string call = ("\t" + name + "_in_avx2 " + kind + ", " + source + ", " +
                      first + ", " + target)
                         .str();
  for (int number = 0, found = 0; found < 3; ++number) {
    std::string text = std::to_string(number);
    if (text == first || text == target ||
        source == ("%" + kind + "mm" + text).str())
      continue;
    call += ", " + text;
    ++found;
  }
  return call + "\n";
}

std::string gemcut::test::withVnniInAvx2(llvm::StringRef assembly) {
  auto macros = llvm::MemoryBuffer::getFile(GEMCUT_VNNI_IN_AVX2);
  if (!macros)
    llvm::report_fatal_error(GEMCUT_VNNI_IN_AVX2 " cannot be read");
  std::string text = (*macros)->getBuffer().str();
  for (llvm::StringRef line : llvm::split(assembly, '\n'))
    text += line.contains(kVex) ? callMacro(line) : (line + "\n").str();
  return text;
}
