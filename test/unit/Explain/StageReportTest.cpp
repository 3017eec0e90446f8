//===- StageReportTest.cpp - The stages of a program as data --------------===//

#include "compiler/Explain/StageReport.h"

#include <nlohmann/json.hpp>

#include "gtest/gtest.h"

using namespace gemcut::explain;
using nlohmann::ordered_json;

namespace {

StageReport makeReport() {
  StageReport report;
  report.kinds.resize(2);
  report.kinds[0] = {"mlp.down", "gemv",     "64 x 128 int4",
                     "int8",     "tiles, 2", 1,
                     1,          2,          3,
                     4,          5,          6,
                     7,          8,          9,
                     10,         11};
  report.kinds[1].name = "attention";
  report.entries["decode"] = {8, {{1, -1, 0}, {0, 3, 1}}};
  report.entries["extend"] = {16, {}};
  return report;
}

std::string messageOf(const ordered_json &json) {
  auto read = readStages(json);
  return read ? "" : llvm::toString(read.takeError());
}

TEST(StageReport, ReadsWhatItWrote) {
  StageReport report = makeReport();
  auto read = readStages(ordered_json::parse(toJson(report).dump()));
  ASSERT_TRUE(bool(read)) << llvm::toString(read.takeError());
  EXPECT_EQ(*read, report);
}

TEST(StageReport, SaysWhatIsWrong) {
  EXPECT_NE(messageOf(ordered_json(3)).find("'kinds' is missing"),
            std::string::npos);
  ordered_json json = toJson(makeReport());
  ordered_json bad = json;
  bad["kinds"][1]["name"] = 7;
  EXPECT_EQ(messageOf(bad), "'name' is missing or not text");
  bad = json;
  bad["kinds"][0]["weight_bytes"] = -1;
  EXPECT_EQ(messageOf(bad), "'weight_bytes' is -1, expected at least 0");
  bad = json;
  bad["entries"]["decode"]["stages"][1] = {2, 0, 0};
  EXPECT_NE(messageOf(bad).find("kind 2"), std::string::npos);
  bad["entries"]["decode"]["stages"][1] = {-1, 0, 0};
  EXPECT_NE(messageOf(bad).find("there are 2 kinds"), std::string::npos);
  bad["entries"]["decode"]["stages"][1] = {0, 0};
  EXPECT_EQ(messageOf(bad), "a stage is not three whole numbers");
  bad["entries"]["decode"] = "none";
  EXPECT_NE(messageOf(bad).find("'max_rows' is missing"), std::string::npos);
}

} // namespace
