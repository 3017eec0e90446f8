"""Compiling: results, progress, errors, cancellation."""
import dataclasses
import json
import logging
import math
import os
import re
import signal
import struct
import subprocess
import sys
import threading
import time

import pytest

import gemcut
from conftest import EDGE, OPTIONS, ROOT, TINY


def test_the_executable_runs_and_the_artifact_describes_it(tiny):
    said = subprocess.run([tiny.path, "-p", "The", "-n", "4", "--temp", "0"],
                          capture_output=True, text=True, check=True).stdout
    assert said
    assert tiny.quantization == "int4"
    assert tiny.memory_plan.context == 256
    assert tiny.memory_plan.total_bytes == (tiny.memory_plan.resident_weight_bytes
                                            + tiny.memory_plan.private_bytes)
    assert tiny.sidecar is None
    assert "memory plan" in tiny.summary


def test_tensors_have_shapes_formats_and_errors(tiny):
    tensors = {tensor.name: tensor for tensor in tiny.tensors()}
    table = tensors["model.language_model.embed_tokens.weight"]
    assert table.shape == (4096, 256)
    assert table.format in gemcut.FORMATS
    assert 0 < table.error < 0.2 and table.snr_db > 10
    assert table.bytes < 4096 * 256 * 2


def test_the_same_bytes_as_the_command_line(built):
    gemcut.compile(EDGE, built / "a", emit="kernel", context=64)
    subprocess.run([ROOT / "build/bin/gemcut", "compile", EDGE, "-o", built / "b",
                    "--emit", "kernel", "--context", "64"], check=True,
                   stderr=subprocess.DEVNULL)
    assert (built / "a").read_bytes() == (built / "b").read_bytes()


def test_every_flag_of_the_command_line_has_a_field():
    text = subprocess.run([ROOT / "build/bin/gemcut", "compile", "--help"],
                          capture_output=True, text=True, check=True).stdout
    flags = set(re.findall(r"^\s+(?:-\w,\s*)?(--[a-z-]+)", text, re.MULTILINE))
    fields = {entry.metadata["flag"] for entry in
              dataclasses.fields(gemcut.CompileOptions)}
    assert flags - fields == {"--help", "--output"}
    assert fields <= flags


def test_progress_goes_through_the_phases_on_the_calling_thread(tiny, told):
    assert {thread for _, thread in told} == {threading.main_thread()}
    phases = [p.phase for p, _ in told if not p.activity]
    assert phases == ["load", "import", "gemma passes", "kernel passes", "code", "link",
                      "pack"]
    packing = [p for p, _ in told if p.activity == "packing weights"]
    assert packing[-1].done == packing[-1].total > 0
    assert str(packing[-1]) == "pack: packing weights, 100 %"


def test_notes_are_logged(built, caplog):
    with caplog.at_level(logging.WARNING, logger="gemcut"):
        gemcut.compile(EDGE, built / "note", emit="gemma", context=1 << 20)
    assert any("--context 1048576 is more than" in message
               for message in caplog.messages)


def test_an_exception_of_progress_stops_and_leaves_nothing(tmp_path):
    class Enough(Exception):
        pass

    def stop(progress):
        if progress.phase == "kernel passes":
            raise Enough(progress.phase)

    with pytest.raises(Enough):
        gemcut.compile(TINY, tmp_path / "out", progress=stop, weights="sidecar")
    assert list(tmp_path.iterdir()) == []


def test_ctrl_c_stops_and_leaves_nothing(tmp_path):
    def interrupt(progress):
        if progress.phase == "import":
            os.kill(os.getpid(), signal.SIGINT)

    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        gemcut.compile(EDGE, tmp_path / "out", emit="kernel", progress=interrupt)
        time.sleep(5)
    assert list(tmp_path.iterdir()) == []
    assert signal.getsignal(signal.SIGINT) is before


E2B = ROOT / "test/data/configs/e2b/config.json"


@pytest.mark.parametrize("seconds", [0.5, 2.5])
def test_code_generation_stops_soon(tmp_path, seconds):
    """One level of E2B takes 5 s of CPU time; stopping it, a part of that."""
    began = []

    def work():
        while time.process_time() < began[0] + seconds:
            time.sleep(0.01)
        began.append(time.process_time())
        os.kill(os.getpid(), signal.SIGINT)

    def interrupt(progress):
        if progress.phase == "code":
            began.append(time.process_time())
            threading.Thread(target=work).start()

    with pytest.raises(KeyboardInterrupt):
        gemcut.compile(E2B, tmp_path / "out.o", weights="random", emit="obj", cpu="zen4",
                       progress=interrupt)
        time.sleep(5)
    took = time.process_time() - began[1]
    print(f"stopped after {took:.2f} s of CPU time")
    assert took < 1.5
    assert list(tmp_path.iterdir()) == []


def test_other_threads_run_meanwhile(tmp_path):
    ticks = 0
    done = threading.Event()

    def tick():
        nonlocal ticks
        while not done.wait(0.01):
            ticks += 1

    thread = threading.Thread(target=tick)
    thread.start()
    begin = time.monotonic()
    gemcut.compile(EDGE, tmp_path / "out", emit="kernel")
    elapsed = time.monotonic() - begin
    done.set()
    thread.join()
    assert ticks >= min(1, elapsed / 0.1)


def test_errors_have_types_and_fields(tmp_path):
    with pytest.raises(gemcut.UsageError, match="--quant: found 'int5'"):
        gemcut.compile(EDGE, tmp_path / "out", quant="int5")
    with pytest.raises(ValueError):
        gemcut.compile(EDGE, tmp_path / "out", no_such_option=1)
    with pytest.raises(gemcut.OutOfMemoryPlan) as memory:
        gemcut.compile(EDGE, tmp_path / "out", max_ram="1M")
    assert memory.value.needed > memory.value.limit == 1 << 20
    with pytest.raises(gemcut.CheckpointError) as missing:
        gemcut.compile(tmp_path / "nothing", tmp_path / "out")
    assert missing.value.file == str(tmp_path / "nothing")
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_tensor_is_named(tmp_path):
    header = b'{"model.x":{"dtype":"F32","shape":[2],"data_offsets":[0,9]}}'
    (tmp_path / "config.json").write_bytes((EDGE / "config.json").read_bytes())
    damaged = tmp_path / "model.safetensors"
    damaged.write_bytes(len(header).to_bytes(8, "little") + header)
    with pytest.raises(gemcut.CheckpointError) as error:
        gemcut.Checkpoint(tmp_path).config
    assert error.value.file == str(damaged)
    assert error.value.tensor == "model.x"


def test_nan_weights_are_named(tmp_path):
    (tmp_path / "config.json").write_bytes((EDGE / "config.json").read_bytes())
    name = next(tensor.name for tensor in gemcut.Checkpoint(EDGE).tensors()
                if tensor.name.endswith("o_proj.weight"))
    data = bytearray((EDGE / "model.safetensors").read_bytes())
    length = int.from_bytes(data[:8], "little")
    begin = json.loads(data[8:8 + length])[name]["data_offsets"][0] + 8 + length
    data[begin:begin + 4] = struct.pack("<f", math.nan)
    (tmp_path / "model.safetensors").write_bytes(data)
    with pytest.raises(gemcut.CheckpointError, match="NaN") as error:
        gemcut.quantize_report(tmp_path)
    assert error.value.tensor == name
    assert error.value.file == str(tmp_path / "model.safetensors")


def test_the_console_script_is_the_same_tool():
    tool = [sys.executable, "-m", "gemcut"]
    for arguments in (["--version"], ["targets"], ["compile", "--help"],
                      ["compile", str(EDGE), "-o", "/dev/null/x"]):
        ours = subprocess.run([*tool, *arguments], capture_output=True, text=True)
        theirs = subprocess.run([ROOT / "build/bin/gemcut", *arguments],
                                capture_output=True, text=True)
        assert (ours.returncode, ours.stdout, ours.stderr) == (
            theirs.returncode, theirs.stdout, theirs.stderr)


def test_what_is_not_supported_has_a_type_of_its_own(tmp_path):
    def refuse(changes, match, name="config.json"):
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
        folder.mkdir()
        for file in EDGE.iterdir():
            if file.is_file():
                (folder / file.name).write_bytes(file.read_bytes())
        document = json.loads((folder / name).read_text())
        changes(document)
        (folder / name).write_text(json.dumps(document))
        with pytest.raises(gemcut.UnsupportedError, match=match) as error:
            gemcut.compile(folder, tmp_path / "out", emit="gemma")
        assert str(folder) in str(error.value)
        assert not (tmp_path / "out").exists()

    refuse(lambda c: c.update(model_type="llama"), "model_type.*supported models")
    refuse(lambda c: c.get("text_config", c).update(hidden_activation="relu"),
           "hidden_activation.*supported")
    adapter = tmp_path / "adapter"
    adapter.mkdir()
    (adapter / "adapter_config.json").write_text(json.dumps(
        {"peft_type": "LORA", "r": 2, "lora_alpha": 2, "use_dora": True}))
    with pytest.raises(gemcut.UnsupportedError, match="DoRA is not supported"):
        gemcut.compile(EDGE, tmp_path / "out", emit="gemma", lora=[adapter])
    with pytest.raises(gemcut.CheckpointError, match="r: found"):
        (adapter / "adapter_config.json").write_text('{"peft_type": "LORA", "r": "x"}')
        gemcut.compile(EDGE, tmp_path / "out", emit="gemma", lora=[adapter])
    gguf = ROOT / "test/fuzz/gguf_corpus/model.gguf"
    data = gguf.read_bytes().replace(b"gemma4", b"llama3")
    (tmp_path / "model.gguf").write_bytes(data)
    with pytest.raises(gemcut.UnsupportedError, match="supported architectures"):
        gemcut.compile(tmp_path / "model.gguf", tmp_path / "out", emit="gemma")
