//===- ForeignKernel.cpp - Kernels of another architecture ----------------===//

#include "test/numerics/ForeignKernel.h"

#include "compiler/Artifact/LinkExecutable.h"
#include "targets/Common/EmitObject.h"
#include "test/numerics/SharedMemory.h"

#include "llvm/AsmParser/Parser.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/Object/ObjectFile.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Program.h"
#include "llvm/Support/SourceMgr.h"
#include "llvm/Support/raw_ostream.h"

#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

using namespace gemcut;
using namespace gemcut::test;

/// A CPU that has `level` and nothing better. Scalable registers have 32 bytes,
/// or as many times 16 as the environment variable GEMCUT_TEST_SVE_VQ says.
static std::string cpuOf(const targets::IsaLevel &level) {
  if (level.name == "neon")
    return "cortex-a72";
  if (level.name == "dotprod")
    return "neoverse-n1";
  if (level.name == "i8mm")
    return "max,sve=off";
  const char *quadwords = std::getenv("GEMCUT_TEST_SVE_VQ");
  return std::string("max,sve-max-vq=") + (quadwords ? quadwords : "2");
}

static std::string findEmulator() {
  auto path = llvm::sys::findProgramByName("qemu-aarch64");
  return path ? *path : "";
}

std::vector<targets::IsaLevel> gemcut::test::foreignLevels() {
  const targets::Target *target = targets::findTarget("aarch64-linux");
  if (llvm::StringRef(GEMCUT_FOREIGN_MAIN).empty() || findEmulator().empty()) {
    llvm::errs() << "note: kernels of aarch64-linux are not tested: qemu-user "
                    "or libstdc++-12-dev-arm64-cross is missing\n";
    return {};
  }
  return llvm::cantFail(target->parseSpec("")).levels;
}

/// An object with the table of the entry points of `object`.
static llvm::SmallVector<char, 0> emitEntries(llvm::ArrayRef<char> object,
                                              llvm::StringRef triple,
                                              llvm::StringRef level) {
  llvm::MemoryBufferRef buffer(llvm::StringRef(object.data(), object.size()),
                               "kernel.o");
  auto file =
      llvm::cantFail(llvm::object::ObjectFile::createObjectFile(buffer));
  std::string names, table;
  int count = 0;
  for (const llvm::object::SymbolRef &symbol : file->symbols()) {
    llvm::StringRef full = llvm::cantFail(symbol.getName()), name = full;
    uint32_t flags = llvm::cantFail(symbol.getFlags());
    if ((flags & llvm::object::SymbolRef::SF_Undefined) ||
        !(flags & llvm::object::SymbolRef::SF_Global) ||
        !name.consume_front("gemcut_") ||
        !name.consume_back(("_" + level).str()))
      continue;
    llvm::raw_string_ostream(names)
        << "@name" << count << " = private constant [" << name.size() + 1
        << " x i8] c\"" << name << "\\00\"\n"
        << "declare void @" << full << "(ptr, i64)\n";
    llvm::raw_string_ostream(table)
        << "{ptr, ptr} {ptr @name" << count++ << ", ptr @" << full << "}, ";
  }
  names += "@gemcut_test_entries = constant [" + std::to_string(count + 1) +
           " x {ptr, ptr}] [" + table + "{ptr, ptr} zeroinitializer]\n";
  llvm::LLVMContext context;
  llvm::SMDiagnostic diagnostic;
  auto module = llvm::parseAssemblyString(names, diagnostic, context);
  if (!module)
    llvm::report_fatal_error(diagnostic.getMessage());
  return llvm::cantFail(targets::emitLlvmModule(*module, triple));
}

ForeignKernel::ForeignKernel(llvm::ArrayRef<char> object,
                             const targets::Target &target,
                             const targets::IsaLevel &level) {
  auto spec = llvm::cantFail(target.parseSpec(""));
  auto entries = emitEntries(object, spec.triple, level.name);
  auto main = llvm::MemoryBuffer::getFile(GEMCUT_FOREIGN_MAIN);
  if (!main)
    llvm::report_fatal_error(GEMCUT_FOREIGN_MAIN " cannot be read");
  auto mainBytes =
      llvm::ArrayRef((*main)->getBufferStart(), (*main)->getBufferSize());
  auto image = artifact::linkExecutable(
      {object, entries, mainBytes}, GEMCUT_FOREIGN_RUNTIME,
      artifact::findToolchain(target.getName(), ""));
  if (!image)
    llvm::report_fatal_error(image.takeError());
  llvm::SmallString<128> path;
  int descriptor;
  if (llvm::sys::fs::createTemporaryFile("gemcut-kernel", "", descriptor, path))
    llvm::report_fatal_error("no temporary file for a kernel");
  llvm::raw_fd_ostream stream(descriptor, /*shouldClose=*/true);
  stream.write(reinterpret_cast<const char *>(image->data()), image->size());
  stream.close();
  llvm::sys::fs::setPermissions(path, llvm::sys::fs::all_all);
  start(path.str().str(), level);
  llvm::sys::fs::remove(path);
}

void ForeignKernel::start(const std::string &program,
                          const targets::IsaLevel &level) {
  int down[2], up[2];
  if (pipe2(down, O_CLOEXEC) != 0 || pipe2(up, O_CLOEXEC) != 0)
    llvm::report_fatal_error("no pipe to an emulated process");
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, down[0], STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, up[1], STDOUT_FILENO);
  std::string emulator = findEmulator(), cpu = cpuOf(level);
  std::string memory = std::to_string(sharedDescriptor());
  const char *arguments[] = {emulator.c_str(), "-cpu",         cpu.c_str(),
                             program.c_str(),  memory.c_str(), nullptr};
  int error = posix_spawn(&process, emulator.c_str(), &actions, nullptr,
                          const_cast<char **>(arguments), environ);
  posix_spawn_file_actions_destroy(&actions);
  close(down[0]);
  close(up[1]);
  toProcess = down[1];
  fromProcess = up[0];
  if (error)
    llvm::report_fatal_error("the emulator does not start");
  char byte;
  if (read(fromProcess, &byte, 1) != 1)
    reportEnd();
}

ForeignKernel::~ForeignKernel() {
  close(toProcess);
  close(fromProcess);
  int status;
  waitpid(process, &status, 0);
}

void ForeignKernel::reportEnd() {
  int status;
  waitpid(process, &status, 0);
  std::string text = WIFSIGNALED(status)
                         ? "signal " + std::to_string(WTERMSIG(status))
                         : "exit " + std::to_string(WEXITSTATUS(status));
  llvm::report_fatal_error(llvm::Twine("an emulated kernel ended: ") + text);
}

void ForeignKernel::run(llvm::StringRef name, gemcut_step step, int threads,
                        const Snapshots &snapshots) {
  static_assert(sizeof(ForeignCall) <= kMessageBytes);
  auto *call = reinterpret_cast<ForeignCall *>(kSharedAddress);
  if (step.rows > kMostRows || name.size() >= sizeof(call->entry))
    llvm::report_fatal_error("too many rows for an emulated kernel");
  std::memset(call->entry, 0, sizeof(call->entry));
  std::memcpy(call->entry, name.data(), name.size());
  call->threads = threads;
  call->snapshots = snapshots;
  auto copy = [&](const int32_t *&from, int32_t *to) {
    if (!from)
      return;
    std::memcpy(to, from, size_t(step.rows) * sizeof(int32_t));
    from = to;
  };
  copy(step.tokens, call->tokens);
  copy(step.positions, call->positions);
  copy(step.slots, call->slots);
  std::memset(call->layerRows, 0, sizeof(call->layerRows));
  step.layer_rows = call->layerRows;
  call->step = step;
  char byte = 0;
  if (write(toProcess, &byte, 1) != 1 || read(fromProcess, &byte, 1) != 1)
    reportEnd();
}
