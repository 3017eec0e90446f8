//===- batch.cpp - Many requests in the slots of one session --------------===//

#include "runtime/session/batch.h"

#include "runtime/core/clock.h"
#include "runtime/core/error.h"

#include <algorithm>

using namespace gemcut;

gemcut_status Batch::open(Session &holder, const BatchOptions &what) {
  session = &holder;
  options = what;
  for (int32_t slot = holder.getSlots() - 1; slot >= 0; --slot)
    freeSlots.push_back(slot);
  counters.slots = size_t(holder.getSlots());
  size_t rows = size_t(holder.getModel().decode_max_rows);
  rowStreams.reserve(rows);
  rowSlots.reserve(rows);
  rowIds.reserve(rows);
  cache.open(holder.getModel(), what.cacheBytes);
  pace.open(what.stallSeconds, size_t(holder.getPrefillChunk()));
  publish();
  return sampler.open(holder.getModel(), SamplerOptions(),
                      holder.getSamplerWork());
}

gemcut_status Batch::loadCache(const SessionFile &file) {
  for (size_t i = 0; i < file.getSequenceCount(); ++i) {
    if (gemcut_status status = file.restore(i, *session, /*slot=*/0))
      return status;
    // An answer behind the prompt has other bits than a prompt would.
    size_t count = session->getTokenCount(/*slot=*/0);
    if (file.getPrompted(i) == count)
      cache.keep(*session, /*slot=*/0, count);
  }
  publish();
  return GEMCUT_OK;
}

gemcut_status Batch::pinPrefix(const BakedPrefix &prefix) {
  size_t count = prefix.getTokens().size();
  if (count == 0 || count >= size_t(session->getContext()))
    return GEMCUT_OK;
  if (gemcut_status status = prefix.restore(*session, /*slot=*/0))
    return status;
  cache.pin(*session, /*slot=*/0, count);
  publish();
  return GEMCUT_OK;
}

gemcut_status Batch::saveCache(SessionWriter &writer) {
  return cache.visit(*session, /*slot=*/0, [&] {
    return writer.add(*session, /*slot=*/0, session->getTokenCount(0));
  });
}

Batch::Admission Batch::submit(std::vector<BatchRequest> requests,
                               uint64_t &firstTicket) {
  double now = seconds();
  std::lock_guard<std::mutex> lock(mutex);
  // Requests that find a free slot do not wait.
  size_t room = options.queue + counters.slots;
  size_t inSlots = published.readingPrompts + published.generating;
  if (isClosed || inSlots + queued + requests.size() > room) {
    ++refused;
    return isClosed ? Admission::Closed : Admission::QueueFull;
  }
  firstTicket = nextTicket;
  for (BatchRequest &request : requests) {
    submitted.push_back(
        std::make_unique<Stream>(std::move(request), nextTicket++));
    submitted.back()->submitted = now;
    ++queued;
  }
  mailArrived.notify_one();
  return Admission::Accepted;
}

void Batch::cancel(uint64_t ticket) {
  std::lock_guard<std::mutex> lock(mutex);
  cancelled.push_back(ticket);
  mailArrived.notify_one();
}

void Batch::close(bool cancelAll) {
  std::lock_guard<std::mutex> lock(mutex);
  isClosed = true;
  isCancelled |= cancelAll;
  mailArrived.notify_one();
}

void Batch::takeMail() {
  std::vector<std::unique_ptr<Stream>> arrived;
  std::vector<uint64_t> withdrawn;
  bool endAll;
  {
    std::lock_guard<std::mutex> lock(mutex);
    arrived.swap(submitted);
    withdrawn.swap(cancelled);
    endAll = isCancelled;
  }
  counters.accepted += arrived.size();
  for (std::unique_ptr<Stream> &stream : arrived)
    waiting.push_back(std::move(stream));
  auto isWithdrawn = [&](const Stream &stream) {
    return endAll || std::find(withdrawn.begin(), withdrawn.end(),
                               stream.ticket) != withdrawn.end();
  };
  for (std::unique_ptr<Stream> &stream : running)
    if (isWithdrawn(*stream))
      end(*stream, BatchStop::Cancelled);
  dropEnded();
  for (auto it = waiting.begin(); it != waiting.end();) {
    if (!isWithdrawn(**it)) {
      ++it;
      continue;
    }
    std::unique_ptr<Stream> stream = std::move(*it);
    it = waiting.erase(it);
    end(*stream, BatchStop::Cancelled);
  }
}

bool Batch::isAnyGenerating() const {
  return std::any_of(running.begin(), running.end(),
                     [](const auto &stream) { return stream->isGenerating; });
}

bool Batch::admit() {
  bool isWaitedFor = isAnyGenerating(), hasCopied = false;
  while (!waiting.empty() && !freeSlots.empty() &&
         !(isWaitedFor && hasCopied)) {
    std::unique_ptr<Stream> stream = std::move(waiting.front());
    waiting.pop_front();
    stream->slot = freeSlots.back();
    freeSlots.pop_back();
    stream->started = seconds();
    stream->result.queuedSeconds = stream->started - stream->submitted;
    stream->result.promptTokens = stream->request.prompt.size();
    running.push_back(std::move(stream));
    Stream &added = *running.back();
    if (session->reset(added.slot))
      fail(added);
    else if (added.request.prompt.empty()) {
      added.result.error = "the prompt is empty";
      end(added, BatchStop::Failed);
    } else {
      restore(added);
      hasCopied |= added.promptDone > 0;
    }
  }
  dropEnded();
  return isWaitedFor && hasCopied;
}

void Batch::restore(Stream &stream) {
  size_t restored = cache.restore(*session, stream.slot, stream.request.prompt);
  stream.promptDone = stream.result.cachedTokens = restored;
  counters.cachedTokens += restored;
}

void Batch::runPrompt() {
  size_t index = running.size();
  for (size_t i = 0; i < running.size(); ++i) {
    size_t candidate = (promptTurn + i) % running.size();
    if (running[candidate]->isGenerating)
      continue;
    index = candidate;
    break;
  }
  if (index == running.size())
    return;
  promptTurn = index + 1;
  Stream &stream = *running[index];
  const std::vector<int32_t> &prompt = stream.request.prompt;
  size_t left = prompt.size() - stream.promptDone;
  size_t rows = isAnyGenerating()
                    ? pace.chooseRows(left)
                    : std::min(left, size_t(session->getPrefillChunk()));
  const int32_t *ids = prompt.data() + stream.promptDone;
  double start = seconds();
  float *logits = nullptr;
  gemcut_status status =
      rows < left ? session->extend(stream.slot, ids, rows, left - rows)
                  : session->prefill(stream.slot, ids, rows, logits);
  double took = seconds() - start;
  if (status)
    return fail(stream);
  stream.promptDone += rows;
  ++counters.promptSteps;
  counters.promptTokens += rows;
  counters.promptSeconds += took;
  pace.recordChunk(rows, took);
  cache.keep(*session, stream.slot, stream.promptDone);
  if (rows < left)
    return;
  stream.isGenerating = true;
  choose(stream, logits);
  stream.result.firstTokenSeconds = seconds() - stream.submitted;
}

void Batch::runDecode() {
  size_t most = size_t(session->getModel().decode_max_rows);
  std::vector<Stream *> &streams = rowStreams;
  std::vector<int32_t> &slots = rowSlots, &ids = rowIds;
  streams.clear();
  slots.clear();
  ids.clear();
  size_t first = decodeTurn;
  for (size_t i = 0; i < running.size() && streams.size() < most; ++i) {
    size_t index = (first + i) % running.size();
    Stream &stream = *running[index];
    if (!stream.isGenerating)
      continue;
    if (session->getTokenCount(stream.slot) == size_t(session->getContext())) {
      end(stream, BatchStop::ContextFull);
      continue;
    }
    streams.push_back(&stream);
    slots.push_back(stream.slot);
    ids.push_back(stream.next);
    decodeTurn = index + 1;
  }
  if (streams.empty())
    return;
  double start = seconds();
  float *logits = nullptr;
  gemcut_status status =
      streams.size() == 1
          ? session->decodeBest(slots[0], ids[0],
                                streams[0]->choice.countNeeded(), logits)
          : session->decode(slots.data(), ids.data(), streams.size(), logits);
  double took = seconds() - start;
  if (status) {
    for (Stream *stream : streams)
      fail(*stream);
    return;
  }
  pace.recordDecode(took);
  ++counters.decodeSteps;
  counters.decodeRows += streams.size();
  counters.decodeSeconds += took;
  for (size_t row = 0; row < streams.size(); ++row)
    choose(*streams[row], logits + row * session->getLogitsStride());
}

void Batch::choose(Stream &stream, float *logits) {
  const gemcut_model_info &model = session->getModel();
  BatchToken token;
  if (stream.choice.choose(sampler, logits, size_t(model.vocab_size), token))
    return fail(stream);
  const int32_t *stops = model.stop_ids, *last = stops + model.stop_id_count;
  if (!stream.request.ignoreStop && std::find(stops, last, token.id) != last)
    return end(stream, BatchStop::StopId);
  LogitsFilter *filter = stream.request.filter.get();
  if (filter)
    filter->accept(token.id);
  ++stream.result.newTokens;
  ++counters.newTokens;
  if (!stream.request.listener->onToken(token))
    return end(stream, BatchStop::Listener);
  if (filter && filter->isFinished())
    return end(stream, BatchStop::StopId);
  if (int64_t(stream.result.newTokens) == stream.request.limit)
    return end(stream, BatchStop::Limit);
  stream.next = token.id;
}

void Batch::fail(Stream &stream) {
  stream.result.error = gemcut_last_error();
  end(stream, BatchStop::Failed);
}

void Batch::end(Stream &stream, BatchStop reason) {
  stream.result.reason = reason;
  stream.result.totalSeconds = seconds() - stream.submitted;
  ++(reason == BatchStop::Cancelled ? counters.cancelled
     : reason == BatchStop::Failed  ? counters.failed
                                    : counters.completed);
  counters.requestSeconds += stream.result.totalSeconds;
  if (stream.slot >= 0)
    freeSlots.push_back(stream.slot);
  // Whoever reads the counters after onEnd finds the slot free.
  stream.slot = -1;
  stream.isGenerating = false;
  publish();
  stream.request.listener->onEnd(stream.result);
  stream.request.listener.reset();
}

void Batch::dropEnded() {
  auto isEnded = [](const std::unique_ptr<Stream> &stream) {
    return !stream->request.listener;
  };
  running.erase(std::remove_if(running.begin(), running.end(), isEnded),
                running.end());
}

void Batch::publish() {
  counters.readingPrompts = counters.generating = 0;
  counters.cacheBytes = cache.getBytes();
  counters.cachedSequences = cache.getSequenceCount();
  for (const std::unique_ptr<Stream> &stream : running)
    if (stream->slot >= 0)
      ++(stream->isGenerating ? counters.generating : counters.readingPrompts);
  std::lock_guard<std::mutex> lock(mutex);
  queued = submitted.size() + waiting.size();
  published = counters;
}

bool Batch::step() {
  double start = seconds();
  bool isWaitedFor = isAnyGenerating();
  takeMail();
  bool hasCopied = admit();
  publish();
  if (running.empty())
    return false;
  if (!hasCopied)
    runPrompt();
  dropEnded();
  runDecode();
  dropEnded();
  if (isWaitedFor)
    counters.longestStepSeconds =
        std::max(counters.longestStepSeconds, seconds() - start);
  publish();
  return true;
}

void Batch::run() {
  while (true) {
    if (step())
      continue;
    std::unique_lock<std::mutex> lock(mutex);
    if (isClosed && submitted.empty())
      return;
    mailArrived.wait(lock, [&] {
      return isClosed || !submitted.empty() || !cancelled.empty();
    });
  }
}

BatchCounters Batch::getCounters() const {
  std::lock_guard<std::mutex> lock(mutex);
  BatchCounters result = published;
  result.queued = queued;
  result.refused = refused;
  return result;
}
