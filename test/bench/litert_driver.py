#!/usr/bin/env python3
"""Drives LiteRT-LM for against_litert.py, in a Python that has `litert-lm-api`.

    litert_driver.py MODEL THREADS POSITIONS PREFILL DECODE

Loads MODEL, prints "ready" and the seconds that creating the engine took, then answers
each line of its input. "run": tokens per second of the prompt and of the answer of a new
session, seconds to the first token, and both numbers of tokens, all as LiteRT-LM states
them. "memory": anonymous and highest resident bytes. LiteRT-LM keeps its packed weights
in a file beside MODEL.
"""
import ctypes
import os
import re
import sys
import time


def main():
    model, threads, positions, prefill, decode = sys.argv[1], *map(int, sys.argv[2:6])
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # the library writes its log to standard output
    import litert_lm
    from litert_lm._ffi import InputDataType, _get_lib

    lib = _get_lib()
    start = time.perf_counter()
    settings = lib.litert_lm_engine_settings_create(model.encode(), b"cpu", None, None)
    lib.litert_lm_engine_settings_enable_benchmark(settings)
    lib.litert_lm_engine_settings_set_num_threads(settings, threads)
    lib.litert_lm_engine_settings_set_max_num_tokens(settings, positions)
    lib.litert_lm_engine_settings_set_num_prefill_tokens(settings, prefill)
    lib.litert_lm_engine_settings_set_num_decode_tokens(settings, decode)
    engine = lib.litert_lm_engine_create(settings)
    if not engine:
        sys.exit(f"{model}: LiteRT-LM refuses it")

    def run():
        """BenchmarkInfo of a new session; more tokens than the prompt has are zeros."""
        session = lib.litert_lm_engine_create_session(engine, None)
        prompt = b"a"
        data = lib.litert_lm_input_data_create(InputDataType.TEXT, prompt, len(prompt))
        responses = lib.litert_lm_session_generate_content(session, (ctypes.c_void_p * 1)(data), 1)
        lib.litert_lm_responses_delete(responses)
        lib.litert_lm_input_data_delete(data)
        info = lib.litert_lm_session_get_benchmark_info(session)
        result = litert_lm.interfaces.create_benchmark_info(lib, info)
        lib.litert_lm_benchmark_info_delete(info)
        lib.litert_lm_session_delete(session)
        return result

    print("ready", time.perf_counter() - start, file=answers, flush=True)
    for line in sys.stdin:
        if line.strip() == "memory":
            status = open("/proc/self/status").read()
            values = [1024 * int(re.search(rf"{key}:\s+(\d+)", status)[1]) for key in ("RssAnon", "VmHWM")]
        else:
            info = run()
            values = [info.last_prefill_tokens_per_second, info.last_decode_tokens_per_second]
            values += [info.time_to_first_token_in_second, info.last_prefill_token_count, info.last_decode_token_count]
        print(*values, file=answers, flush=True)


if __name__ == "__main__":
    main()
