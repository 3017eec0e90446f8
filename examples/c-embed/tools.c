/* Answers a question with a function of this program:
 *
 *   ./tools "What is the weather in Oslo?"
 *
 * The conversation is JSON that this program keeps. It needs to understand none of
 * it but the arguments of its own function. */
#include <gemcut.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

GEMCUT_DECLARE_BUNDLE(tiny);

enum { MOST_BYTES = 16384, MOST_CALLS = 4 };

static const char tools[] =
    "[{\"type\": \"function\", \"function\": {\"name\": \"get_weather\","
    " \"description\": \"Get the weather in a city\", \"parameters\": {"
    "\"type\": \"object\", \"properties\": {\"city\": {\"type\": \"string\","
    " \"description\": \"City name\"}}, \"required\": [\"city\"]}}}]";

struct conversation {
  char messages[MOST_BYTES]; /* a JSON array without its end */
  size_t length;
  int calls, is_full;
};

static void append(struct conversation *to, const char *text, size_t length) {
  to->is_full |= length >= sizeof(to->messages) - to->length;
  if (to->is_full)
    return;
  memcpy(to->messages + to->length, text, length);
  to->length += length;
  to->messages[to->length] = 0;
}

static void append_text(struct conversation *to, const char *text) {
  append(to, text, strlen(text));
}

static void append_string(struct conversation *to, const char *text) {
  append_text(to, "\"");
  for (; *text; ++text) {
    if (*text == '"' || *text == '\\')
      append_text(to, "\\");
    append(to, (unsigned char)*text < ' ' ? " " : text, 1);
  }
  append_text(to, "\"");
}

static int print(void *user, gemcut_text_kind kind, const char *text,
                 size_t length) {
  (void)user;
  if (kind == GEMCUT_TEXT_ANSWER)
    fwrite(text, 1, length, stdout);
  return 0;
}

static int note_call(void *user, const char *name, const char *arguments,
                     size_t length) {
  struct conversation *conversation = user;
  fprintf(stderr, "%s(%.*s)\n", name, (int)length, arguments);
  return ++conversation->calls == MOST_CALLS;
}

static void keep(void *user, const char *message, size_t length) {
  append_text(user, ", ");
  append(user, message, length);
}

int main(int argc, char **argv) {
  static struct conversation conversation;
  gemcut_messages_options how = GEMCUT_MESSAGES_OPTIONS;
  gemcut_generate_options options = GEMCUT_GENERATE_OPTIONS;
  gemcut_sampling sampling = GEMCUT_SAMPLING;
  gemcut_engine *engine = NULL;
  gemcut_session *session = NULL;
  gemcut_status status;
  int round, known = 0;

  if (argc != 2) {
    fprintf(stderr, "usage: %s QUESTION\n", argv[0]);
    return 2;
  }
  sampling.temperature = 0;
  options.sampling = &sampling;
  options.limit = 200;
  options.on_text = print;
  options.on_tool_call = note_call;
  options.on_message = keep;
  options.user = &conversation;
  how.tools = tools;
  append_text(&conversation, "[{\"role\": \"user\", \"content\": ");
  append_string(&conversation, argv[1]);
  append_text(&conversation, "}");
  status = gemcut_load(gemcut_bundle_tiny(), NULL, &engine);
  if (!status)
    status = gemcut_session_create(engine, NULL, &session);
  for (round = 0; !status && round < MOST_CALLS; ++round) {
    size_t length = conversation.length;
    append_text(&conversation, "]");
    if (conversation.is_full)
      break;
    /* The array ends here for the model; its answer replaces the bracket. */
    char *messages = strdup(conversation.messages);
    conversation.length = length;
    if (!messages)
      return 1;
    status = gemcut_chat_messages(session, messages, &how, &options, NULL);
    free(messages);
    if (conversation.calls == known)
      break;
    for (; known < conversation.calls; ++known) {
      char id[24];
      snprintf(id, sizeof(id), "call_%d", known);
      append_text(&conversation, ", {\"role\": \"tool\", \"tool_call_id\": ");
      append_string(&conversation, id);
      append_text(&conversation, ", \"content\": \"4 degrees, rain\"}");
    }
  }
  printf("\n");
  if (status)
    fprintf(stderr, "error: %s\n", gemcut_last_error());
  else if (conversation.is_full)
    fprintf(stderr, "error: the conversation is too long\n");
  gemcut_session_destroy(session);
  gemcut_unload(engine);
  return status || conversation.is_full;
}
