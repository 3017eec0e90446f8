//===- PackErrorsTest.cpp - Weights that cannot be packed -----------------===//

#include "test/unit/Artifact/PackFixture.h"

#include <atomic>
#include <cmath>
#include <csignal>
#include <sys/resource.h>
#include <sys/wait.h>

using namespace gemcut;
using namespace gemcut::artifact;
using namespace gemcut::test;

namespace {

using PackErrors = PackFixture;

TEST_F(PackErrors, NamesTheFirstWeightThatIsNotFinite) {
  weights.tensors["long"].values[3000 * 1024 + 5] = INFINITY;
  for (unsigned threads : {1u, 2u, 3u}) {
    std::string message;
    pack(threads, 0, &message);
    EXPECT_EQ(message,
              "tensor 'long' holds an infinity at element 3072005, expected "
              "finite weights; the checkpoint is damaged");
  }
}

/// Of several errors it is the one that comes first in the section, though
/// another thread finds a later one before.
TEST_F(PackErrors, NamesTheFirstOfSeveralErrors) {
  weights.tensors["up"].values[64] = NAN;
  weights.tensors["norm"].values[0] = NAN;
  for (unsigned threads : {1u, 2u, 3u}) {
    std::atomic<bool> normRead{false};
    weights.beforeRead = [&](llvm::StringRef name) {
      if (name == "norm")
        normRead = true;
      for (int i = 0; name == "up" && threads > 1 && i < 200; ++i) {
        usleep(10000);
        if (normRead) {
          usleep(10000); // and reported
          break;
        }
      }
    };
    std::string message;
    pack(threads, 0, &message);
    EXPECT_EQ(normRead, threads > 1);
    EXPECT_EQ(message.find("tensor 'up' holds a NaN at element 64,"), 0u)
        << message;
  }
}

TEST_F(PackErrors, NamesAWeightThatItsFormatCannotHold) {
  weights.tensors["odd"].values[7] = 1e6f;
  std::string message;
  pack(1, 0, &message);
  EXPECT_EQ(
      message.find("tensor 'odd' holds 1000000.000000 at element 7, which "
                   "is too large for q4_0; "),
      0u)
      << message;
}

TEST_F(PackErrors, NamesATensorThatIsMissing) {
  weights.tensors.erase("up");
  std::string message;
  pack(2, 0, &message);
  EXPECT_NE(message.find("'up'"), std::string::npos) << message;
}

TEST_F(PackErrors, NeedsOffsets) {
  parse(R"(kernel.packed @a {sources = ["odd"]}
               : !kernel.weight<21 x 96, int4, tiles>)");
  std::string message;
  pack(1, 0, &message);
  EXPECT_NE(message.find("'a' has no offset"), std::string::npos) << message;
}

/// The system refuses to write on: one error, in a child whose files may not
/// grow.
TEST_F(PackErrors, TellsOfAFailedWrite) {
  std::string path = folder / "section";
  pid_t child = fork();
  if (child == 0) {
    signal(SIGXFSZ, SIG_IGN);
    rlimit limit{1 << 20, 1 << 20};
    setrlimit(RLIMIT_FSIZE, &limit);
    int descriptor = open(path.c_str(), O_CREAT | O_RDWR, 0600);
    llvm::Error error =
        packWeights(*module, weights, descriptor, 0, 1, nullptr);
    bool right = llvm::toString(std::move(error)) ==
                 "writing the output failed: File too large";
    _exit(right ? 0 : 1);
  }
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

} // namespace
