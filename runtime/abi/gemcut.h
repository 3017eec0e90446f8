/* gemcut.h - models that gemcut compiled into libraries
 *
 *   #include <gemcut.h>
 *   GEMCUT_DECLARE_BUNDLE(tiny);       // of libtiny.so or libtiny.a
 *
 *   gemcut_engine *engine;
 *   gemcut_session *session;
 *   if (gemcut_load(gemcut_bundle_tiny(), NULL, &engine) ||
 *       gemcut_session_create(engine, NULL, &session))
 *     fprintf(stderr, "%s\n", gemcut_last_error());
 *
 * A program may link several models, each with a name of its own.
 *
 * Errors. Functions that can fail return a gemcut_status and write results through
 * pointers; then nothing was written and gemcut_last_error() has a sentence.
 * Nothing is printed and no C++ exception leaves the library. Tensors, caches and
 * threads that cannot be had are a status. The few kilobytes of bookkeeping come
 * from malloc; a process that is out of memory even for these is ended by abort().
 *
 * Threads. A bundle and an engine are constant and may be used by all threads at
 * once. A session belongs to one thread at a time; sessions are independent, each
 * with its own memory and its own worker threads. The calling thread works along
 * and needs 1 MiB of stack. Handles must not be null unless a function says so. On
 * CPUs with AMX, loading asks Linux for the process's right to use it.
 *
 * Structs begin with struct_size, so that programs and libraries of different
 * versions understand each other. Initialise them with their macro,
 * `gemcut_load_options options = GEMCUT_LOAD_OPTIONS;`: all fields then have the
 * defaults named below. A null pointer to options means the defaults, too. */
#ifndef GEMCUT_H
#define GEMCUT_H

#include <stddef.h>
#include <stdint.h>

#include "runtime/abi/status.h"

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define GEMCUT_API __attribute__((visibility("default")))
#else
#define GEMCUT_API
#endif

/* What a library carries. */
typedef struct gemcut_bundle gemcut_bundle;
/* A bundle that was checked against this CPU. */
typedef struct gemcut_engine gemcut_engine;
/* One sequence of tokens. */
typedef struct gemcut_session gemcut_session;

/* Declares gemcut_bundle_NAME(), the only function that a model adds to those
 * below. NAME is that of the library without "lib" and suffix; characters that C
 * does not allow in names are underscores. */
#ifdef __cplusplus
#define GEMCUT_DECLARE_BUNDLE(NAME)                                               \
  extern "C" GEMCUT_API const gemcut_bundle *gemcut_bundle_##NAME(void)
#else
#define GEMCUT_DECLARE_BUNDLE(NAME)                                               \
  GEMCUT_API const gemcut_bundle *gemcut_bundle_##NAME(void)
#endif

/* The sentence that explains this thread's most recent failure, lowercase and
 * without a final period; valid until the thread's next failure. */
GEMCUT_API const char *gemcut_last_error(void);

/* ---- Loading ------------------------------------------------------------- */

typedef struct gemcut_load_options {
  size_t struct_size;
  /* Code to run, such as "avx2". Null: the best that this CPU can run. */
  const char *level;
  /* The file with the weights of a library that was compiled with --weights
   * sidecar. Null: the file of the name that the compiler gave it, in the folder of
   * the library or, if that is static, of the program. */
  const char *weights_file;
} gemcut_load_options;
#define GEMCUT_LOAD_OPTIONS {sizeof(gemcut_load_options), NULL, NULL}

/* Checks that library, weights and CPU fit together. Takes microseconds: weights
 * are mapped, not read. The engine must be destroyed after its sessions.
 * GEMCUT_UNSUPPORTED_CPU: the CPU lacks features that the code needs.
 * GEMCUT_INVALID_ARGUMENT: there is no such level; a struct of a newer version sets
 * what this library does not know. GEMCUT_CORRUPT_ARTIFACT, GEMCUT_SYSTEM_ERROR:
 * weights are missing or those of another compilation; program and model come from
 * incompatible versions of gemcut. */
GEMCUT_API gemcut_status gemcut_load(const gemcut_bundle *bundle,
                                     const gemcut_load_options *options,
                                     gemcut_engine **engine);
GEMCUT_API void gemcut_unload(gemcut_engine *engine); /* null is allowed */

typedef struct gemcut_info {
  size_t struct_size;
  const char *name;         /* the model's; valid as long as the engine */
  const char *quantization; /* "int4", ... */
  const char *kv_type;      /* "bf16", "f32" or "int8" */
  const char *level;        /* of the code that runs, "avx512bf16" */
  const char *report;       /* JSON of the compiler, report_length bytes */
  size_t report_length;
  int32_t vocab_size;
  int32_t layers;
  int32_t hidden_size;
  int32_t context;       /* most tokens of a session */
  int32_t prefill_chunk; /* most prompt tokens of one step */
  int32_t bos_id, eos_id; /* -1: none */
  int32_t has_tokenizer, has_chat; /* 0 or 1 */
  int32_t adapter_count;
  uint64_t weight_bytes;           /* shared by all processes */
  uint64_t weight_bytes_per_token; /* read by a decode step */
  uint64_t kv_bytes;               /* of a session at full context */
  uint64_t session_bytes; /* private memory of a session, at most, KV included */
} gemcut_info;
#define GEMCUT_INFO                                                               \
  {sizeof(gemcut_info), NULL, NULL, NULL, NULL, NULL, 0, 0, 0, 0, 0, 0, 0, 0, 0,  \
   0, 0, 0, 0, 0, 0}

/* Fills the fields that the caller's struct_size has room for. */
GEMCUT_API gemcut_status gemcut_get_info(const gemcut_engine *engine,
                                         gemcut_info *info);
/* The name of adapter `index` of gemcut_info.adapter_count, or null. */
GEMCUT_API const char *gemcut_adapter_name(const gemcut_engine *engine,
                                           int32_t index);
/* Reads all weights and compares their checksum; GEMCUT_CORRUPT_ARTIFACT. */
GEMCUT_API gemcut_status gemcut_verify(const gemcut_engine *engine);

/* ---- Text and ids -------------------------------------------------------- */

/* Turns `length` bytes of UTF-8 into ids. `special`: added tokens such as <bos> in
 * the text become their ids, otherwise all of it is ordinary text. `count` receives
 * how many ids there are, also if they are more than `capacity`: then none is
 * written and the status is GEMCUT_BUFFER_TOO_SMALL. GEMCUT_INVALID_ARGUMENT: the
 * model has no tokenizer. */
GEMCUT_API gemcut_status gemcut_tokenize(const gemcut_engine *engine,
                                         const char *text, size_t length,
                                         int special, int32_t *ids,
                                         size_t capacity, size_t *count);

/* The text of `count` ids, without a terminator. `special`: control tokens are
 * shown. `length` receives the bytes there are, as above. */
GEMCUT_API gemcut_status gemcut_detokenize(const gemcut_engine *engine,
                                           const int32_t *ids, size_t count,
                                           int special, char *text,
                                           size_t capacity, size_t *length);

/* ---- Sessions ------------------------------------------------------------ */

typedef struct gemcut_session_options {
  size_t struct_size;
  int32_t threads; /* 1 to 64; 0: one per physical core that the process may use */
  int32_t context; /* most tokens; 0: all that was compiled in */
  const char *adapter; /* a LoRA adapter's name; null: none */
} gemcut_session_options;
#define GEMCUT_SESSION_OPTIONS {sizeof(gemcut_session_options), 0, 0, NULL}

/* An empty sequence. All memory is mapped here; it becomes resident as it is used.
 * GEMCUT_OUT_OF_MEMORY, GEMCUT_SYSTEM_ERROR (a thread cannot be started),
 * GEMCUT_INVALID_ARGUMENT (an option exceeds what was compiled in). */
GEMCUT_API gemcut_status gemcut_session_create(
    const gemcut_engine *engine, const gemcut_session_options *options,
    gemcut_session **session);
GEMCUT_API void gemcut_session_destroy(gemcut_session *session); /* or null */
/* Forgets all tokens and the conversation. */
GEMCUT_API gemcut_status gemcut_session_reset(gemcut_session *session);
/* Tokens that the session holds. */
GEMCUT_API size_t gemcut_session_length(const gemcut_session *session);
/* Takes back all but the first `count` tokens. Sliding caches forget what leaves
 * their window, so that only 0 and at most about a chunk of tokens back are always
 * possible; otherwise GEMCUT_INVALID_ARGUMENT, and nothing changes. */
GEMCUT_API gemcut_status gemcut_session_rewind(gemcut_session *session,
                                               size_t count);

/* Writes what the session holds to a file, which appears whole or not at all.
 * GEMCUT_INVALID_ARGUMENT: it holds no tokens; GEMCUT_SYSTEM_ERROR: the file cannot be
 * written. */
GEMCUT_API gemcut_status gemcut_session_save(const gemcut_session *session,
                                             const char *path);
/* Makes the session hold what was saved, here or by `generate --save-session` of the
 * executable of this compilation. GEMCUT_SYSTEM_ERROR: the file cannot be read;
 * GEMCUT_CORRUPT_ARTIFACT: it is damaged; GEMCUT_INVALID_ARGUMENT: it belongs to
 * another compilation, level or adapter; GEMCUT_CONTEXT_FULL: it is too long. These
 * leave the session as it was. gemcut_generate and gemcut_chat_messages go on from there;
 * gemcut_chat begins anew. */
GEMCUT_API gemcut_status gemcut_session_load(gemcut_session *session,
                                             const char *path);

/* Appends `count` > 0 ids. `logits` (may be null) receives a pointer to the
 * vocab_size logits behind the last one; they belong to the session, may be
 * changed, and are valid until its next call. GEMCUT_CONTEXT_FULL and
 * GEMCUT_INVALID_ARGUMENT (an id outside the vocabulary) leave the session as it
 * was. */
GEMCUT_API gemcut_status gemcut_prefill(gemcut_session *session,
                                        const int32_t *ids, size_t count,
                                        float **logits);
/* As gemcut_prefill of one id; faster. */
GEMCUT_API gemcut_status gemcut_decode(gemcut_session *session, int32_t id,
                                       float **logits);

/* Receives the vocab_size logits behind the id with index `row` of those that
 * gemcut_score was given; they are valid until it returns. Called on the thread that
 * called gemcut_score, in order; must neither use the session nor throw. */
typedef void (*gemcut_on_logits)(void *user, size_t row, const float *logits);

/* As gemcut_prefill, but hands out the logits behind every id. They are those that
 * `score` of an executable prints, to the bit. GEMCUT_INVALID_ARGUMENT, besides:
 * `on_logits` is null. */
GEMCUT_API gemcut_status gemcut_score(gemcut_session *session, const int32_t *ids,
                                      size_t count, gemcut_on_logits on_logits,
                                      void *user);

/* ---- Generating ---------------------------------------------------------- */

typedef struct gemcut_sampling {
  size_t struct_size;
  float temperature; /* 0: always the most likely token */
  int32_t top_k;     /* 0: off */
  float top_p;       /* 1: off */
  float min_p;       /* 0: off */
  uint64_t seed;     /* equal seeds give equal answers */
  int32_t no_repeat; /* 1: never an id that the session already holds */
} gemcut_sampling;
#define GEMCUT_SAMPLING {sizeof(gemcut_sampling), 1, 0, 1, 0, 0, 0}

/* The model's defaults, with a random seed. Set struct_size before. */
GEMCUT_API gemcut_status gemcut_default_sampling(const gemcut_engine *engine,
                                                 gemcut_sampling *sampling);

typedef enum gemcut_text_kind {
  GEMCUT_TEXT_ANSWER = 0,
  GEMCUT_TEXT_THOUGHT = 1, /* not of gemcut_generate */
} gemcut_text_kind;

/* Receive what is generated, as it comes. `text` has `length` bytes, whole UTF-8
 * characters, without a terminator. Return 0 to go on, anything else to stop. They
 * are called on the thread that called gemcut_generate, gemcut_chat or
 * gemcut_chat_messages, and must neither use the session nor throw. */
typedef int (*gemcut_on_token)(void *user, int32_t id);
typedef int (*gemcut_on_text)(void *user, gemcut_text_kind kind, const char *text,
                              size_t length);
/* Of gemcut_chat_messages with tools: the function `name` (terminated) is to be
 * called with `arguments`, a JSON object of `length` bytes without a terminator. A
 * call that a limit or the end of the context cuts is dropped. */
typedef int (*gemcut_on_tool_call)(void *user, const char *name,
                                   const char *arguments, size_t length);
/* Receives the whole answer, at its end, as a message for gemcut_chat_messages: a
 * JSON object of `length` bytes without a terminator, with the members role
 * ("assistant"), content, reasoning_content (the thought) and tool_calls ({"id",
 * "type": "function", "function": {"name", "arguments": TEXT}}), the latter two only
 * where there are any. Not of gemcut_generate. */
typedef void (*gemcut_on_message)(void *user, const char *message, size_t length);
/* Between the steps of a prompt: `done` of its `total` tokens have run. Return 0 to
 * go on, anything else to stop; the session then holds what has run. */
typedef int (*gemcut_on_step)(void *user, size_t done, size_t total);

typedef struct gemcut_generate_options {
  size_t struct_size;
  const gemcut_sampling *sampling; /* null: gemcut_default_sampling */
  int64_t limit;       /* most new tokens; -1: until the context is full */
  int32_t ignore_stop; /* 1: stop ids are ordinary tokens */
  gemcut_on_token on_token; /* null: not called */
  gemcut_on_text on_text;   /* null: not called */
  void *user;               /* handed to all callbacks */
  /* The answer is a JSON text that is valid for this JSON schema (draft 2020-12; of
   * keywords that are not supported the error gives the JSON pointer), null: any. */
  const char *json_schema;
  /* The answer matches this regular expression (the regular part of ECMAScript's)
   * from beginning to end; null: any. Excludes json_schema. */
  const char *regex;
  gemcut_on_tool_call on_tool_call; /* null: not called */
  gemcut_on_message on_message;     /* null: not called */
  gemcut_on_step on_step;           /* null: not called */
} gemcut_generate_options;
#define GEMCUT_GENERATE_OPTIONS                                                   \
  {sizeof(gemcut_generate_options), NULL, -1, 0, NULL, NULL, NULL, NULL, NULL,    \
   NULL, NULL, NULL}

typedef enum gemcut_stop_reason {
  GEMCUT_STOP_ID = 0,           /* the model ended its turn */
  GEMCUT_STOP_LIMIT = 1,        /* `limit` tokens were generated */
  GEMCUT_STOP_CALLBACK = 2,     /* a callback asked for it */
  GEMCUT_STOP_CONTEXT_FULL = 3, /* no position is left */
} gemcut_stop_reason;

typedef struct gemcut_generate_result {
  size_t struct_size;
  gemcut_stop_reason reason;
  size_t prompt_tokens; /* that were run: those held before are not */
  size_t new_tokens;    /* without the stop id */
  double prefill_seconds; /* until the first token was chosen */
  double decode_seconds;  /* from then on */
} gemcut_generate_result;
#define GEMCUT_GENERATE_RESULT                                                    \
  {sizeof(gemcut_generate_result), GEMCUT_STOP_ID, 0, 0, 0, 0}

/* Appends `count` > 0 ids to the session and generates. The session then holds all
 * new tokens but the last one. An empty session does not run what the model was
 * compiled with (--bake-prefix). Nothing is allocated per token unless the answer is
 * constrained. `result` may be null. GEMCUT_CONTEXT_FULL: the ids do not fit; the
 * session stays as it was. GEMCUT_INVALID_ARGUMENT: the schema or the expression
 * cannot be compiled. */
GEMCUT_API gemcut_status gemcut_generate(gemcut_session *session,
                                         const int32_t *ids, size_t count,
                                         const gemcut_generate_options *options,
                                         gemcut_generate_result *result);

typedef struct gemcut_chat_options {
  size_t struct_size;
  const char *system; /* instructions for the whole conversation; null: what the
                         model was compiled with (--bake-prefix), or none */
  int32_t think;      /* 1: the model thinks before it answers */
} gemcut_chat_options;
#define GEMCUT_CHAT_OPTIONS {sizeof(gemcut_chat_options), NULL, 0}

/* Begins a conversation in the model's own format; without it gemcut_chat begins
 * one with the defaults. GEMCUT_INVALID_ARGUMENT: the model has no chat format, or
 * does not think. */
GEMCUT_API gemcut_status gemcut_chat_begin(gemcut_session *session,
                                           const gemcut_chat_options *options);
/* One turn: the user's text (UTF-8, terminated), then the model's answer, which goes
 * to options->on_text. Later turns run only what is new. When it fails, the
 * conversation is that before the turn. */
GEMCUT_API gemcut_status gemcut_chat(gemcut_session *session, const char *text,
                                     const gemcut_generate_options *options,
                                     gemcut_generate_result *result);

/* ---- Conversations with tools -------------------------------------------- */

typedef enum gemcut_tool_choice {
  GEMCUT_TOOL_AUTO = 0,     /* the model decides whether to call */
  GEMCUT_TOOL_NONE = 1,     /* no tool is shown to the model, which cannot call */
  GEMCUT_TOOL_REQUIRED = 2, /* the answer consists of calls */
} gemcut_tool_choice;

typedef struct gemcut_messages_options {
  size_t struct_size;
  /* A JSON array of {"type": "function", "function": {"name", "description",
   * "parameters": JSON schema}}; null: none. Calls fit these schemas; with
   * GEMCUT_TOOL_AUTO, functions without "strict": true whose schema has unsupported
   * keywords are called freely. */
  const char *tools;
  gemcut_tool_choice tool_choice;
  const char *tool_name;  /* with GEMCUT_TOOL_REQUIRED: the only one; null: any */
  int32_t parallel_calls; /* 0: at most one call */
  int32_t think;          /* 1: the model thinks before it answers */
} gemcut_messages_options;
#define GEMCUT_MESSAGES_OPTIONS                                                   \
  {sizeof(gemcut_messages_options), NULL, GEMCUT_TOOL_AUTO, NULL, 1, 0}

/* The model's answer to a conversation that the caller keeps: `messages` is a
 * terminated JSON array of {"role": "system", "user", "assistant" or "tool",
 * "content", ...} as in chat-completion requests. What a function returned is a
 * message of role "tool" with its "tool_call_id" and its "content", a text or a JSON
 * value; several follow each other in the order of the calls. Control tokens in texts
 * are ordinary text. What the session holds already is not run again; nor is what
 * the model was compiled with (--bake-prefix), if the messages begin with it.
 *
 * Without tools, calls are text of the answer. `given` and `result` may be null.
 * GEMCUT_INVALID_ARGUMENT: `messages` or `tools` is no JSON or not of this form, the
 * chat format refuses it, or a schema cannot be compiled. GEMCUT_CONTEXT_FULL: the
 * conversation does not fit. */
GEMCUT_API gemcut_status gemcut_chat_messages(
    gemcut_session *session, const char *messages,
    const gemcut_messages_options *given, const gemcut_generate_options *options,
    gemcut_generate_result *result);

#ifdef __cplusplus
}
#endif
#endif
