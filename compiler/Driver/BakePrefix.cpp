//===- BakePrefix.cpp - The state that conversations begin with -----------===//

#include "compiler/Driver/BakePrefix.h"

#include "compiler/Driver/RunProgram.h"
#include "compiler/Driver/TextQuality.h"
#include "runtime/abi/prefix.h"

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/raw_ostream.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <cstring>
#include <unistd.h>

using namespace gemcut::driver;
using llvm::createStringError;
using llvm::StringRef;

/// Bytes of a session file that do not say which level made it: its payload
/// begins behind the header of 64 bytes.
static constexpr size_t kStateHeader = 64;

static llvm::Expected<std::string> readBytes(const std::string &path) {
  auto buffer = llvm::MemoryBuffer::getFile(path, /*IsText=*/false,
                                            /*RequiresNullTerminator=*/false);
  if (!buffer)
    return createStringError(
        path + ": cannot be read: " + buffer.getError().message());
  return (*buffer)->getBuffer().str();
}

llvm::Expected<std::string>
gemcut::driver::readPrefixJson(const std::string &path) {
  auto text = readBytes(path);
  if (!text)
    return text;
  if (StringRef(path).ends_with(".json"))
    return text;
  if (!text->empty() && text->back() == '\n')
    text->pop_back();
  if (text->empty())
    return createStringError(path +
                             ": is empty, expected instructions for the model");
  if (!llvm::json::isUTF8(*text))
    return createStringError(path +
                             ": is no UTF-8 text, expected instructions for "
                             "the model");
  nlohmann::json json;
  json["messages"] = {{{"role", "system"}, {"content", *text}}};
  return json.dump();
}

static llvm::Error writeFile(const std::string &path, StringRef bytes) {
  std::error_code code;
  llvm::raw_fd_ostream file(path, code);
  if (!code) {
    file << bytes;
    file.close();
    code = file.error();
  }
  if (!code)
    return llvm::Error::success();
  file.clear_error();
  return createStringError(path + ": cannot be written: " + code.message());
}

namespace {

/// A program, its weights and the prefix in a folder of their own.
class Runner {
public:
  Runner(const CompileOptions &options, Reporter &reporter)
      : options(options), reporter(reporter) {}

  llvm::Error prepare(const UnnamedProgram &program, StringRef json) {
    if (llvm::Error error = folder.create(options.output + ".prefix"))
      return error;
    StringRef image(reinterpret_cast<const char *>(program.image.data()),
                    program.image.size());
    if (llvm::Error error = writeFile(folder.file("run"), image))
      return error;
    llvm::sys::fs::setPermissions(folder.file("run"),
                                  llvm::sys::fs::perms::owner_all);
    // The program takes its weights from the file of this name, and the output
    // has none yet.
    std::string weights =
        fmt::format("/proc/{}/fd/{}", getpid(), program.weights);
    if (symlink(weights.c_str(), folder.file("run.gemw").c_str()) != 0)
      return createStringError(folder.file("run.gemw") +
                               ": cannot be made: " + std::strerror(errno));
    return writeFile(folder.file("prefix.json"), json);
  }

  /// The levels that this machine has, the best first.
  llvm::Expected<std::vector<std::string>> listLevels() {
    auto output = run({"info", "--json"});
    if (!output)
      return output.takeError();
    nlohmann::json info = nlohmann::json::parse(*output, nullptr, false);
    std::vector<std::string> levels;
    for (const auto &level : info["levels"])
      if (level.value("supported", false))
        levels.push_back(level.value("name", ""));
    if (levels.empty())
      return createStringError("--bake-prefix: this machine can run none of "
                               "the levels of --cpu; compile on one that can, "
                               "or with `--cpu host`");
    return levels;
  }

  /// The state of the prefix, as code of `level` computes it.
  llvm::Expected<std::string> compute(const std::string &level,
                                      int64_t &tokens) {
    if (llvm::Error error = checkCancelled(reporter))
      return std::move(error);
    std::string state = folder.file("state");
    auto output = run({"prefix", folder.file("prefix.json"), "--level", level,
                       "--save-session", state});
    if (!output)
      return output.takeError();
    StringRef(*output).consumeInteger(10, tokens);
    return readBytes(state);
  }

private:
  llvm::Expected<std::string> run(llvm::ArrayRef<std::string> arguments) {
    auto output = runProgram(folder.file("run"), arguments);
    if (!output)
      return output.takeError();
    if (output->code == 0)
      return output->out;
    StringRef said = StringRef(output->error).trim();
    said.consume_front("error: ");
    std::string text = said.str();
    // Its user knows the file by another name.
    std::string name = folder.file("prefix.json");
    if (size_t at = text.find(name); at != std::string::npos)
      text.replace(at, name.size(), options.bakePrefix);
    return createStringError("--bake-prefix: " + text);
  }

  const CompileOptions &options;
  Reporter &reporter;
  TemporaryFolder folder;
};

} // namespace

/// Appends bytes where the next state may begin; returns where that is.
static uint64_t append(std::vector<uint8_t> &section, StringRef bytes) {
  section.resize(llvm::alignTo(section.size(), GEMCUT_PREFIX_ALIGNMENT));
  uint64_t at = section.size();
  section.insert(section.end(), bytes.begin(), bytes.end());
  return at;
}

llvm::Expected<BakedPrefix>
gemcut::driver::bakePrefix(const CompileOptions &options,
                           const UnnamedProgram &program, Reporter &reporter) {
  auto json = readPrefixJson(options.bakePrefix);
  if (!json)
    return json.takeError();
  Runner runner(options, reporter);
  if (llvm::Error error = runner.prepare(program, *json))
    return std::move(error);
  auto levels = runner.listLevels();
  if (!levels)
    return levels.takeError();

  BakedPrefix result;
  result.levels = *levels;
  gemcut_prefix header = {};
  std::memcpy(header.magic, GEMCUT_PREFIX_MAGIC, sizeof(header.magic));
  header.version = GEMCUT_PREFIX_VERSION;
  result.section.resize(sizeof(header));
  header.text_length = json->size();
  header.text_offset = append(result.section, *json);
  assert(levels->size() <= GEMCUT_PREFIX_LEVELS && "the header has no room");
  for (const std::string &level : *levels) {
    auto state = runner.compute(level, result.tokens);
    if (!state)
      return state.takeError();
    result.stateBytes = state->size();
    gemcut_prefix_state &entry = header.states[header.state_count++];
    level.copy(entry.level, sizeof(entry.level) - 1);
    entry.length = state->size();
    // Levels that multiply and add alike have the same bits.
    for (uint32_t i = 0; i + 1 < header.state_count; ++i) {
      const gemcut_prefix_state &other = header.states[i];
      StringRef bytes(reinterpret_cast<const char *>(result.section.data()) +
                          other.offset,
                      other.length);
      if (bytes.drop_front(kStateHeader) ==
          StringRef(*state).drop_front(kStateHeader))
        entry.offset = other.offset;
    }
    if (!entry.offset)
      entry.offset = append(result.section, *state);
  }
  std::memcpy(result.section.data(), &header, sizeof(header));
  return result;
}
