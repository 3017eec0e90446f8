#!/usr/bin/env python3
"""Runs a static executable for x86-64 Linux as on a CPU with AVX-VNNI and without AVX-512.

    test/tools/run_as_avxvnni.py PROGRAM ARGUMENT...

The CPU needs AVX2 alone, and ptrace must be permitted. In the new process, before its first instruction:

- `cpuid` becomes a breakpoint, at which leaf 7 gains AVX-VNNI and loses AVX-512 and AMX;
- each dot product in a VEX encoding becomes a jump to AVX2 instructions with the same meaning. The shortest has the
  five bytes of a jump.

All else is executed as it is, so an instruction that the CPU lacks still ends the process. Source: Intel SDM volume 2,
CPUID, VPDPBUSD and VPDPWSSD.
"""
import ctypes
import os
import re
import signal
import struct
import subprocess
import sys
import tempfile
from collections import namedtuple
from pathlib import Path

LLVM = Path("/usr/lib/llvm-22/bin")
MACROS = Path(__file__).resolve().parents[1] / "numerics" / "vnni_in_avx2.s"
PTRACE = {"traceme": 0, "continue": 7, "singlestep": 9, "getregs": 12, "setregs": 13, "setoptions": 0x4200}
EXIT_KILL = 1 << 20
REGISTERS = ("r15 r14 r13 r12 rbp rbx r11 r10 r9 r8 rax rcx rdx rsi rdi orig_rax rip cs eflags rsp ss fs_base gs_base "
             "ds es fs gs").split()  # struct user_regs_struct
BREAKPOINT = b"\xcc"
MMAP, GETPID = 9, 39  # system calls
# From the start of the program to the instructions that replace dots: behind its data and heap, in reach of a jump.
DISTANCE = 1 << 30
AVX_VNNI = 1 << 4
AVX512_BF16 = 1 << 5
# Of subleaf 0: AVX-512 in each register, then AMX.
EBX_HIDDEN = sum(1 << bit for bit in (16, 17, 21, 26, 27, 28, 30, 31))
ECX_HIDDEN = sum(1 << bit for bit in (1, 6, 11, 12, 14))
EDX_HIDDEN = sum(1 << bit for bit in (2, 3, 8, 22, 23, 24, 25))

# Of one executable: where it begins; addresses of cpuid; {address: bytes} of the jumps; the instructions that they lead
# to, and their place.
Translation = namedtuple("Translation", "entry cpuids jumps instructions place")


class Regs(ctypes.Structure):
    _fields_ = [(name, ctypes.c_uint64) for name in REGISTERS]


def find_instructions(program):
    """Addresses of cpuid, and (address, bytes, text) of each dot product with a VEX encoding."""
    listing = subprocess.run([LLVM / "llvm-objdump", "-d", program], check=True, text=True, capture_output=True).stdout
    instruction = re.compile(r"\s*([0-9a-f]+): ((?:[0-9a-f]{2}\s)+)\s*(cpuid|\{vex\}\s+(vpdp\w+\s+[^#]+?))\s*(#|$)")
    cpuids, dots = [], []
    for line in listing.splitlines():
        if "vpdp" not in line and "cpuid" not in line:
            continue
        if found := instruction.match(line):
            address, size = int(found[1], 16), len(found[2].split())
            if found[4]:
                dots.append((address, size, found[4]))
            else:
                cpuids.append(address)
    return cpuids, dots


def replace_dot(text):
    """A macro of vnni_in_avx2.s for a dot product."""
    found = re.match(r"(vpdpbusd|vpdpwssd)\s+([^%].*|%[xy]mm\d+), %([xy])mm(\d+), %[xy]mm(\d+)$", text)
    if not found or "%rip" in text:
        raise SystemExit(f"error: no AVX2 instructions stand for {text}")
    name, source, kind, first, target = found.groups()
    free = [str(i) for i in range(16) if str(i) not in (first, target) and source != f"%{kind}mm{i}"]
    return f"{name}_in_avx2 {kind}, {source}, {first}, {target}, {', '.join(free[:3])}"


def assemble(lines):
    """The code of each line."""
    with tempfile.TemporaryDirectory() as folder:
        source, out = Path(folder) / "dots.s", Path(folder) / "dots.o"
        labelled = "".join(f"f{i}: {line}\n" for i, line in enumerate(lines))
        source.write_text(f"{MACROS.read_text()}{labelled}f{len(lines)}:\n")
        subprocess.run(["clang-22", "-c", source, "-o", out], check=True)
        symbols = subprocess.run([LLVM / "llvm-nm", out], check=True, text=True, capture_output=True).stdout
        subprocess.run([LLVM / "llvm-objcopy", "-O", "binary", "--only-section=.text", out], check=True)
        code = out.read_bytes()
    begin = {int(i): int(address, 16) for address, i in re.findall(r"(\w+) t f(\d+)", symbols)}
    return [code[begin[i] : begin[i + 1]] for i in range(len(lines))]


def translate(program):
    entry, = struct.unpack_from("<Q", Path(program).read_bytes(), 24)
    cpuids, dots = find_instructions(program)
    texts = sorted({text for *_, text in dots})
    meanings = dict(zip(texts, assemble([replace_dot(text) for text in texts])))

    def jump(begin, end):
        return b"\xe9" + struct.pack("<i", end - begin - 5)

    place = (entry & -4096) + DISTANCE
    jumps, instructions = {}, bytearray()
    for address, size, text in dots:
        jumps[address] = jump(address, place + len(instructions)).ljust(size, b"\x90")
        instructions += meanings[text]
        instructions += jump(place + len(instructions), address + size)
    return Translation(entry, cpuids, jumps, bytes(instructions), place)


class Process:
    """A new process that is traced and has not begun to run."""

    def __init__(self, command, stdout=None, stderr=None):
        self.libc = ctypes.CDLL(None, use_errno=True)
        self.libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
        self.libc.ptrace.restype = ctypes.c_long
        self.pid = os.fork()
        if not self.pid:
            try:
                for file, descriptor in ((stdout, 1), (stderr, 2)):
                    if file == subprocess.DEVNULL:
                        os.dup2(os.open(os.devnull, os.O_WRONLY), descriptor)
                    elif file:
                        os.dup2(file.fileno(), descriptor)
                self.ptrace("traceme")
                os.execv(command[0], command)
            except BaseException as error:
                os.write(2, f"error: {command[0]}: {error}\n".encode())
            os._exit(126)
        self.wait()

    def ptrace(self, request, data=0):
        if self.libc.ptrace(PTRACE[request], getattr(self, "pid", 0), None, ctypes.c_void_p(data)):
            number = ctypes.get_errno()
            raise OSError(number, f"ptrace {request}: {os.strerror(number)}")

    def wait(self):
        """Until the process stops, by the signal that is returned, or ends, which sets `code`."""
        status = os.waitpid(self.pid, 0)[1]
        self.code = None if os.WIFSTOPPED(status) else os.waitstatus_to_exitcode(status)
        return os.WSTOPSIG(status) if self.code is None else None

    def end(self):
        os.kill(self.pid, signal.SIGKILL)
        while self.code is None:
            self.wait()

    def registers(self):
        registers = Regs()
        self.ptrace("getregs", ctypes.addressof(registers))
        return registers

    def write(self, address, data):
        with open(f"/proc/{self.pid}/mem", "r+b", buffering=0) as memory:
            memory.seek(address)
            before = memory.read(len(data))
            memory.seek(address)
            memory.write(data)
            return before

    def set_registers(self, registers):
        self.ptrace("setregs", ctypes.addressof(registers))

    def step(self):
        self.ptrace("singlestep")
        if self.wait() != signal.SIGTRAP:
            raise SystemExit(f"error: process {self.pid} did not stop behind an instruction")

    def call(self, number, *arguments):
        """A system call at the place where the process stands."""
        before, here = self.registers(), self.registers()
        code = self.write(here.rip, b"\x0f\x05")
        here.rax, here.orig_rax = number, 2**64 - 1
        for name, value in zip("rdi rsi rdx r10 r8 r9".split(), arguments):
            setattr(here, name, value)
        self.set_registers(here)
        self.step()
        result = self.registers().rax
        self.write(before.rip, code)
        self.set_registers(before)
        return result


def is_permitted():
    """Whether processes may be traced, and changed, here."""
    process = Process(["/bin/true"], stderr=subprocess.DEVNULL)
    if process.code is not None:
        return False
    try:
        process.ptrace("setoptions", EXIT_KILL)
        return process.call(GETPID) == process.pid
    except OSError:
        return False
    finally:
        process.end()


def base_of(process, entry):
    auxiliary = Path(f"/proc/{process.pid}/auxv").read_bytes()
    pairs = dict(struct.iter_unpack("<QQ", auxiliary))
    return pairs[9] - entry  # AT_ENTRY


def map_instructions(process, place, code):
    # mmap, readable and executable, private, anonymous, at an address where nothing is.
    result = process.call(MMAP, place, len(code), 5, 0x100022, 2**64 - 1, 0)
    if result != place:
        raise SystemExit(f"error: no memory at {place:#x} of process {process.pid}")
    process.write(place, code)


def answer_cpuid(process, address, code):
    """Executes the cpuid below the breakpoint at `address` as the other CPU would."""
    registers = process.registers()
    leaf, subleaf = registers.rax % 2**32, registers.rcx % 2**32
    registers.rip = address
    process.set_registers(registers)
    process.write(address, code)
    process.step()
    process.write(address, BREAKPOINT)
    registers = process.registers()
    if leaf == 7 and subleaf == 0:
        registers.rax = max(registers.rax, 1)
        registers.rbx &= ~EBX_HIDDEN
        registers.rcx &= ~ECX_HIDDEN
        registers.rdx &= ~EDX_HIDDEN
    elif leaf == 7 and subleaf == 1:
        registers.rax = registers.rax & ~AVX512_BF16 | AVX_VNNI
    process.set_registers(registers)


def run(translation, command, stdout=None, stderr=None):
    """Returns the exit code, or minus the signal that ended the process."""
    process = Process([str(word) for word in command], stdout, stderr)
    if process.code is not None:
        return process.code
    process.ptrace("setoptions", EXIT_KILL)
    base = base_of(process, translation.entry)
    if translation.jumps:
        map_instructions(process, base + translation.place, translation.instructions)
    for address, code in translation.jumps.items():
        process.write(base + address, code)
    codes = {base + address: process.write(base + address, BREAKPOINT) for address in translation.cpuids}
    sent = 0
    while True:
        process.ptrace("continue", sent)
        sent = process.wait()
        if process.code is not None:
            return process.code
        if sent == signal.SIGTRAP:
            address = process.registers().rip - 1
            if address in codes:
                answer_cpuid(process, address, codes[address])
                sent = 0


if __name__ == "__main__":
    if len(sys.argv) < 2:
        raise SystemExit(__doc__)
    sys.exit(run(translate(sys.argv[1]), sys.argv[1:]) % 256)
