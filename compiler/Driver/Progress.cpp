//===- Progress.cpp - How far packing is ----------------------------------===//

#include "compiler/Driver/Progress.h"

#include "compiler/Driver/MemoryPlan.h"

#include <fmt/format.h>

#include <cstdio>
#include <unistd.h>

using namespace gemcut::driver;
using std::chrono::duration;
using std::chrono::steady_clock;

Progress::Progress(std::string what)
    : what(std::move(what)), terminal(isatty(STDERR_FILENO)),
      start(steady_clock::now()), lastShown(start) {}

void Progress::update(uint64_t done, uint64_t total) {
  if (!total)
    return;
  steady_clock::time_point now = steady_clock::now();
  double part = double(done) / double(total);
  if (!terminal) {
    int tenth = int(part * 10);
    bool slow = now - start > std::chrono::seconds(2);
    if (tenth > lastTenth && slow && tenth < 10)
      fmt::print(stderr, "{}: {} of {} ({} %)\n", what, formatBytes(done),
                 formatBytes(total), tenth * 10);
    lastTenth = tenth;
    return;
  }
  if (done < total && now - lastShown < std::chrono::milliseconds(100))
    return;
  lastShown = now;
  begun = true;
  double elapsed = duration<double>(now - start).count();
  double left = part > 0 ? elapsed / part - elapsed : 0;
  constexpr int kWidth = 30;
  int filled = int(part * kWidth);
  fmt::print(stderr, "\r{} [{:<{}}] {} of {}, {:.0f} s left \033[K", what,
             std::string(size_t(filled), '='), kWidth, formatBytes(done),
             formatBytes(total), left);
}

void Progress::finish() {
  if (begun)
    fmt::print(stderr, "\r\033[K");
  begun = false;
}
