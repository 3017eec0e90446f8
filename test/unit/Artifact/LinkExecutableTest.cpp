//===- LinkExecutableTest.cpp - Static executables by lld in process ------===//

#include "test/unit/Artifact/TestFolder.h"

#include "compiler/Artifact/LinkExecutable.h"
#include "targets/Common/EmitObject.h"
#include "targets/Common/Target.h"

#include "llvm/AsmParser/Parser.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/IR/Module.h"
#include "llvm/Support/SourceMgr.h"

#include <gtest/gtest.h>

#include <cstring>
#include <elf.h>
#include <sys/stat.h>
#include <sys/wait.h>

using namespace gemcut;
using namespace gemcut::artifact;
using namespace gemcut::test;

namespace {

class LinkExecutable : public testing::Test {
protected:
  TestFolder folder;

  static void SetUpTestSuite() {
    // Registers the code generator.
    ASSERT_NE(targets::findTarget("x86_64-linux"), nullptr);
  }

  llvm::SmallVector<char, 0> object(llvm::StringRef text) {
    llvm::LLVMContext context;
    llvm::SMDiagnostic diagnostic;
    auto module = llvm::parseAssemblyString(text, diagnostic, context);
    EXPECT_TRUE(module) << diagnostic.getMessage().str();
    auto bytes = targets::emitLlvmModule(*module, "x86_64-unknown-linux-gnu");
    if (!bytes) {
      ADD_FAILURE() << llvm::toString(bytes.takeError());
      return {};
    }
    return std::move(*bytes);
  }
  /// An empty archive stands for the runtime.
  std::string archive() {
    writeText(folder / "libempty.a", "!<arch>\n");
    return folder / "libempty.a";
  }
  std::string failureOf(llvm::ArrayRef<llvm::ArrayRef<char>> objects,
                        const std::string &runtime,
                        const Toolchain &toolchain) {
    auto linked = linkExecutable(objects, runtime, toolchain);
    if (linked)
      return "no error";
    return llvm::toString(linked.takeError());
  }
};

constexpr char kMain[] = R"(
  declare i32 @answer()
  declare i32 @printf(ptr, ...)
  @text = private constant [5 x i8] c"%d!\0A\00"
  define i32 @main() {
    %n = call i32 @answer()
    call i32 (ptr, ...) @printf(ptr @text, i32 %n)
    ret i32 7
  })";
constexpr char kAnswer[] = "define i32 @answer() { ret i32 42 }";

TEST_F(LinkExecutable, RunsStaticallyLinkedAndStripped) {
  auto main = object(kMain), answer = object(kAnswer);
  llvm::ArrayRef<char> objects[] = {main, answer};
  // Twice: the linker keeps no state between runs.
  std::vector<uint8_t> images[2];
  for (auto &image : images) {
    auto linked =
        linkExecutable(objects, archive(), findToolchain("x86_64-linux", ""));
    ASSERT_TRUE(bool(linked)) << llvm::toString(linked.takeError());
    image = std::move(*linked);
  }
  EXPECT_TRUE(images[0] == images[1]);
  const std::vector<uint8_t> &image = images[0];
  auto *header = reinterpret_cast<const Elf64_Ehdr *>(image.data());
  ASSERT_GT(image.size(), sizeof(*header));
  EXPECT_EQ(header->e_type, ET_DYN) << "not position-independent";
  auto *segments =
      reinterpret_cast<const Elf64_Phdr *>(image.data() + header->e_phoff);
  for (int i = 0; i < header->e_phnum; ++i) {
    EXPECT_NE(segments[i].p_type, PT_INTERP) << "not static";
    if (segments[i].p_type == PT_GNU_STACK)
      EXPECT_FALSE(segments[i].p_flags & PF_X) << "executable stack";
  }
  auto *sections =
      reinterpret_cast<const Elf64_Shdr *>(image.data() + header->e_shoff);
  for (int i = 0; i < header->e_shnum; ++i)
    EXPECT_NE(sections[i].sh_type, SHT_SYMTAB) << "not stripped";
  writeText(folder / "out", std::string(image.begin(), image.end()));
  ASSERT_EQ(chmod((folder / "out").c_str(), 0755), 0);
  FILE *output = popen((folder / "out").c_str(), "r");
  char line[16] = {};
  ASSERT_TRUE(std::fgets(line, sizeof(line), output));
  EXPECT_STREQ(line, "42!\n");
  EXPECT_EQ(WEXITSTATUS(pclose(output)), 7);
}

TEST_F(LinkExecutable, TellsWhatTheLinkerMisses) {
  auto main = object(kMain);
  std::string message = failureOf({llvm::ArrayRef<char>(main)}, archive(),
                                  findToolchain("x86_64-linux", ""));
  EXPECT_NE(message.find("linking the executable failed"), std::string::npos);
  EXPECT_NE(message.find("undefined symbol: answer"), std::string::npos)
      << message;
}

TEST_F(LinkExecutable, NamesMissingFilesAndTheirPackages) {
  auto main = object(kMain), answer = object(kAnswer);
  llvm::ArrayRef<char> objects[] = {main, answer};
  std::string message =
      failureOf(objects, folder / "librt.a", findToolchain("x86_64-linux", ""));
  EXPECT_NE(message.find("librt.a', which does not exist; build the target "
                         "gemcut_rt"),
            std::string::npos)
      << message;
  struct Case {
    const char *target;
    std::string Toolchain::*folder;
    const char *file, *package;
  } cases[] = {{"x86_64-linux", &Toolchain::libcDir, "/rcrt1.o'", "libc6-dev"},
               {"x86_64-linux", &Toolchain::gccDir, "/crtbeginS.o'", "gcc"},
               {"x86_64-linux", &Toolchain::stdcxxDir, "/libstdc++.a'", "g++"},
               {"aarch64-linux", &Toolchain::libcDir, "/rcrt1.o'",
                "libc6-dev-arm64-cross"},
               {"aarch64-linux", &Toolchain::gccDir, "/crtbeginS.o'",
                "libgcc-12-dev-arm64-cross"},
               {"aarch64-linux", &Toolchain::stdcxxDir, "/libstdc++.a'",
                "libstdc++-12-dev-arm64-cross"}};
  for (const Case &test : cases) {
    Toolchain toolchain = findToolchain(test.target, "");
    toolchain.*test.folder = folder / "nothing";
    message = failureOf(objects, archive(), toolchain);
    EXPECT_NE(message.find(test.file), std::string::npos) << message;
    EXPECT_NE(message.find(std::string("package ") + test.package),
              std::string::npos)
        << message;
  }
}

} // namespace
