//===- Progress.cpp - How far a long phase is
//----------------------------------===//

#include "compiler/Driver/Progress.h"

#include "compiler/Driver/MemoryPlan.h"

#include <fmt/format.h>

#include <cstdio>
#include <unistd.h>

using namespace gemcut::driver;
using std::chrono::duration;
using std::chrono::steady_clock;

Progress::Progress(std::string what, std::string unit)
    : what(std::move(what)), unit(std::move(unit)),
      terminal(isatty(STDERR_FILENO)), start(steady_clock::now()),
      lastShown(start) {}

std::string Progress::format(uint64_t count) const {
  return unit.empty() ? formatBytes(count) : std::to_string(count) + " " + unit;
}

void Progress::update(uint64_t done, uint64_t total) {
  if (!total)
    return;
  steady_clock::time_point now = steady_clock::now();
  double part = double(done) / double(total);
  if (!terminal) {
    int tenth = int(part * 10);
    bool slow = now - start > std::chrono::seconds(2);
    if (tenth > lastTenth && slow && tenth < 10)
      fmt::print(stderr, "{}: {} of {} ({} %)\n", what, format(done),
                 format(total), tenth * 10);
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
             std::string(size_t(filled), '='), kWidth, format(done),
             format(total), left);
}

void Progress::finish() {
  if (begun)
    fmt::print(stderr, "\r\033[K");
  begun = false;
}
