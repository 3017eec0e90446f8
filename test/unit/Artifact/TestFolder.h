//===- TestFolder.h - A folder for one test ---------------------*- C++ -*-===//
#ifndef GEMCUT_TEST_UNIT_ARTIFACT_TESTFOLDER_H
#define GEMCUT_TEST_UNIT_ARTIFACT_TESTFOLDER_H

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <unistd.h>
#include <vector>

namespace gemcut::test {

/// Made empty, removed in the end (by the process that made it).
class TestFolder {
public:
  TestFolder() : owner(getpid()) {
    std::string name = testingFolder() + "/gemcut-test-XXXXXX";
    folder = mkdtemp(name.data());
  }
  ~TestFolder() {
    if (getpid() == owner)
      std::filesystem::remove_all(folder);
  }
  TestFolder(const TestFolder &) = delete;
  TestFolder &operator=(const TestFolder &) = delete;

  const std::string &path() const { return folder; }
  std::string operator/(const std::string &name) const {
    return folder + "/" + name;
  }
  /// Names in the folder, sorted, separated by spaces.
  std::string list() const { return names(/*hidden=*/true); }
  std::string visible() const { return names(/*hidden=*/false); }

private:
  std::string folder;
  pid_t owner;

  static std::string testingFolder() {
    return std::filesystem::temp_directory_path().string();
  }
  std::string names(bool hidden) const {
    std::vector<std::string> found;
    for (const auto &entry : std::filesystem::directory_iterator(folder)) {
      std::string name = entry.path().filename().string();
      if (hidden || name[0] != '.')
        found.push_back(name);
    }
    std::sort(found.begin(), found.end());
    std::string text;
    for (const std::string &name : found)
      text += (text.empty() ? "" : " ") + name;
    return text;
  }
};

inline void writeText(const std::string &path, const std::string &text) {
  std::ofstream(path, std::ios::binary) << text;
}

inline std::string readText(const std::string &path) {
  std::ifstream stream(path, std::ios::binary);
  std::ostringstream text;
  text << stream.rdbuf();
  return text.str();
}

} // namespace gemcut::test

#endif // GEMCUT_TEST_UNIT_ARTIFACT_TESTFOLDER_H
