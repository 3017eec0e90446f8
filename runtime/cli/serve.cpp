//===- serve.cpp - The `serve` command ------------------------------------===//

#include "runtime/cli/app.h"
#include "runtime/cli/machine.h"
#include "runtime/cli/text.h"
#include "runtime/core/error.h"
#include "runtime/server/server.h"
#include "runtime/session/dialogue.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>

using namespace gemcut;
using namespace gemcut::cli;

namespace {

struct ServeOptions {
  const char *host = "127.0.0.1", *key = nullptr, *keyFile = nullptr,
             *name = nullptr, *origins = nullptr, *cacheBytes = "512M",
             *load = nullptr, *save = nullptr;
  int port = 8080, queue = 64, connections = 256, bodyMegabytes = 16;
  int timeout = 600, grace = 30, stallMilliseconds = 250;
  bool allowControlTokens = false;
  // What their texts say.
  uint64_t cacheSize = 0;
  std::vector<std::string> originList;
};

} // namespace

/// "512M": bytes with an optional K, M or G. False if it is none.
static bool readSize(const char *text, uint64_t &bytes) {
  char *end = nullptr;
  unsigned long long number = strtoull(text, &end, 10);
  if (text[0] < '0' || text[0] > '9' || number > UINT64_MAX >> 30)
    return false;
  const char *units = "KMG", *unit = *end ? strchr(units, *end) : nullptr;
  if (*end && (!unit || end[1]))
    return false;
  bytes = uint64_t(number) << (unit ? 10 * (unit - units + 1) : 0);
  return true;
}

/// Parts between commas. False if one is no origin: "*", or a scheme, a name
/// and no path.
static bool readOrigins(const char *text, std::vector<std::string> &origins) {
  for (const char *at = text;; ++at) {
    size_t length = strcspn(at, ",");
    std::string origin(at, length);
    size_t name = origin.find("://");
    if (origin != "*" &&
        (name == origin.npos || name == 0 || name + 3 == origin.size() ||
         origin.find_first_of("/ ", name + 3) != origin.npos))
      return false;
    origins.push_back(std::move(origin));
    at += length;
    if (!*at)
      return true;
  }
}

/// The lines of a file that are not empty.
static gemcut_status readKeys(const char *path,
                              std::vector<std::string> &keys) {
  FILE *file = fopen(path, "r");
  if (!file)
    return fail(GEMCUT_SYSTEM_ERROR, "cannot open the key file %s: %m", path);
  char *line = nullptr;
  size_t size = 0;
  for (ssize_t length; (length = getline(&line, &size, file)) > 0;) {
    while (length > 0 && (line[length - 1] == '\n' || line[length - 1] == '\r'))
      --length;
    if (length > 0)
      keys.emplace_back(line, size_t(length));
  }
  free(line);
  fclose(file);
  return keys.empty() ? fail(GEMCUT_INVALID_ARGUMENT,
                             "the key file %s holds no key", path)
                      : GEMCUT_OK;
}

static gemcut_status serve(const CommonOptions &common,
                           const ServeOptions &options) {
  server::ServerOptions serverOptions;
  serverOptions.host = options.host;
  serverOptions.port = options.port;
  serverOptions.connections = size_t(options.connections);
  serverOptions.bodyBytes = uint64_t(options.bodyMegabytes) << 20;
  serverOptions.requestSeconds = options.timeout;
  serverOptions.graceSeconds = options.grace;
  serverOptions.batch.queue = size_t(options.queue);
  serverOptions.batch.stallSeconds = options.stallMilliseconds * 1e-3;
  serverOptions.batch.cacheBytes = options.cacheSize;
  serverOptions.origins = options.originList;
  if (options.key)
    serverOptions.keys.emplace_back(options.key);
  if (options.keyFile)
    if (gemcut_status status = readKeys(options.keyFile, serverOptions.keys))
      return status;
  App app;
  if (gemcut_status status = app.openSession(common))
    return status;
  text::Tokenizer tokenizer;
  if (gemcut_status status = openTokenizer(app.artifact, tokenizer))
    return status;
  server::ModelContext context;
  context.model = &gemcut_model;
  context.tokenizer = &tokenizer;
  text::ChatTemplate chat;
  if (gemcut_status status = openChatTemplate(app.artifact, chat))
    return status;
  context.chat = &chat;
  context.allowControlTokens = options.allowControlTokens;
  context.name = options.name ? options.name : gemcut_model.name;
  context.sampling = common.sampling;
  context.context = app.session.getContext();
  context.created = time(nullptr);
  server::Server server;
  if (gemcut_status status = server.open(app.session, context, serverOptions))
    return status;
  if (gemcut_status status = app.openPrefix(common))
    return status;
  if (gemcut_status status = server.pinPrefix(app.prefix))
    return status;
  uint64_t fingerprint = app.getFingerprint(common);
  const char *level = app.session.getLevel().name;
  if (options.load) {
    SessionFile file;
    if (gemcut_status status =
            file.open(options.load, gemcut_model, fingerprint, level))
      return status;
    if (gemcut_status status = server.loadCache(file))
      return status;
  }
  SessionWriter writer; // now, so that a wrong path is found before the work
  if (options.save)
    if (gemcut_status status = writer.open(options.save, fingerprint, level))
      return status;
  if (gemcut_status status = server.start())
    return status;
  bool isIpv6 = serverOptions.host.find(':') != std::string::npos;
  printf("serving %s at http://%s%s%s:%d, %d slot%s of %d tokens\n",
         context.name.c_str(), isIpv6 ? "[" : "", options.host,
         isIpv6 ? "]" : "", server.getPort(), app.session.getSlots(),
         app.session.getSlots() == 1 ? "" : "s", context.context);
  double planned = double(gemcut_private_bytes(
      &gemcut_model, app.session.getSlots(), app.session.getTeam().threads()));
  double cached = double(serverOptions.batch.cacheBytes);
  double pinned = double(server.getPinnedBytes());
  double schemas =
      double(constrain::GrammarCache::getMostBytes(gemcut_model.vocab_size));
  printf(
      "memory: %.0f MB planned, besides at most %.0f MB of earlier prompts "
      "(--cache-bytes), %.0f MB of the baked prefix and %.0f MB of schemas\n",
      planned * 1e-6, cached * 1e-6, pinned * 1e-6, schemas * 1e-6);
  double most = planned + cached + pinned + schemas;
  double available = double(readAvailableMemory());
  if (available > 0 && most > available)
    fprintf(stderr,
            "note: that is up to %.0f MB, but this machine has %.0f MB "
            "available; --cache-bytes and --slots make it less\n",
            most * 1e-6, available * 1e-6);
  if (fflush(stdout) != 0)
    return fail(GEMCUT_SYSTEM_ERROR, "cannot write to stdout: %m");
  server.run();
  if (options.save) {
    if (gemcut_status status = server.saveCache(writer))
      return status;
    if (gemcut_status status = writer.commit())
      return status;
  }
  fprintf(stderr, "stopped\n");
  return GEMCUT_OK;
}

int cli::runServe(int argc, char **argv) {
  CommonOptions common;
  common.session.slots = gemcut_model.slots;
  ServeOptions options;
  Flags flags(
      "serve [--port N] [flags]",
      "Serves the model over HTTP until SIGINT or SIGTERM: a chat page at /, "
      "/v1/chat/completions, /v1/completions, /v1/responses, /v1/models, "
      "/tokenize, /detokenize, /health, and /metrics for Prometheus. As many "
      "requests run at once as the executable was compiled with --slots for.");
  flags.group("Server");
  flags.add(options.host, "host", 0, "ADDRESS",
            "Listens on this IP address of the machine; 0.0.0.0 is all of "
            "them.");
  flags.add(options.port, "port", 0, "N",
            "Listens on this port; 0 takes a free one, which is printed.", 0,
            65535);
  flags.add(options.name, "name", 0, "NAME",
            "The model's name in requests and answers.", gemcut_model.name);
  flags.add(options.key, "api-key", 0, "KEY",
            "Answers only requests with Authorization: Bearer KEY. Other users "
            "of the machine can see it; a file is safer.",
            "none is needed");
  flags.add(options.keyFile, "api-key-file", 0, "FILE",
            "As --api-key, with one key per line.", "none");
  flags.add(options.origins, "allow-origin", 0, "ORIGIN,...",
            "Lets web pages of these origins use the server, such as "
            "https://chat.example.org; * is all of them. Pages of this machine "
            "(http://localhost:3000) always may where --host is a local "
            "address.",
            "none");
  flags.add(options.allowControlTokens, "allow-control-tokens", 0,
            "Takes control tokens such as <turn|> in messages for what they "
            "are. Otherwise they are ordinary text, which cannot end a turn.");
  flags.group("Limits");
  flags.add(options.queue, "queue", 0, "N",
            "Lets N requests wait for a slot; more get status 429.", 0, 100000);
  flags.add(options.connections, "connections", 0, "N",
            "Keeps at most N connections open; more get status 503.", 1,
            100000);
  flags.add(options.bodyMegabytes, "max-body", 0, "MIB",
            "Refuses bodies of more than this many MiB.", 1, 1024);
  flags.add(options.timeout, "timeout", 0, "SECONDS",
            "Ends answers that are not complete after this time.", 1, 1000000);
  flags.add(options.grace, "grace", 0, "SECONDS",
            "At shutdown, waits so long for running answers.", 0, 1000000);
  flags.add(options.stallMilliseconds, "max-stall", 0, "MS",
            "Cuts prompts into steps of about this time while others "
            "generate, so that their streams do not stall longer.",
            1, 100000);
  flags.add(options.cacheBytes, "cache-bytes", 0, "SIZE",
            "Keeps the beginnings of earlier prompts in at most this much "
            "memory, so that what comes again is not run again; 0 keeps none.");
  flags.group("Sessions");
  common.addPrefixFlag(flags);
  flags.add(options.load, "load-session", 0, "FILE",
            "Begins with the prompts of a file that --save-session wrote, here "
            "or of `generate`.");
  flags.add(options.save, "save-session", 0, "FILE",
            "At shutdown, writes the prompts that are kept to a file. Only "
            "this executable can read it.");
  common.addSamplingFlags(flags);
  common.addSessionFlags(flags);
  std::vector<const char *> positionals;
  Parsed parsed = flags.parse(argc, argv, positionals);
  if (parsed != Parsed::Run)
    return exitCode(parsed);
  if (!server::isAddress(options.host))
    return exitCode(
        flags.usage("--host is '%s', but must be an IP address of this "
                    "machine, such as 127.0.0.1, 0.0.0.0 or ::1",
                    options.host));
  if (!readSize(options.cacheBytes, options.cacheSize))
    return exitCode(flags.usage("--cache-bytes is '%s', but must be a number, "
                                "which K, M or G may follow",
                                options.cacheBytes));
  if (options.origins && !readOrigins(options.origins, options.originList))
    return exitCode(flags.usage("--allow-origin is '%s', but must be origins "
                                "such as https://chat.example.org, or *, "
                                "separated by commas",
                                options.origins));
  return finish(serve(common, options));
}
