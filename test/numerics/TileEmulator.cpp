//===- TileEmulator.cpp - Executes AMX where the CPU lacks it -------------===//

#include "test/numerics/TileEmulator.h"

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <ucontext.h>
#include <unistd.h>

using namespace gemcut::test;

namespace {

constexpr int kTiles = 8, kMaxRows = 16, kMaxRowBytes = 64;

struct Tile {
  uint8_t rows;
  uint16_t rowBytes;
  uint8_t data[kMaxRows][kMaxRowBytes];
};

thread_local bool configured;
thread_local Tile tiles[kTiles];
std::atomic<uint64_t> products;

/// Ends the process; only what a signal handler may call.
[[noreturn]] void stop(const char *reason) {
  (void)!write(STDERR_FILENO, "tile emulator: ", 15);
  (void)!write(STDERR_FILENO, reason, strlen(reason));
  (void)!write(STDERR_FILENO, "\n", 1);
  abort();
}

//===----------------------------------------------------------------------===//
// Meaning of the instructions
//===----------------------------------------------------------------------===//

/// Layout: palette, start row, 14 reserved bytes, 8 row sizes of 16 bits, 16
/// reserved bytes, 8 row counts, 8 reserved bytes.
void configure(const uint8_t *memory) {
  if (memory[0] != 1 || memory[1] != 0)
    stop("LDTILECFG: palette 1 with start row 0 is expected");
  for (int i = 0; i < 64; ++i)
    if ((i >= 2 && i < 16) || (i >= 32 && i < 48) || i >= 56)
      if (memory[i])
        stop("LDTILECFG: a reserved byte is not zero");
  memset(tiles, 0, sizeof(tiles));
  for (int t = 0; t < kTiles; ++t) {
    memcpy(&tiles[t].rowBytes, memory + 16 + 2 * t, 2);
    tiles[t].rows = memory[48 + t];
    if (tiles[t].rowBytes > kMaxRowBytes || tiles[t].rows > kMaxRows)
      stop("LDTILECFG: a tile is too large");
    if (!tiles[t].rowBytes != !tiles[t].rows)
      stop("LDTILECFG: a tile has rows or columns alone");
  }
  configured = true;
}

Tile &usable(int t) {
  if (!configured || !tiles[t].rows)
    stop("a tile register is used that is not configured");
  return tiles[t];
}

void load(Tile &tile, const uint8_t *address, int64_t stride) {
  memset(tile.data, 0, sizeof(tile.data));
  for (int r = 0; r < tile.rows; ++r)
    memcpy(tile.data[r], address + r * stride, tile.rowBytes);
}

void store(const Tile &tile, uint8_t *address, int64_t stride) {
  for (int r = 0; r < tile.rows; ++r)
    memcpy(address + r * stride, tile.data[r], tile.rowBytes);
}

int32_t byteOf(const Tile &tile, int row, int column, bool isSigned) {
  uint8_t byte = tile.data[row][column];
  return isSigned ? int8_t(byte) : byte;
}

void dotInt8(Tile &c, const Tile &a, const Tile &b, bool aSigned,
             bool bSigned) {
  if (c.rows != a.rows || c.rowBytes != b.rowBytes || a.rowBytes != 4 * b.rows)
    stop("TDPB: the shapes of the tiles do not agree");
  for (int m = 0; m < c.rows; ++m)
    for (int n = 0; n < c.rowBytes / 4; ++n) {
      uint32_t sum;
      memcpy(&sum, &c.data[m][4 * n], 4);
      for (int k = 0; k < b.rows; ++k)
        for (int j = 0; j < 4; ++j)
          sum += uint32_t(byteOf(a, m, 4 * k + j, aSigned) *
                          byteOf(b, k, 4 * n + j, bSigned));
      memcpy(&c.data[m][4 * n], &sum, 4);
    }
  memset(c.data[c.rows], 0, (kMaxRows - c.rows) * kMaxRowBytes);
  ++products;
}

//===----------------------------------------------------------------------===//
// Decoding: three-byte VEX, map 0F38, W0, 128 bits
//===----------------------------------------------------------------------===//

class Instruction {
public:
  /// Executes the instruction at `registers`' RIP and moves RIP behind it;
  /// false for any other instruction.
  static bool execute(greg_t *registers) {
    Instruction i(registers);
    if (!i.run())
      return false;
    registers[REG_RIP] = i.at;
    return true;
  }

private:
  explicit Instruction(greg_t *registers)
      : registers(registers), at(registers[REG_RIP]) {}

  greg_t *registers;
  greg_t at;
  bool extendReg, extendIndex, extendBase;
  int prefix; ///< 0 none, 1 66, 2 F3, 3 F2
  int source; ///< VEX.vvvv
  int mod, reg, rm;

  uint8_t next() { return *reinterpret_cast<const uint8_t *>(at++); }

  bool run() {
    if (next() != 0xC4)
      return false;
    uint8_t second = next(), third = next(), opcode = next();
    if ((second & 0x1F) != 2 || third & 0x84)
      return false;
    extendReg = !(second & 0x80);
    extendIndex = !(second & 0x40);
    extendBase = !(second & 0x20);
    source = ~(third >> 3) & 15;
    prefix = third & 3;
    uint8_t modrm = next();
    mod = modrm >> 6;
    reg = modrm >> 3 & 7;
    rm = modrm & 7;
    switch (opcode) {
    case 0x49:
      return runControl();
    case 0x4B:
      return runMove();
    case 0x5E:
      return runDot();
    }
    return false;
  }

  bool runControl() {
    if (source || extendReg)
      return false;
    if (prefix == 0 && mod != 3 && reg == 0)
      return configure(reinterpret_cast<uint8_t *>(address(nullptr))), true;
    if (prefix == 0 && mod == 3 && reg == 0 && rm == 0) {
      configured = false;
      memset(tiles, 0, sizeof(tiles));
      return true;
    }
    if (prefix == 3 && mod == 3 && rm == 0) {
      Tile &tile = usable(reg);
      memset(tile.data, 0, sizeof(tile.data));
      return true;
    }
    return false;
  }

  bool runMove() {
    if (source || extendReg || mod == 3 || rm != 4 || prefix == 0)
      return false;
    int64_t stride;
    auto *memory = reinterpret_cast<uint8_t *>(address(&stride));
    prefix == 2 ? store(usable(reg), memory, stride)
                : load(usable(reg), memory, stride);
    return true;
  }

  bool runDot() {
    if (mod != 3 || extendReg || extendBase || source > 7)
      return false;
    // SSD: F2, SUD: F3, USD: 66, UUD: none. Sources: ModRM.rm, then vvvv.
    dotInt8(usable(reg), usable(rm), usable(source), prefix >= 2,
            prefix == 3 || prefix == 1);
    return true;
  }

  int64_t general(int number) const {
    static constexpr int kOrder[] = {
        REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI,
        REG_R8,  REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15};
    return registers[kOrder[number]];
  }

  int64_t displacement(int bytes) {
    int32_t value = 0;
    if (bytes == 1)
      value = int8_t(next());
    else if (bytes == 4)
      for (int i = 0; i < 4; ++i)
        value |= int32_t(uint32_t(next()) << 8 * i);
    return value;
  }

  /// The memory operand; with `stride` (SIB forms) the scaled index is not
  /// added but returned.
  int64_t address(int64_t *stride) {
    if (mod == 0 && rm == 5) {
      int64_t offset = displacement(4);
      return at + offset;
    }
    int64_t base = 0, index = 0;
    int wide = mod == 1 ? 1 : mod == 2 ? 4 : 0;
    if (rm == 4) {
      uint8_t sib = next();
      int indexNumber = (sib >> 3 & 7) + 8 * extendIndex;
      if (indexNumber != 4)
        index = general(indexNumber) << (sib >> 6);
      if (mod == 0 && (sib & 7) == 5)
        wide = 4;
      else
        base = general((sib & 7) + 8 * extendBase);
    } else {
      base = general(rm + 8 * extendBase);
    }
    base += displacement(wide);
    if (!stride)
      return base + index;
    *stride = index;
    return base;
  }
};

void onIllegalInstruction(int, siginfo_t *, void *context) {
  greg_t *registers = static_cast<ucontext_t *>(context)->uc_mcontext.gregs;
  if (Instruction::execute(registers))
    return;
  // The instruction is executed again and ends the process.
  signal(SIGILL, SIG_DFL);
}

} // namespace

void gemcut::test::emulateTiles() {
  struct sigaction action = {};
  action.sa_sigaction = onIllegalInstruction;
  action.sa_flags = SA_SIGINFO;
  sigaction(SIGILL, &action, nullptr);
}

uint64_t gemcut::test::countEmulatedTileProducts() { return products; }

bool gemcut::test::tilesAreConfigured() { return configured; }
