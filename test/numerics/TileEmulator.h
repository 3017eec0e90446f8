//===- TileEmulator.h - Executes AMX where the CPU lacks it -----*- C++ -*-===//

#ifndef GEMCUT_TEST_NUMERICS_TILEEMULATOR_H
#define GEMCUT_TEST_NUMERICS_TILEEMULATOR_H

#include <cstdint>

namespace gemcut::test {

/// Executes LDTILECFG, TILERELEASE, TILEZERO, TILELOADD, TILESTORED and the
/// int8 TDP instructions by a handler of SIGILL, on all threads of this process
/// (x86-64 only). The machine code runs as it was emitted; an instruction costs
/// some microseconds. Registers are per thread.
///
/// Stops the process on what a CPU would refuse: unconfigured registers, shapes
/// that do not agree, reserved bytes in a configuration. Other undefined
/// instructions end the process as before.
/// Source: Intel SDM volume 1 chapter 18 and volume 2, the instructions' pages.
void emulateTiles();

/// Instructions executed since the start, on all threads.
uint64_t countEmulatedTileProducts();

/// Whether this thread's registers are configured.
bool tilesAreConfigured();

} // namespace gemcut::test

#endif // GEMCUT_TEST_NUMERICS_TILEEMULATOR_H
