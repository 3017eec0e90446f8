//===- LinkLibraryTest.cpp - How large static libraries can be ------------===//

#include "test/unit/Artifact/TestFolder.h"

#include "compiler/Artifact/LinkLibrary.h"
#include "targets/Common/EmitObject.h"
#include "targets/Common/Target.h"

#include "llvm/AsmParser/Parser.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/IR/Module.h"
#include "llvm/Support/SourceMgr.h"

#include <gtest/gtest.h>

#include <string_view>

using namespace gemcut;
using namespace gemcut::artifact;
using namespace gemcut::test;

namespace {

constexpr char kModel[] = R"(
  @blob = constant i8 0, section ".lrodata.gemcut", align 65536
  define ptr @gemcut_bundle_large() { ret ptr @blob })";

constexpr char kRuntime[] = "define void @gemcut_load() { ret void }";
constexpr char kX86[] = "x86_64-unknown-linux-gnu";
constexpr char kArm[] = "aarch64-unknown-linux-gnu";
constexpr char kArmModel[] = R"(
  @blob = global i8 0, section ".data1", align 65536
  define ptr @gemcut_bundle_large() { ret ptr @blob })";

llvm::SmallVector<char, 0> compile(llvm::StringRef text,
                                   llvm::StringRef triple) {
  EXPECT_FALSE(targets::allTargets().empty()); // has the code generators
  llvm::LLVMContext context;
  llvm::SMDiagnostic diagnostic;
  auto module = llvm::parseAssemblyString(text, diagnostic, context);
  return llvm::cantFail(targets::emitLlvmModule(*module, triple));
}

/// A library in front of `blobBytes` of weights, which nobody writes.
llvm::Expected<std::vector<uint8_t>> link(uint64_t blobBytes,
                                          llvm::StringRef triple = kX86) {
  TestFolder folder;
  auto runtime = compile(kRuntime, triple);
  auto model = compile(triple == kX86 ? kModel : kArmModel, triple);
  writeText(folder / "runtime.o", std::string(runtime.begin(), runtime.end()));
  llvm::ArrayRef<char> objects[] = {model};
  LibraryParts parts;
  parts.name = "large";
  parts.triple = triple.str();
  parts.objects = objects;
  parts.bundleFunction = "gemcut_bundle_large";
  parts.blobBytes = blobBytes;
  parts.apiArchive = folder / "runtime.o";
  return linkStaticLibrary(parts);
}

TEST(LinkLibrary, AnArchiveHoldsTenDigitsOfBytes) {
  auto library = link(9'900'000'000);
  ASSERT_TRUE(bool(library)) << llvm::toString(library.takeError());
  std::string_view text(reinterpret_cast<const char *>(library->data()),
                        library->size());
  size_t header = text.rfind("large.o/");
  ASSERT_NE(header, text.npos);
  // The size is the seventh field of a member's header.
  uint64_t size = std::stoull(std::string(text.substr(header + 48, 10)));
  EXPECT_EQ(size, library->size() - header - 60 + 9'900'000'000);
}

TEST(LinkLibrary, RefusesMoreWithWhatToDo) {
  auto library = link(10'000'000'000);
  ASSERT_FALSE(bool(library));
  std::string message = llvm::toString(library.takeError());
  EXPECT_EQ(message.find("a static library holds at most 9.9 GB, but the model "
                         "has 100"),
            0u)
      << message;
  EXPECT_NE(message.find("--weights sidecar or --emit shared-lib"),
            std::string::npos)
      << message;
}

TEST(LinkLibrary, CodeOfArmReachesFourGigabytes) {
  constexpr uint64_t kLongest = (uint64_t(4) << 30) - (64 << 20);
  EXPECT_TRUE(bool(link(kLongest, kArm)));
  auto library = link(kLongest + 1, kArm);
  ASSERT_FALSE(bool(library));
  EXPECT_EQ(llvm::toString(library.takeError()),
            "a static library for aarch64-unknown-linux-gnu holds a model of "
            "at most 4032 MiB, as code reaches 4 GiB, but this one has 4033 "
            "MiB; use --weights sidecar or --emit shared-lib");
}

} // namespace
