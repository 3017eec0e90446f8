//===- Run.cpp - A command beside Python's signals and callbacks ----------===//

#include "compiler/Python/native/Run.h"

#include "compiler/Python/native/Errors.h"

#include "llvm/Support/Signals.h"

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <signal.h>
#include <string>
#include <thread>
#include <vector>

namespace py = pybind11;
using namespace gemcut;
using namespace gemcut::python;
using namespace std::chrono_literals;

namespace {

struct Event {
  const char *kind;
  std::string text, unit;
  uint64_t done = 0, total = 0;
};

/// Keeps events until the calling thread asks for them.
class Queue : public driver::Reporter {
public:
  void phase(llvm::StringRef name) override { add({"phase", name.str(), ""}); }
  void note(llvm::StringRef sentence) override {
    add({"note", sentence.str(), ""});
  }
  void progress(llvm::StringRef activity, llvm::StringRef unit, uint64_t done,
                uint64_t total) override {
    std::lock_guard<std::mutex> lock(mutex);
    latest = Event{"progress", activity.str(), unit.str(), done, total};
  }
  bool isCancelled() override { return cancelled; }

  void cancel() { cancelled = true; }
  void finish() {
    std::lock_guard<std::mutex> lock(mutex);
    isOver = true;
    changed.notify_all();
  }

  /// Waits a little for events; false: there will be no more.
  bool wait(std::vector<Event> &out) {
    std::unique_lock<std::mutex> lock(mutex);
    changed.wait_for(lock, 50ms, [&] { return isOver || !events.empty(); });
    out = std::move(events);
    events.clear();
    if (latest)
      out.push_back(std::move(*latest));
    latest.reset();
    return !isOver || !out.empty();
  }

private:
  void add(Event event) {
    std::lock_guard<std::mutex> lock(mutex);
    // What was told of an activity comes before what follows it.
    if (latest)
      events.push_back(std::move(*latest));
    latest.reset();
    events.push_back(std::move(event));
    changed.notify_all();
  }

  std::mutex mutex;
  std::condition_variable changed;
  std::vector<Event> events;
  std::optional<Event> latest;
  std::atomic<bool> cancelled{false};
  bool isOver = false;
};

/// The stack of signal handlers on the thread that makes it. LLVM takes one
/// that is large enough; otherwise it makes its own, which outlives the thread.
class HandlerStack {
public:
  HandlerStack() : bytes(size_t(256) << 10) {
    stack_t stack{};
    stack.ss_sp = bytes.data();
    stack.ss_size = bytes.size();
    sigaltstack(&stack, nullptr);
  }
  ~HandlerStack() {
    stack_t none{};
    none.ss_flags = SS_DISABLE;
    sigaltstack(&none, nullptr);
  }

private:
  std::vector<char> bytes;
};

} // namespace

void gemcut::python::run(
    const std::function<llvm::Error(driver::Reporter &)> &command,
    const py::object &onEvent) {
  Queue queue;
  std::optional<llvm::Error> result;
  std::thread worker([&] {
    HandlerStack handlers;
    result.emplace(command(queue));
    queue.finish();
  });
  std::optional<py::error_already_set> interrupt;
  for (std::vector<Event> events;;) {
    bool goesOn;
    {
      py::gil_scoped_release release;
      goesOn = queue.wait(events);
    }
    if (!goesOn)
      break;
    if (interrupt)
      continue;
    try {
      if (PyErr_CheckSignals() != 0)
        throw py::error_already_set();
      if (!onEvent.is_none())
        for (const Event &event : events)
          onEvent(event.kind, event.text, event.unit, event.done, event.total);
    } catch (py::error_already_set &error) {
      interrupt.emplace(error);
      queue.cancel();
    }
  }
  worker.join();
  // LLVM's handlers, which remove temporary files, are for its own programs.
  llvm::sys::unregisterHandlers();
  if (interrupt) {
    llvm::consumeError(std::move(*result));
    throw *interrupt;
  }
  raise(std::move(*result));
}
