//===- Api.h - The functions of gemcut.h in a loaded library ----*- C++ -*-===//

#ifndef GEMCUT_COMPILER_PYTHON_ENGINE_API_H
#define GEMCUT_COMPILER_PYTHON_ENGINE_API_H

#include "runtime/abi/gemcut.h"

namespace gemcut::python {

/// The functions of gemcut.h that Python uses, of one library.
#define GEMCUT_PYTHON_FUNCTIONS(F)                                             \
  F(last_error)                                                                \
  F(load)                                                                      \
  F(unload)                                                                    \
  F(get_info)                                                                  \
  F(adapter_name)                                                              \
  F(verify)                                                                    \
  F(tokenize) F(detokenize) F(session_create) F(session_destroy)               \
      F(session_reset) F(session_length) F(session_rewind) F(session_save)     \
          F(session_load) F(score) F(default_sampling) F(generate)             \
              F(chat_messages)

struct Api {
#define F(NAME) decltype(&gemcut_##NAME) NAME = nullptr;
  GEMCUT_PYTHON_FUNCTIONS(F)
#undef F
};

} // namespace gemcut::python

#endif // GEMCUT_COMPILER_PYTHON_ENGINE_API_H
