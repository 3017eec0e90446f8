//===- ConfigFiles.h - Configurations for tests -----------------*- C++ -*-===//

#ifndef GEMCUT_TEST_UNIT_CONFIG_CONFIGFILES_H
#define GEMCUT_TEST_UNIT_CONFIG_CONFIGFILES_H

#include "frontends/Config/ModelConfig.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <fstream>
#include <iterator>

namespace gemcut::test {

inline std::string readText(const std::string &path) {
  std::ifstream stream(path);
  EXPECT_TRUE(stream.good()) << path;
  return std::string((std::istreambuf_iterator<char>(stream)),
                     std::istreambuf_iterator<char>());
}

/// Folder of a golden checkpoint.
inline std::string goldenFolder(const std::string &name) {
  return std::string(GEMCUT_TEST_DATA "/goldens/") + name;
}

/// config.json of a golden checkpoint, to be changed.
inline nlohmann::json goldenConfig(const std::string &name) {
  return nlohmann::json::parse(readText(goldenFolder(name) + "/config.json"));
}

/// Parses a configuration that must be valid; `warnings` receives warnings.
inline config::ModelConfig
parseOrFail(const nlohmann::json &root,
            std::vector<std::string> *warnings = nullptr) {
  std::vector<std::string> ignored;
  auto config = config::parseModelConfig(root.dump(), "c.json",
                                         warnings ? warnings : &ignored);
  if (config)
    return *config;
  ADD_FAILURE() << llvm::toString(config.takeError());
  return {};
}

} // namespace gemcut::test

#endif // GEMCUT_TEST_UNIT_CONFIG_CONFIGFILES_H
