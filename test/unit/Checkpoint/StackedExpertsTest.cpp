//===- StackedExpertsTest.cpp - Experts that are stored one by one --------===//

#include "frontends/Checkpoint/StackedExperts.h"

#include "gtest/gtest.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

using namespace gemcut::checkpoint;

namespace {

constexpr const char *kGateUp = "model.layers.1.experts.gate_up_proj";
constexpr const char *kDown = "model.layers.1.experts.down_proj";

std::string nameOf(int64_t expert, const std::string &matrix) {
  return "model.layers.1.experts." + std::to_string(expert) + "." + matrix +
         ".weight";
}

/// Matrices of levels -8, -7, ... under scales that count on from matrix to
/// matrix.
class Stored : public WeightSource {
public:
  std::map<std::string, WeightInfo> tensors;
  std::map<std::string, float> constants; ///< elements of tensors, all alike
  mutable std::vector<std::string> released;

  void add(const std::string &name, int64_t rows, int64_t columns) {
    WeightInfo info{ElementType::I32, {rows, columns}};
    info.levels = LevelForm{/*bits=*/4, /*group=*/2};
    info.bytes = uint64_t(rows * columns / 2);
    tensors[name] = info;
  }

  std::optional<WeightInfo> find(llvm::StringRef name) const override {
    auto found = tensors.find(name.str());
    if (found == tensors.end())
      return std::nullopt;
    return found->second;
  }
  std::vector<std::string> names() const override {
    std::vector<std::string> names;
    for (const auto &tensor : tensors)
      names.push_back(tensor.first);
    return names;
  }
  std::string fileOf(llvm::StringRef name) const override {
    return find(name) ? "f" : "";
  }
  llvm::Error readF32(llvm::StringRef name, int64_t first,
                      llvm::MutableArrayRef<float> out) const override {
    if (llvm::Error error =
            checkRead(name, find(name), first, int64_t(out.size())))
      return error;
    if (auto constant = constants.find(name.str());
        constant != constants.end()) {
      std::fill(out.begin(), out.end(), constant->second);
      return llvm::Error::success();
    }
    for (size_t i = 0; i < out.size(); ++i)
      out[i] =
          level(first + int64_t(i)) * scale(name, (first + int64_t(i)) / 2);
    return llvm::Error::success();
  }
  llvm::Error readLevels(llvm::StringRef name, int64_t firstRow,
                         llvm::MutableArrayRef<int8_t> levels,
                         llvm::MutableArrayRef<float> scales) const override {
    if (llvm::Error error = checkLevels(name, find(name), firstRow,
                                        levels.size(), scales.size()))
      return error;
    int64_t first = firstRow * find(name)->columns();
    for (size_t i = 0; i < levels.size(); ++i)
      levels[i] = int8_t(level(first + int64_t(i)));
    for (size_t i = 0; i < scales.size(); ++i)
      scales[i] = scale(name, first / 2 + int64_t(i));
    return llvm::Error::success();
  }
  void done(llvm::StringRef name) const override {
    released.push_back(name.str());
  }

private:
  static float level(int64_t element) { return float(element % 16 - 8); }
  float scale(llvm::StringRef name, int64_t group) const {
    auto place = std::distance(tensors.begin(), tensors.find(name.str()));
    return float(100 * place + group + 1);
  }
};

/// Three experts of 2 inner and 4 hidden features, and a norm.
std::unique_ptr<Stored> threeExperts() {
  auto stored = std::make_unique<Stored>();
  for (int64_t e = 0; e < 3; ++e) {
    stored->add(nameOf(e, "gate_proj"), 2, 4);
    stored->add(nameOf(e, "up_proj"), 2, 4);
    stored->add(nameOf(e, "down_proj"), 4, 2);
  }
  stored->add("model.norm.weight", 1, 4);
  return stored;
}

std::string errorOf(std::unique_ptr<Stored> stored) {
  auto stacked = StackedExperts::stack(std::move(stored));
  return stacked ? "" : llvm::toString(stacked.takeError());
}

} // namespace

TEST(StackedExperts, AreTheTensorsOfTheModel) {
  auto stacked = llvm::cantFail(StackedExperts::stack(threeExperts()));
  EXPECT_EQ(stacked->names(),
            (std::vector<std::string>{kDown, kGateUp, "model.norm.weight"}));
  std::optional<WeightInfo> gateUp = stacked->find(kGateUp);
  ASSERT_TRUE(gateUp);
  EXPECT_EQ(gateUp->shape, (llvm::SmallVector<int64_t, 4>{3, 4, 4}));
  EXPECT_EQ(gateUp->levels, (LevelForm{4, 2}));
  EXPECT_EQ(gateUp->bytes, 6u * 4);
  EXPECT_EQ(stacked->find(kDown)->shape,
            (llvm::SmallVector<int64_t, 4>{3, 4, 2}));
  EXPECT_FALSE(stacked->find(nameOf(0, "up_proj")));
  EXPECT_EQ(stacked->fileOf(kGateUp), "f");
  StoredElement place = stacked->locate(kGateUp, 2 * 16 + 8 + 3);
  EXPECT_EQ(place.tensor, nameOf(2, "up_proj"));
  EXPECT_EQ(place.element, 3);
}

TEST(StackedExperts, GateIsAboveUpOfEachExpert) {
  auto stacked = llvm::cantFail(StackedExperts::stack(threeExperts()));
  auto stored = threeExperts();
  std::vector<float> expected;
  for (int64_t e = 0; e < 3; ++e)
    for (const char *matrix : {"gate_proj", "up_proj"}) {
      expected.resize(expected.size() + 8);
      llvm::cantFail(
          stored->readF32(nameOf(e, matrix), 0,
                          llvm::MutableArrayRef<float>(expected).take_back(8)));
    }
  // From every element on, so that pieces begin and end everywhere.
  for (size_t first = 0; first < expected.size(); ++first)
    for (size_t count : {size_t(1), expected.size() - first}) {
      std::vector<float> values(count);
      llvm::cantFail(stacked->readF32(kGateUp, int64_t(first), values));
      EXPECT_EQ(values, std::vector<float>(
                            expected.begin() + std::ptrdiff_t(first),
                            expected.begin() + std::ptrdiff_t(first + count)))
          << first;
    }
}

TEST(StackedExperts, LevelsAndScalesStayWhatTheyAre) {
  auto stacked = llvm::cantFail(StackedExperts::stack(threeExperts()));
  for (const char *name : {kGateUp, kDown}) {
    WeightInfo info = *stacked->find(name);
    int64_t rows = info.elements() / info.columns();
    for (int64_t first = 0; first < rows; ++first) {
      auto count = size_t((rows - first) * info.columns());
      std::vector<int8_t> levels(count);
      std::vector<float> scales(count / 2), values(count);
      llvm::cantFail(stacked->readLevels(name, first, levels, scales));
      llvm::cantFail(stacked->readF32(name, first * info.columns(), values));
      for (size_t i = 0; i < count; ++i)
        EXPECT_EQ(float(levels[i]) * scales[i / 2], values[i]) << name << i;
    }
  }
}

// One of each expert or matrix; 0 where a layer has none.
TEST(StackedExperts, StackActivationScales) {
  auto stored = threeExperts();
  auto add = [&](const char *layer, const char *kind) {
    WeightInfo info;
    info.shape = {1};
    std::string name = std::string("model.layers.1.experts.") + layer + kind;
    stored->tensors[name] = info;
    stored->constants[name] = float(stored->tensors.size()) / 16;
    return name;
  };
  const char *in = ".input_activation_scale", *out = ".output_activation_scale";
  std::vector<std::string> parts = {
      add("0.gate_proj", out), add("1.up_proj", out), add("2.down_proj", in)};
  std::vector<float> values; // of the tensors, by their places
  for (const std::string &part : parts)
    llvm::cantFail(stored->readF32(part, 0, values.emplace_back()));
  auto stacked = llvm::cantFail(StackedExperts::stack(std::move(stored)));
  auto read = [&](const std::string &name) {
    std::optional<WeightInfo> info = stacked->find(name);
    if (!info)
      return std::vector<float>();
    std::vector<float> read(size_t(info->elements()));
    llvm::cantFail(
        stacked->readF32(name, 0, llvm::MutableArrayRef<float>(read)));
    return read;
  };
  EXPECT_EQ(read(kGateUp + std::string(out)),
            (std::vector<float>{values[0], 0, 0, values[1], 0, 0}));
  EXPECT_EQ(read(kDown + std::string(in)),
            (std::vector<float>{0, 0, values[2]}));
  EXPECT_FALSE(stacked->find(kGateUp + std::string(in)));
  EXPECT_FALSE(stacked->find(kDown + std::string(out)));
  EXPECT_FALSE(stacked->find(parts[0]));
  EXPECT_EQ(stacked->names().size(), 5u);
  EXPECT_EQ(stacked->fileOf(kDown + std::string(in)), "f");
}

TEST(StackedExperts, GateAndUpReadTheSameValues) {
  auto stored = threeExperts();
  WeightInfo info;
  info.shape = {1};
  std::string scale = "model.layers.1.experts.1.up_proj.input_activation_scale";
  stored->tensors[scale] = info;
  stored->constants[scale] = 0.25f;
  std::string error = errorOf(std::move(stored));
  EXPECT_NE(error.find("f: tensor '" + nameOf(1, "up_proj") +
                       "' has the input_activation_scale 0.250000, "),
            std::string::npos)
      << error;
  EXPECT_NE(error.find("expected 0.000000 as '" + nameOf(1, "gate_proj") +
                       "', which reads the same values"),
            std::string::npos)
      << error;
}

TEST(StackedExperts, ActivationScalesArePositiveNumbersOrZero) {
  std::string name = "model.layers.1.experts.1.up_proj.input_activation_scale";
  auto errorAt = [&](float scale, ElementType type) {
    auto stored = threeExperts();
    WeightInfo info;
    info.shape = {1};
    info.type = type;
    stored->tensors[name] = info;
    stored->constants[name] = scale;
    return errorOf(std::move(stored));
  };
  std::string what = "f: tensor '" + name + "' ";
  for (auto [scale, text] : {std::pair(std::nanf(""), "nan"),
                             {std::numeric_limits<float>::infinity(), "INF"},
                             {-0.5f, "-5.000000e-01"}})
    EXPECT_EQ(errorAt(scale, ElementType::F32),
              what + "holds " + text +
                  ", expected a positive scale, or 0 for none");
  EXPECT_EQ(errorAt(0, ElementType::I32),
            what + "has dtype I32, expected F32, BF16 or F16");
  EXPECT_EQ(errorAt(0, ElementType::F32), "");
}

TEST(StackedExperts, ReleaseAllOfTheirParts) {
  auto stored = threeExperts();
  const Stored &watched = *stored;
  auto stacked = llvm::cantFail(StackedExperts::stack(std::move(stored)));
  stacked->done(kDown);
  EXPECT_EQ(
      watched.released,
      (std::vector<std::string>{nameOf(0, "down_proj"), nameOf(1, "down_proj"),
                                nameOf(2, "down_proj")}));
}

TEST(StackedExperts, SourcesWithoutThemStayAsTheyAre) {
  auto stored = std::make_unique<Stored>();
  stored->add("model.layers.1.experts.gate_up_proj", 2, 4);
  stored->add("model.layers.1.experts.01.up_proj.weight", 2, 4);
  WeightSource *source = stored.get();
  EXPECT_EQ(llvm::cantFail(StackedExperts::stack(std::move(stored))).get(),
            source);
}

TEST(StackedExperts, WrongPartsAreNamed) {
  auto stored = threeExperts();
  stored->tensors.erase(nameOf(1, "up_proj"));
  EXPECT_EQ(errorOf(std::move(stored)),
            "f: tensor '" + nameOf(1, "up_proj") +
                "' is missing, expected as there is '" + nameOf(2, "up_proj") +
                "'");
  stored = threeExperts();
  stored->tensors.erase(nameOf(1, "down_proj"));
  EXPECT_EQ(errorOf(std::move(stored)),
            "f: tensor '" + nameOf(1, "down_proj") +
                "' is missing, expected as there is '" + nameOf(2, "up_proj") +
                "'");
  // The first of all, too.
  stored = threeExperts();
  stored->tensors.erase(nameOf(0, "gate_proj"));
  EXPECT_EQ(errorOf(std::move(stored)),
            "f: tensor '" + nameOf(0, "gate_proj") +
                "' is missing, expected as there is '" + nameOf(2, "up_proj") +
                "'");
  stored = threeExperts();
  stored->add(nameOf(2, "gate_proj"), 4, 4);
  EXPECT_EQ(errorOf(std::move(stored)),
            "f: tensor '" + nameOf(2, "gate_proj") +
                "' differs in shape or type from '" + nameOf(0, "gate_proj") +
                "', expected alike matrices for all experts");
  stored = threeExperts();
  stored->add(kDown, 4, 2);
  EXPECT_EQ(errorOf(std::move(stored)),
            std::string("f: tensor '") + kDown + "' is there beside '" +
                nameOf(0, "down_proj") +
                "', expected experts stacked or one by one");
  stored = threeExperts();
  stored->tensors[nameOf(0, "down_proj")].shape = {8};
  EXPECT_EQ(errorOf(std::move(stored)),
            "f: tensor '" + nameOf(0, "down_proj") +
                "' has 1 dimensions, expected the 2 of an expert's matrix");
  // An absurd number of an expert costs no memory.
  stored = threeExperts();
  stored->add(nameOf(int64_t(1) << 60, "up_proj"), 2, 4);
  EXPECT_EQ(errorOf(std::move(stored)),
            "f: tensor '" + nameOf(3, "gate_proj") +
                "' is missing, expected as there is '" +
                nameOf(int64_t(1) << 60, "up_proj") + "'");
}
