//===- LeftoversTest.cpp - What ended programs left behind ----------------===//

#include "compiler/Artifact/Leftovers.h"

#include "TestFolder.h"

#include "gtest/gtest.h"

#include <chrono>

using namespace gemcut;
using namespace gemcut::artifact;

namespace {

void makeOld(const std::string &path) {
  auto now = std::filesystem::file_time_type::clock::now();
  std::filesystem::last_write_time(path, now - std::chrono::minutes(2));
}

struct LeftoversTest : testing::Test {
  test::TestFolder folder;

  std::string makeFolder(const std::string &name) {
    std::string path = folder / name;
    std::filesystem::create_directory(path);
    test::writeText(path + "/large", "weights");
    makeOld(path);
    return path;
  }
  std::string makeFile(const std::string &name) {
    std::string path = folder / name;
    test::writeText(path, "code");
    makeOld(path);
    return path;
  }
};

} // namespace

TEST_F(LeftoversTest, OldOnesOfTheName) {
  makeFolder("out.certify-12abef");
  makeFile("out.certify-3456ab.o");
  makeFile("out");
  makeFile("out.certify");
  makeFile("out.certify-notes");
  makeFile("out.certify-12abcdef"); // longer than a name that is made up
  makeFile("other-12abef");
  removeLeftovers(folder / "out.certify");
  EXPECT_EQ(folder.list(), "other-12abef out out.certify out.certify-12abcdef "
                           "out.certify-notes");
}

TEST_F(LeftoversTest, YoungOnesStay) {
  test::writeText(folder / "out-12abef", "");
  removeLeftovers(folder / "out");
  EXPECT_EQ(folder.list(), "out-12abef");
}

TEST_F(LeftoversTest, ClaimedOnesStay) {
  std::string path = makeFolder("out-12abef"), file = makeFile("out-0123cd.o");
  {
    Claim one(path), two(file);
    removeLeftovers(folder / "out");
    EXPECT_EQ(folder.list(), "out-0123cd.o out-12abef");
  }
  removeLeftovers(folder / "out");
  EXPECT_EQ(folder.list(), "");
}

TEST_F(LeftoversTest, LinksAreNotFollowed) {
  std::string target = makeFolder("target");
  std::filesystem::create_directory_symlink(target, folder / "out-12abef");
  removeLeftovers(folder / "out");
  EXPECT_EQ(test::readText(target + "/large"), "weights");
}
