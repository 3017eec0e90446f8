//===- PackFixture.h - Weights and a plan to pack them by -------*- C++ -*-===//
#ifndef GEMCUT_TEST_UNIT_ARTIFACT_PACKFIXTURE_H
#define GEMCUT_TEST_UNIT_ARTIFACT_PACKFIXTURE_H

#include "test/unit/Artifact/TestFolder.h"

#include "compiler/Artifact/PackWeights.h"
#include "compiler/Pipeline/Registration.h"

#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/OwningOpRef.h"
#include "mlir/Parser/Parser.h"
#include "llvm/ADT/StringMap.h"

#include <gtest/gtest.h>

#include <fcntl.h>
#include <mutex>
#include <random>
#include <unistd.h>

namespace gemcut::test {

/// Matrices in memory; counts what is asked of it.
class TestWeights : public checkpoint::WeightSource {
public:
  struct Matrix {
    int64_t rows, columns;
    std::vector<float> values;
  };
  llvm::StringMap<Matrix> tensors;
  mutable std::mutex mutex;
  mutable llvm::StringMap<int> released;
  mutable int64_t longestRead = 0;
  std::function<void(llvm::StringRef)> beforeRead; ///< called by any thread

  Matrix &add(llvm::StringRef name, int64_t rows, int64_t columns) {
    Matrix matrix{rows, columns, {}};
    std::mt19937 generator(unsigned(llvm::hash_value(rows * 7919 + columns)) +
                           unsigned(name.size()) + unsigned(name.back()));
    std::normal_distribution<float> normal(0, 0.02f);
    matrix.values.resize(size_t(rows * columns));
    for (float &value : matrix.values)
      value = normal(generator);
    return tensors[name] = std::move(matrix);
  }

  std::optional<checkpoint::WeightInfo>
  find(llvm::StringRef name) const override {
    auto it = tensors.find(name);
    if (it == tensors.end())
      return std::nullopt;
    return checkpoint::WeightInfo{checkpoint::ElementType::F32,
                                  {it->second.rows, it->second.columns}};
  }
  std::vector<std::string> names() const override {
    std::vector<std::string> result;
    for (llvm::StringRef name : tensors.keys())
      result.push_back(name.str());
    llvm::sort(result);
    return result;
  }
  llvm::Error readF32(llvm::StringRef name, int64_t first,
                      llvm::MutableArrayRef<float> out) const override {
    int64_t count = int64_t(out.size());
    if (llvm::Error error =
            checkpoint::checkRead(name, find(name), first, count))
      return error;
    if (beforeRead)
      beforeRead(name);
    const Matrix &matrix = tensors.find(name)->second;
    std::copy_n(matrix.values.begin() + first, count, out.begin());
    std::lock_guard<std::mutex> lock(mutex);
    longestRead = std::max(longestRead, count);
    return llvm::Error::success();
  }
  void done(llvm::StringRef name) const override {
    std::lock_guard<std::mutex> lock(mutex);
    ++released[name];
  }
};

/// Rows that are no multiple of 16, columns of one and of three groups, every
/// layout and format, and a tensor of several units of work. Not in the order
/// of offsets.
inline constexpr char kProgram[] = R"(
  kernel.packed @table {sources = ["table"], offset = 4096 : i64}
      : !kernel.weight<37 x 96, int8, rows>
  kernel.packed @odd {sources = ["odd"], offset = 0 : i64}
      : !kernel.weight<21 x 96, q4_0, tiles>
  kernel.packed @small {sources = ["small"], offset = 16384 : i64}
      : !kernel.weight<5 x 32, int8, tiles>
  kernel.packed @pair {sources = ["gate", "up"], offset = 20480 : i64}
      : !kernel.weight<96 x 64, int4, interleaved>
  kernel.packed @norm {sources = ["norm"], offset = 65536 : i64}
      : !kernel.weight<1 x 70, f32, vector>
  kernel.packed @exact {sources = ["exact"], offset = 66048 : i64}
      : !kernel.weight<18 x 40, f32, tiles>
  kernel.packed @half {sources = ["half"], offset = 131072 : i64}
      : !kernel.weight<17 x 40, bf16, tiles>
  kernel.packed @rows {sources = ["rows"], offset = 196608 : i64}
      : !kernel.weight<3 x 40, bf16, rows>
  kernel.packed @long {sources = ["long"], offset = 262144 : i64}
      : !kernel.weight<3001 x 1024, int8, tiles>
)";
inline constexpr int64_t kSectionBytes =
    262144 + (3001 + 15) / 16 * (1024 / 64 * 1088);

class PackFixture : public testing::Test {
protected:
  mlir::MLIRContext context;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  TestWeights weights;
  TestFolder folder;
  std::vector<std::pair<uint64_t, uint64_t>> progress;

  void SetUp() override {
    mlir::DialectRegistry registry;
    registerAllDialects(registry);
    context.appendDialectRegistry(registry);
    context.loadAllAvailableDialects();
    parse(kProgram);
    weights.add("odd", 21, 96);
    weights.add("table", 37, 96);
    weights.add("small", 5, 32);
    weights.add("gate", 48, 64);
    weights.add("up", 48, 64);
    weights.add("norm", 1, 70);
    weights.add("exact", 18, 40);
    weights.add("half", 17, 40);
    weights.add("rows", 3, 40);
    weights.add("long", 3001, 1024);
  }
  void parse(llvm::StringRef text) {
    module = mlir::parseSourceString<mlir::ModuleOp>(text, &context);
    ASSERT_TRUE(bool(module));
  }

  /// Packs at `fileOffset` of a new file of zeros; its bytes from there on, or
  /// the error's message.
  std::string pack(unsigned threads, uint64_t fileOffset,
                   std::string *message = nullptr) {
    std::string path = folder / "section";
    int descriptor = open(path.c_str(), O_CREAT | O_TRUNC | O_RDWR, 0600);
    EXPECT_EQ(ftruncate(descriptor, off_t(fileOffset) + kSectionBytes), 0);
    progress.clear();
    llvm::Error error =
        artifact::packWeights(*module, weights, descriptor, fileOffset, threads,
                              [&](uint64_t done, uint64_t total) {
                                progress.push_back({done, total});
                                return llvm::Error::success();
                              });
    close(descriptor);
    if (error) {
      std::string text = llvm::toString(std::move(error));
      if (message)
        *message = text;
      else
        ADD_FAILURE() << text;
      return "";
    }
    return readText(path).substr(fileOffset);
  }
};

} // namespace gemcut::test

#endif // GEMCUT_TEST_UNIT_ARTIFACT_PACKFIXTURE_H
