"""What callers may hand in: errors name the argument, what was found and what is
expected, before anything runs."""
import json
import os
import pickle
import shutil
import signal
import threading
import time

import numpy
import pytest

import gemcut
from conftest import OPTIONS, TINY


def refusal(call):
    """The sentence of the UsageError that `call` raises."""
    with pytest.raises(gemcut.UsageError) as raised:
        call()
    return str(raised.value)


@pytest.mark.parametrize("options, message", [
    (dict(threads=-1), "threads is -1, expected a whole number, from 0 to 64"),
    (dict(threads=65), "threads is 65, expected"),
    (dict(threads="2"), "threads is '2', expected"),
    (dict(threads=1.5), "threads is 1.5, expected"),
    (dict(threads=True), "threads is True, expected"),
    (dict(threads=None), "threads is None, expected"),
    (dict(context=257), "context is 257, expected a whole number, at most 256"),
    (dict(context=1 << 40), "context is 1099511627776, expected"),
    (dict(adapter="x"), "adapter is 'x', expected None"),
    (dict(level=3), "level is 3, expected a str"),
    (dict(level="avx2\0"), "expected a str without zero bytes"),
    (dict(weights_file=b"\xff"), "weights_file has half of a surrogate pair"),
    (dict(weights_file=3), "weights_file is 3, expected a path"),
])
def test_options_of_load(tiny, options, message):
    assert message in refusal(lambda: gemcut.load(tiny, **options))


@pytest.mark.parametrize("path", [None, 3, "", "a\0b"])
def test_paths(tmp_path, path):
    for call in (lambda: gemcut.load(path), lambda: gemcut.Checkpoint(path),
                 lambda: gemcut.compile(path, tmp_path / "out"),
                 lambda: gemcut.compile(TINY, path),
                 lambda: gemcut.quantize_report(path)):
        assert f"is {path!r}, expected" in refusal(call)


@pytest.mark.parametrize("options, message", [
    (dict(context="64"), "context is '64', expected a whole number"),
    (dict(context=True), "context is True"),
    (dict(slots=1.0), "slots is 1.0"),
    (dict(quant=3), "quant is 3, expected a format"),
    (dict(quant={"*": "int5"}), "found 'int5' for *, expected one of"),
    (dict(quant=lambda tensor: 3), "found 3 for "),
    (dict(cpu=["avx2", 3]), "cpu[1] is 3, expected a str"),
    (dict(max_ram=1.5), "max_ram is 1.5, expected bytes, or a text"),
    (dict(certify_kl="low"), "certify_kl is 'low', expected a number"),
    (dict(time_phases="no"), "time_phases is 'no', expected True or False"),
    (dict(lora={"folder": "strong"}), "lora['folder'] is 'strong', expected a number"),
    (dict(lora_runtime=["folder"]), "expected folders by name"),
    (dict(emit="pdf"), "found 'pdf', expected exe, static-lib"),
    (dict(contxt=64), "there is no option contxt; did you mean context?"),
    (dict(options={}), "options is {}, expected gemcut.CompileOptions"),
    (dict(progress=3), "progress is 3, expected a function"),
])
def test_options_of_compile(tmp_path, options, message):
    assert message in refusal(lambda: gemcut.compile(TINY, tmp_path / "out", **options))
    assert list(tmp_path.iterdir()) == []


def test_numbers_of_numpy_and_paths_of_all_kinds(tmp_path, tiny):
    wanted = gemcut.CompileOptions(context=numpy.int64(64), slots=numpy.int8(2),
                                   certify_kl=numpy.float32(0.5), lora=tmp_path)
    assert wanted.arguments() == ["--context", "64", "--slots", "2", "--certify-kl",
                                  "0.5", "--lora", str(tmp_path)]
    assert gemcut.Checkpoint(os.fsencode(TINY)).plan(wanted).context == 64
    with gemcut.load(os.fsencode(tiny.path), threads=numpy.int32(1)) as engine:
        ids = numpy.array([2, 5], numpy.int16)
        assert engine.generate_ids(ids, max_tokens=numpy.int64(2), top_k=numpy.int64(1),
                                   temperature=numpy.float32(1), seed=numpy.uint64(3))
        assert engine.detokenize(ids) == engine.detokenize([2, 5])


@pytest.mark.parametrize("prompt", [None, 3, [1.5], ["a"], [[2]], [2**40], {2: 5}, b"\2"])
def test_prompts_that_are_none(engine, prompt):
    for call in (engine.generate, engine.generate_ids, engine.logits, engine.detokenize):
        assert "token" in refusal(lambda: call(prompt))


def test_texts_that_are_none(engine):
    assert "text is 3, expected a str" in refusal(lambda: engine.tokenize(3))
    assert "surrogate" in refusal(lambda: engine.generate("a\ud800"))
    assert "expected token ids" in refusal(lambda: engine.logits("abc"))
    with pytest.raises(gemcut.EngineError, match="token 1 is 4096"):
        engine.detokenize([2, 4096])


@pytest.mark.parametrize("options, message", [
    (dict(max_tokens=1.5), "max_tokens is 1.5, expected a whole number, at least 0"),
    (dict(max_tokens=-1), "max_tokens is -1"),
    (dict(temperature="a"), "temperature is 'a', expected a number"),
    (dict(temperature=float("nan")), "temperature is nan"),
    (dict(temperature=-1), "temperature is -1"),
    (dict(temperature=1e300), "temperature is 1e+300"),
    (dict(no_repeat=1), "no_repeat is 1, expected True or False"),
    (dict(json_schema={"const": float("nan")}), "json_schema has no JSON form"),
    (dict(top_k=1.5), "top_k is 1.5"), (dict(top_k=-1), "top_k is -1"),
    (dict(top_p=0), "top_p is 0, expected a number above 0"),
    (dict(min_p=2), "min_p is 2"), (dict(seed=-1), "seed is -1"),
    (dict(seed=1 << 64), "seed is 18446744073709551616"),
    (dict(regex=3), "regex is 3, expected a str"),
    (dict(regex="a\0"), "without zero bytes"),
    (dict(json_schema=[1]), "the type of json_schema is [1]"),
    (dict(json_schema={"enum": {1}}), "json_schema has no JSON form"),
])
def test_options_of_generate(engine, options, message):
    for stream in False, True:  # not only when a stream is first read
        assert message in refusal(lambda: engine.generate("a", stream=stream, **options))


def test_conversations(engine):
    assert "system is 3" in refusal(lambda: engine.chat(system=3))
    assert "tools is 3" in refusal(lambda: engine.chat(tools=3))
    assert "a tool is 3, expected a function" in refusal(lambda: engine.chat(tools=[3]))
    assert "messages is 'Hi'" in refusal(lambda: engine.chat(messages="Hi"))
    assert "messages[0] is 3" in refusal(lambda: engine.chat(messages=[3]))
    assert "messages[0] has no JSON form" in refusal(
        lambda: engine.chat(messages=[{"role": "user", "content": object()}]))
    with engine.chat() as chat:
        assert "text is None" in refusal(lambda: chat.send(None))
        assert "tool_choice is 'call', expected auto or none" in refusal(
            lambda: chat.send("Hi", tool_choice="call"))
        assert "tool_choice is ['a']" in refusal(
            lambda: chat.send("Hi", tool_choice=["a"]))
        assert "max_rounds is -1" in refusal(lambda: chat.send("Hi", max_rounds=-1))
        assert "results is 3" in refusal(lambda: chat.respond(3))
        assert chat.messages == []


def test_recipes_passes_and_ir(tmp_path):
    assert "rules is 'int4'" in refusal(lambda: gemcut.recipe("int4"))
    assert "ends in .json" in refusal(
        lambda: gemcut.recipe({"*": "int8"}).save(tmp_path / "recipe.txt"))
    assert "module is b''" in refusal(lambda: gemcut.passes.run(b"", "cse"))
    assert "pipeline is ['cse']" in refusal(
        lambda: gemcut.passes.run("module {}", ["cse"]))
    assert "phase is 3" in refusal(lambda: gemcut.ir(TINY, 3))
    with pytest.raises(ZeroDivisionError):
        gemcut.recipe(lambda tensor: 1 / 0, model=TINY)


def test_what_is_no_checkpoint(tiny, tmp_path):
    with pytest.raises(gemcut.CheckpointError, match="gemcut.load") as raised:
        gemcut.Checkpoint(tiny.path).config
    assert raised.value.file == str(tiny.path)
    with pytest.raises(gemcut.CheckpointError, match="expected a checkpoint") as raised:
        gemcut.compile(__file__, tmp_path / "out")
    assert raised.value.file == __file__
    with pytest.raises(gemcut.CheckpointError, match="adapter_config.json") as raised:
        gemcut.compile(TINY, tmp_path / "out", lora=tmp_path)
    assert raised.value.file == str(tmp_path / "adapter_config.json")


def test_what_stays_in_its_process(engine, tiny):
    with engine.chat() as chat:
        for thing in engine, chat:
            with pytest.raises(TypeError, match="neither pickled nor copied; .* in the "
                                                "other process"):
                pickle.dumps(thing)
    for thing in (tiny, tiny.options, tiny.memory_plan, engine.info,
                  gemcut.recipe({"*": "int8"}).document):
        assert pickle.loads(pickle.dumps(thing)) == thing
    for error in (gemcut.CheckpointError("a", file="f", tensor="t"),
                  gemcut.UnsupportedError("a", file="f"), gemcut.UsageError("a"),
                  gemcut.OutOfMemoryPlan("a", needed=2, limit=1),
                  gemcut.ContextFullError("a", status=3)):
        again = pickle.loads(pickle.dumps(error))
        assert type(again) is type(error)
        assert (str(again), vars(again)) == (str(error), vars(error))


def test_after_close(tiny):
    engine = gemcut.load(tiny)
    chat = engine.chat()
    assert chat.send("Hello", max_tokens=2)
    pieces = engine.generate("Once", max_tokens=50, ignore_stop=True, stream=True)
    next(pieces)
    waiting = engine.generate("Once", max_tokens=50, stream=True)
    engine.close()
    for call in (lambda: chat.send("Hello"), lambda: engine.generate_ids([2]),
                 lambda: engine.logits([2]), lambda: engine.detokenize([2]),
                 lambda: next(waiting), engine.chat, engine.verify, engine.__enter__):
        with pytest.raises(gemcut.EngineError, match="the engine is closed"):
            call()
    assert "closed" in repr(engine)
    assert len(list(pieces)) > 10  # it had begun
    chat.close()


def test_closing_while_threads_generate(tiny):
    engine = gemcut.load(tiny, threads=1)
    ends = []

    def work():
        try:
            while True:
                engine.generate("Once", max_tokens=5)
        except BaseException as error:
            ends.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    time.sleep(0.1)
    engine.close()
    for thread in threads:
        thread.join()
    assert [type(error) for error in ends] == [gemcut.EngineError] * 4


@pytest.fixture(scope="module")
def patient(built):
    """A model that takes its time for prompts."""
    made = gemcut.compile(TINY, built / "patient", options=OPTIONS, context=8192,
                          prefill_chunk=8)
    with gemcut.load(made, threads=1) as engine:
        yield engine


@pytest.mark.parametrize("what", ["logits", "generate", "stream", "chat"])
def test_ctrl_c_ends_long_prompts(patient, what):
    chat = patient.chat()
    calls = {"logits": lambda: patient.logits([7] * 4000),
             "generate": lambda: patient.generate_ids([7] * 8000, max_tokens=1),
             "stream": lambda: next(patient.generate([7] * 8000, stream=True)),
             "chat": lambda: chat.send("a " * 4000, max_tokens=1)}
    begin = time.process_time()
    calls[what]()
    whole = time.process_time() - begin
    chat.close()
    chat = patient.chat()
    begin = time.process_time()

    def interrupt():
        while time.process_time() < begin + whole / 8:
            time.sleep(0.005)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=interrupt).start()
    with pytest.raises(KeyboardInterrupt):
        calls[what]()
        time.sleep(5)
    assert time.process_time() - begin < whole * 0.7
    assert chat.messages == []
    chat.close()
    assert patient.generate_ids([2, 5], max_tokens=2)


@pytest.fixture
def copied(tmp_path):
    """A checkpoint that may be changed."""
    folder = tmp_path / "model"
    shutil.copytree(TINY, folder, ignore=shutil.ignore_patterns("goldens", "training"))
    return folder


def change_config(folder, **changes):
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, **changes}))


@pytest.mark.parametrize("file, change, kind, message", [
    ("config.json", lambda f: change_config(f, model_type="llama"),
     gemcut.UnsupportedError, 'model_type: found "llama", expected "gemma4"'),
    ("config.json", lambda f: change_config(f, model_type="gemma4_assistant"),
     gemcut.UnsupportedError, "a drafter"),
    ("config.json", lambda f: (f / "config.json").write_text("{"),
     gemcut.CheckpointError, "not valid JSON from byte"),
    ("model.safetensors", lambda f: (f / "model.safetensors").write_bytes(b"\xff" * 99),
     gemcut.CheckpointError, "header length"),
    ("chat_template.jinja",
     lambda f: (f / "chat_template.jinja").write_text("a\n{% import 'x' as y %}"),
     gemcut.CheckpointError, "chat_template.jinja:2:4: the statement 'import'"),
])
def test_errors_name_their_file(copied, tmp_path, file, change, kind, message):
    change(copied)
    with pytest.raises(kind) as raised:
        gemcut.compile(copied, tmp_path / "out", emit="kernel" if "jinja" not in file
                       else "exe")
    assert message in str(raised.value)
    assert raised.value.file == str(copied / file)
    assert not (tmp_path / "out").exists()
