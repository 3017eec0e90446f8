#!/bin/sh
# Builds and runs what reads untrusted files, and the runtime, under sanitizers:
#   address,undefined  parsers, tokenizer, runtime, fuzz corpora, and the whole
#                      compiler on damaged checkpoints
#   thread             the runtime's threads and sessions
# Separate build trees below build/; an unchanged tree costs only the runs.
set -eu
cd "$(dirname "$0")/.."

units='safetensors_tests gguf_tests config_tests TokenizerTest ConstrainTest
       ChatTemplateTest runtime_core_test
       runtime_session_test runtime_batch_test runtime_server_test runtime_api_test
       runtime_chat_test'
cmake --preset asan >/dev/null
# shellcheck disable=SC2086  # a list of targets
cmake --build --preset asan --target gemcut gemcut-fuzzers $units
# LLVM's own containers are not instrumented, and lld frees nothing at exit.
export ASAN_OPTIONS=detect_container_overflow=0:detect_leaks=0
for unit in $units; do
  build/asan/test/"$unit" --gtest_brief=1
done
ctest --preset asan -R '^fuzz_' --no-tests=error
GEMCUT_BUILD=build/asan python3 test/e2e/test_damaged.py

threaded='runtime_core_test runtime_session_test runtime_batch_test runtime_api_test'
cmake --preset tsan >/dev/null
# shellcheck disable=SC2086  # a list of targets
cmake --build --preset tsan --target $threaded
for unit in $threaded; do
  build/tsan/test/"$unit" --gtest_brief=1
done
