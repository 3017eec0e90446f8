#!/bin/sh
# Builds and runs what reads untrusted files, and the runtime, under sanitizers:
#   address,undefined  parsers, tokenizer, runtime, fuzz corpora, and the whole
#                      compiler on damaged checkpoints
#   thread             the runtime's threads and sessions
# and both on a C program with two sessions of a compiled model on two threads, the
# first also on a server with 1000 requests of clients that misbehave.
# Separate build trees below build/; an unchanged tree costs only the runs.
set -eu
cd "$(dirname "$0")/.."

# two_sessions PRESET SANITIZERS: the C example, its runtime sanitized; the model's
# code is as it is produced.
two_sessions() {
  cmake --build --preset "$1" --target GemcutRuntimeApi
  lib=build/$1/lib
  clang-22 -g1 -fsanitize="$2" -fno-sanitize-recover=all -pthread -I"$model" \
    examples/c-embed/main.c "$model/tiny.o" "$lib/libGemcutRuntimeApi.a" \
    "$lib/libGemcutRuntimeConstrain.a" "$lib/libGemcutRuntimeSession.a" \
    "$lib/libGemcutRuntimeText.a" "$lib/libGemcutRuntimeCore.a" -lstdc++ -lm -o "$model/$1"
  ASAN_OPTIONS=detect_leaks=1 "$model/$1" 'Tell me a story about a fox.' 'What is 38 + 57?' | grep -w 95
}

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
model=$(mktemp -d)
trap 'rm -r "$model"' EXIT
build/asan/bin/gemcut compile examples/tiny-gemma4 --cpu avx2 --emit static-lib \
  --runtime-dir build/lib/runtime -o "$model/libtiny.a"
(cd "$model" && llvm-ar-22 x libtiny.a tiny.o)
two_sessions asan address,undefined
ASAN_OPTIONS=detect_leaks=1 GEMCUT_SANITIZED=build/asan \
  python3 test/e2e/server_stress.py --requests 1000

threaded='runtime_core_test runtime_session_test runtime_batch_test runtime_api_test'
cmake --preset tsan >/dev/null
# shellcheck disable=SC2086  # a list of targets
cmake --build --preset tsan --target $threaded
for unit in $threaded; do
  build/tsan/test/"$unit" --gtest_brief=1
done
two_sessions tsan thread
