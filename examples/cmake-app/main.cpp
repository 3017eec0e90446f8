// Continues the text of its argument, greedily, token by token: the steps that
// gemcut_generate does, with the choice of the token in the program's hands.
#include <gemcut.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

GEMCUT_DECLARE_BUNDLE(tiny);

namespace {

[[noreturn]] void fail() {
  std::fprintf(stderr, "error: %s\n", gemcut_last_error());
  std::exit(1);
}

void check(gemcut_status status) {
  if (status)
    fail();
}

using Engine = std::unique_ptr<gemcut_engine, decltype(&gemcut_unload)>;
using Session =
    std::unique_ptr<gemcut_session, decltype(&gemcut_session_destroy)>;

Engine load() {
  gemcut_engine *engine = nullptr;
  check(gemcut_load(gemcut_bundle_tiny(), nullptr, &engine));
  return {engine, gemcut_unload};
}

Session createSession(const Engine &engine) {
  gemcut_session *session = nullptr;
  check(gemcut_session_create(engine.get(), nullptr, &session));
  return {session, gemcut_session_destroy};
}

std::vector<int32_t> tokenize(const Engine &engine, const std::string &text) {
  std::vector<int32_t> ids(text.size());
  size_t count = 0;
  check(gemcut_tokenize(engine.get(), text.data(), text.size(), /*special=*/1,
                        ids.data(), ids.size(), &count));
  ids.resize(count);
  return ids;
}

std::string detokenize(const Engine &engine, const std::vector<int32_t> &ids) {
  size_t length = 0;
  gemcut_detokenize(engine.get(), ids.data(), ids.size(), /*special=*/0,
                    nullptr, 0, &length);
  std::string text(length, ' ');
  check(gemcut_detokenize(engine.get(), ids.data(), ids.size(), /*special=*/0,
                          text.data(), text.size(), &length));
  return text;
}

} // namespace

int main(int argc, char **argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: %s TEXT\n", argv[0]);
    return 2;
  }
  Engine engine = load();
  gemcut_info info = GEMCUT_INFO;
  check(gemcut_get_info(engine.get(), &info));
  Session session = createSession(engine);

  std::vector<int32_t> ids = tokenize(engine, std::string("<bos>") + argv[1]);
  float *logits = nullptr;
  check(gemcut_prefill(session.get(), ids.data(), ids.size(), &logits));
  for (int i = 0; i < 20; ++i) {
    auto best =
        int32_t(std::max_element(logits, logits + info.vocab_size) - logits);
    ids.push_back(best);
    check(gemcut_decode(session.get(), best, &logits));
  }
  std::printf("%s\n", detokenize(engine, ids).c_str());
}
