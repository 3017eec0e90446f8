//===- ProgramWriter.cpp - The bytes of a chat program --------------------===//

#include "frontends/ChatTemplate/ProgramWriter.h"

#include <cstring>

using namespace gemcut::chat;

uint32_t ProgramWriter::string(llvm::StringRef text) {
  auto [entry, isNew] = numbers.try_emplace(text, uint32_t(offsets.size() - 1));
  if (isNew) {
    append(bytes, text.data(), text.size());
    offsets.push_back(uint32_t(bytes.size()));
  }
  return entry->second;
}

uint32_t ProgramWriter::jump(gemcut_chat_op which) {
  op(which);
  word(0);
  return here() - 4;
}

void ProgramWriter::land(uint32_t jump) {
  uint32_t place = here();
  std::memcpy(code.data() + jump, &place, sizeof(place));
}

void ProgramWriter::line(unsigned number) {
  if (!lines.empty() && lines.back().line == number)
    return;
  if (!lines.empty() && lines.back().code == here())
    lines.back().line = number;
  else
    lines.push_back({here(), number});
}

uint32_t ProgramWriter::addMacro(llvm::StringRef name,
                                 const std::vector<uint32_t> &names) {
  macros.push_back(
      {string(name), 0, uint32_t(parameters.size()), uint32_t(names.size())});
  parameters.insert(parameters.end(), names.begin(), names.end());
  return uint32_t(macros.size() - 1);
}

std::vector<uint8_t> ProgramWriter::finish() const {
  gemcut_chat_header header = {};
  std::memcpy(header.magic, GEMCUT_CHAT_MAGIC, sizeof(header.magic));
  header.version = GEMCUT_CHAT_VERSION;
  std::vector<uint8_t> out(sizeof(header));
  auto add = [&](const auto &list) {
    uint32_t offset = uint32_t(out.size());
    append(out, list.data(), list.size() * sizeof(list[0]));
    return offset;
  };
  header.string_count = uint32_t(offsets.size() - 1);
  header.strings = add(offsets);
  header.macro_count = uint32_t(macros.size());
  header.macros = add(macros);
  header.parameter_count = uint32_t(parameters.size());
  header.parameters = add(parameters);
  header.line_count = uint32_t(lines.size());
  header.lines = add(lines);
  header.string_bytes = add(bytes);
  header.code = add(code);
  header.code_length = uint32_t(code.size());
  header.length = uint32_t(out.size());
  std::memcpy(out.data(), &header, sizeof(header));
  return out;
}
