//===- metrics.cpp - Counters for Prometheus ------------------------------===//

#include "runtime/server/routes.h"

#include <cstdio>
#include <unistd.h>

using namespace gemcut;
using namespace gemcut::server;

static uint64_t readResidentBytes() {
  unsigned long long total = 0, resident = 0;
  if (FILE *file = fopen("/proc/self/statm", "r")) {
    if (fscanf(file, "%llu %llu", &total, &resident) != 2)
      resident = 0;
    fclose(file);
  }
  return uint64_t(resident) * uint64_t(sysconf(_SC_PAGESIZE));
}

std::string server::writeMetrics(const BatchCounters &batch,
                                 const ServerCounters &counters) {
  std::string out;
  auto describe = [&](const char *name, const char *type, const char *help) {
    out += std::string("# HELP ") + name + " " + help + "\n# TYPE " + name +
           " " + type + "\n";
  };
  auto add = [&](const char *name, const char *type, const char *help,
                 double value) {
    describe(name, type, help);
    char number[40];
    snprintf(number, sizeof(number), " %.15g\n", value);
    out += name;
    out += number;
  };
  add("gemcut_slots", "gauge", "Sequences that can run at once.",
      double(batch.slots));
  add("gemcut_slots_reading_prompts", "gauge",
      "Sequences whose prompts are being read.", double(batch.readingPrompts));
  add("gemcut_slots_generating", "gauge", "Sequences that are generating.",
      double(batch.generating));
  add("gemcut_queue_length", "gauge", "Requests that wait for a slot.",
      double(batch.queued));
  add("gemcut_connections", "gauge", "Open connections.",
      double(counters.connections));
  add("gemcut_sequences_completed_total", "counter", "Sequences that ended.",
      double(batch.completed));
  add("gemcut_sequences_cancelled_total", "counter",
      "Sequences whose client went away or whose time was over.",
      double(batch.cancelled));
  add("gemcut_sequences_failed_total", "counter", "Sequences that failed.",
      double(batch.failed));
  add("gemcut_requests_refused_total", "counter",
      "Requests that found the queue full.", double(batch.refused));
  add("gemcut_prompt_tokens_total", "counter", "Prompt tokens that were run.",
      double(batch.promptTokens));
  add("gemcut_cached_prompt_tokens_total", "counter",
      "Prompt tokens taken from the prefix cache.", double(batch.cachedTokens));
  add("gemcut_cache_bytes", "gauge", "Keys and values in the prefix cache.",
      double(batch.cacheBytes));
  add("gemcut_longest_step_seconds", "gauge",
      "Longest step while somebody waited for a token.",
      batch.longestStepSeconds);
  add("gemcut_cached_sequences", "gauge", "Sequences in the prefix cache.",
      double(batch.cachedSequences));
  add("gemcut_generated_tokens_total", "counter", "Tokens generated.",
      double(batch.newTokens));
  add("gemcut_prompt_seconds_total", "counter", "Time spent on prompts.",
      batch.promptSeconds);
  add("gemcut_decode_seconds_total", "counter", "Time spent on decode steps.",
      batch.decodeSeconds);
  add("gemcut_decode_steps_total", "counter", "Decode steps.",
      double(batch.decodeSteps));
  add("gemcut_decode_rows_total", "counter", "Rows of decode steps.",
      double(batch.decodeRows));
  add("process_resident_memory_bytes", "gauge", "Resident memory.",
      double(readResidentBytes()));
  describe("gemcut_http_replies_total", "counter", "Replies by status.");
  for (const auto &[status, count] : counters.replies)
    out += "gemcut_http_replies_total{status=\"" + std::to_string(status) +
           "\"} " + std::to_string(count) + "\n";
  return out;
}
