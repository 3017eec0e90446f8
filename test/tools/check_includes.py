#!/usr/bin/env python3
"""Checks that includes follow the architecture: dependencies only downwards.

    check_includes.py ROOT

For every C, C++ and TableGen file below the fixed folders, each include written
from the repository root must be in the "uses" set of the file's own area, and every
folder that a rule names must exist. Prints each offence as file:line and exits 1 if
there is one.
"""
import re
import sys
from pathlib import Path

# Area -> areas it may include besides itself (the folder map's "uses" column).
USES = {
    "compiler": {"targets", "passes", "frontends", "dialects", "runtime/abi"},
    "targets": {"passes", "dialects", "runtime/abi"},
    "passes": {"dialects", "runtime/abi"},
    "frontends": {"dialects", "runtime/abi"},
    "dialects": {"runtime/abi"},
    "runtime": set(),
    "test": {"compiler", "targets", "passes", "frontends", "dialects", "runtime"},
    "examples": {"runtime/abi"},
}
# Inside an area: folders that must stay free of the named ones.
FORBIDDEN = {
    "runtime/abi": {"runtime/core", "runtime/session", "runtime/text", "runtime/constrain", "runtime/api",
                    "runtime/server", "runtime/cli"},
    "runtime/core": {"runtime/session", "runtime/text", "runtime/constrain", "runtime/api", "runtime/server", "runtime/cli"},
    "runtime/text": {"runtime/session", "runtime/constrain", "runtime/api", "runtime/server", "runtime/cli"},
    "runtime/constrain": {"runtime/session", "runtime/api", "runtime/server", "runtime/cli"},
    # A session takes any filter of logits.
    "runtime/session": {"runtime/constrain", "runtime/api", "runtime/server", "runtime/cli"},
    "runtime/server": {"runtime/api", "runtime/cli"},
    "runtime/api": {"runtime/server", "runtime/cli"},
    "runtime/cli": {"runtime/api"},
    "frontends/Checkpoint": {"dialects", "mlir", "frontends/Safetensors", "frontends/GGUF",
                             "frontends/Config", "frontends/Gemma4"},
    "frontends/Json": {"dialects", "mlir", "frontends/Checkpoint", "frontends/Safetensors", "frontends/GGUF",
                       "frontends/Config", "frontends/Gemma4", "frontends/Gemma3"},
    "frontends/Safetensors": {"dialects", "mlir", "frontends/GGUF", "frontends/Config", "frontends/Gemma4"},
    "frontends/GGUF": {"dialects", "mlir", "frontends/Safetensors", "frontends/Gemma4"},
    "frontends/Config": {"dialects", "mlir", "frontends/GGUF", "frontends/Safetensors", "frontends/Gemma4"},
    "frontends/Tokenizer": {"dialects", "mlir"},
    "frontends/ChatTemplate": {"dialects", "mlir"},
    "frontends/Lora": {"dialects", "mlir", "frontends/GGUF", "frontends/Gemma4", "frontends/Gemma3"},
    "frontends/Quantized": {"dialects", "mlir", "frontends/GGUF", "frontends/Gemma4", "frontends/Gemma3"},
    "frontends/Gemma3": {"dialects", "mlir", "frontends/GGUF", "frontends/Safetensors"},
    "targets/Common": {"targets/X86", "targets/AArch64"},
    "dialects/Gemma": {"dialects/Kernel"},
    "dialects/Kernel": {"dialects/Gemma"},
    "passes/Gemma": {"dialects/Kernel", "passes/Kernel", "passes/GemmaToKernel"},
    "passes/Kernel": {"dialects/Gemma", "passes/Gemma", "passes/GemmaToKernel"},
}
RUNTIME_FORBIDS = {"mlir", "llvm", "lld"}
INCLUDE = re.compile(r'^\s*#?\s*include\s+["<]([^">]+)[">]')
SUFFIXES = {".h", ".cpp", ".c", ".td", ".inc"}


def inside(path, folder):
    return path == folder or path.startswith(folder + "/")


def offences(root):
    for folder in sorted(set(FORBIDDEN).union(*FORBIDDEN.values())):
        if "/" in folder and not (root / folder).is_dir():
            yield f"check_includes.py names the folder {folder}, which does not exist"
    for area, uses in USES.items():
        for file in sorted((root / area).rglob("*")):
            if file.suffix not in SUFFIXES:
                continue
            name = file.relative_to(root).as_posix()
            for number, line in enumerate(file.read_text(errors="replace").splitlines(), 1):
                match = INCLUDE.match(line)
                if not match:
                    continue
                target = match.group(1)
                ours = any(inside(target, other) for other in USES)
                allowed = inside(target, area) or any(inside(target, u) for u in uses)
                if ours and not allowed:
                    yield f"{name}:{number}: {area}/ may not include {target}"
                if area == "runtime" and target.split("/")[0] in RUNTIME_FORBIDS:
                    yield f"{name}:{number}: runtime/ may not include {target}"
                for folder, banned in FORBIDDEN.items():
                    if inside(name, folder) and any(inside(target, b) for b in banned):
                        yield f"{name}:{number}: {folder}/ may not include {target}"


def main():
    root = Path(sys.argv[1])
    found = list(offences(root))
    print("\n".join(found) if found else "includes follow the architecture")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
