//===- RooflineTest.cpp - Stages under the limits of the machine ----------===//

#include "compiler/Explain/Roofline.h"

#include "gtest/gtest.h"

#include <regex>

using namespace gemcut::explain;

namespace {

/// A run of `count` stages that lie close to each other, and one without MACs.
Explanation makeExplanation(const char *name, int count, double macs) {
  Explanation explanation;
  explanation.name = name;
  explanation.steps = {{name, 0, 1}};
  for (int i = 0; i < count; ++i) {
    StageTime stage;
    stage.name = "stage <" + std::to_string(i) + "> & more";
    stage.kernel = "gemv";
    stage.load.weightBytes = 1e6;
    stage.load.int8Macs = macs * (1 + 0.02 * i);
    stage.measured = 20 + i;
    explanation.stages.push_back(stage);
  }
  StageTime norm;
  norm.name = "norm";
  norm.load.bufferBytes = 100;
  norm.measured = 5;
  explanation.stages.push_back(norm);
  for (const StageTime &stage : explanation.stages)
    explanation.total.measured += stage.measured;
  return explanation;
}

class Roofline : public testing::Test {
protected:
  Roofline() {
    trace.level = "avx2";
    trace.repetitions = 3;
    trace.limits.threads = 2;
    trace.limits.readGbps = {40, 80};
    trace.limits.int8Gmacs = {400, 800};
    trace.limits.f32Gmacs = {100, 200};
    subject.file = "out & <about>";
    subject.trace = &trace;
    subject.limits = &trace.limits;
    subject.explanations = {makeExplanation("decode", 14, 1.8e6),
                            makeExplanation("prefill", 14, 4e8)};
  }

  static int count(const std::string &text, const std::string &part) {
    int found = 0;
    for (size_t at = 0; (at = text.find(part, at)) != std::string::npos; ++at)
      ++found;
    return found;
  }

  Trace trace;
  Subject subject;
};

TEST_F(Roofline, DrawsACirclePerProduct) {
  std::string svg = drawRoofline(subject);
  EXPECT_EQ(count(svg, "<circle "), 28);
  EXPECT_EQ(count(svg, "class=\"number\""), 28);
  EXPECT_EQ(count(svg, "stages without products"), 2);
  for (const char *roof : {"read 80.0 GB/s", "int8 800 GMAC/s",
                           "f32 200 GMAC/s", "decode of 1 token behind 0"})
    EXPECT_EQ(count(svg, roof), 1) << roof;
  EXPECT_EQ(count(svg, "bf16"), 0) << "a roof that is not known";
}

TEST_F(Roofline, EscapesNamesAndClosesElements) {
  std::string svg = drawRoofline(subject);
  EXPECT_EQ(count(svg, "out &amp; &lt;about&gt;"), 2);
  EXPECT_EQ(count(svg, "& "), 0);
  EXPECT_EQ(count(svg, "<text "), count(svg, "</text>"));
  EXPECT_EQ(count(svg, "<circle "), count(svg, "</circle>"));
  EXPECT_EQ(count(svg, "</svg>"), 1);
  EXPECT_EQ(count(svg, "nan") + count(svg, "inf"), 0);
}

TEST_F(Roofline, NumbersDoNotOverlap) {
  std::string svg = drawRoofline(subject);
  std::regex pattern("<rect x=\"([0-9.]+)\" y=\"([0-9.]+)\" width=\"16\" "
                     "height=\"12\"");
  std::vector<std::pair<double, double>> corners;
  for (std::sregex_iterator match(svg.begin(), svg.end(), pattern), end;
       match != end; ++match)
    corners.emplace_back(std::stod((*match)[1]), std::stod((*match)[2]));
  ASSERT_EQ(corners.size(), 28u);
  for (size_t i = 0; i < corners.size(); ++i)
    for (size_t j = 0; j < i; ++j)
      EXPECT_FALSE(std::abs(corners[i].first - corners[j].first) < 15.8 &&
                   std::abs(corners[i].second - corners[j].second) < 11.8)
          << i << " and " << j;
}

// A level without known instructions, and a run without products.
TEST_F(Roofline, DoesWithoutLimits) {
  trace.limits = {};
  subject.explanations = {makeExplanation("decode", 0, 0)};
  std::string svg = drawRoofline(subject);
  EXPECT_EQ(count(svg, "<circle "), 0);
  EXPECT_EQ(count(svg, "nan") + count(svg, "inf"), 0);
}

} // namespace
