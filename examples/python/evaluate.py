#!/usr/bin/env python3
"""Compares recipes of a model with its bf16 form on a text: perplexity, and the mean KL
divergence of the next token's probabilities, over the size of the weights.

    evaluate.py MODEL TEXT PLOT.png [--quants int4 int8 ...] [--tokens N]

TEXT may hold control tokens, such as <bos> and <|turn>. The plot has one square for each
recipe; without matplotlib it is drawn here.
"""
import argparse
import struct
import tempfile
import zlib
from pathlib import Path

import numpy

import gemcut

# Of each glyph five rows of three pixels, an octal digit each.
GLYPHS = dict(pair.split("=") for pair in """0=75557 1=26227 2=71747 3=71717 4=55711 5=74717
6=74757 7=71111 8=75757 9=75717 a=25755 b=65656 c=34443 d=65556 e=74647 f=74644 g=34553 h=55755
i=72227 j=11152 k=55655 l=44447 m=57755 n=65555 o=25552 p=65644 q=25563 r=65655 s=34216 t=72222
u=55557 v=55522 w=55775 x=55255 y=55222 z=71247 _=00007 .=00002 -=00700""".split())
COLORS = [(31, 119, 180), (255, 127, 14), (44, 160, 44), (214, 39, 40), (148, 103, 189)]


def log_probabilities(logits):
    """(T, V) logits to (T, V) natural logarithms of probabilities, in float64."""
    logits = logits.astype(numpy.float64)
    logits -= logits.max(axis=1, keepdims=True)
    return logits - numpy.log(numpy.exp(logits).sum(axis=1, keepdims=True))


def measure(model, folder, quant, ids):
    artifact = gemcut.compile(model, folder / quant, cpu="host", quant=quant,
                              kv="bf16", context=len(ids))
    with gemcut.load(artifact) as engine:
        return artifact.memory_plan.weight_bytes, log_probabilities(engine.logits(ids))


def write_png(path, pixels):
    """(height, width, 3) bytes to a PNG file."""
    height, width, _ = pixels.shape
    rows = b"".join(b"\0" + row.tobytes() for row in pixels)

    def chunk(kind, data):
        return (struct.pack(">I", len(data)) + kind + data
                + struct.pack(">I", zlib.crc32(kind + data)))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header)
                     + chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b""))


def write_word(pixels, x, y, word):
    """Its upper left corner is at (x, y); what does not fit is cut."""
    for letter in word.lower():
        for row, bits in enumerate(GLYPHS.get(letter, "00000")):
            for column in range(3):
                if int(bits) >> (2 - column) & 1:
                    top, left = y + 2 * row, x + 2 * column
                    pixels[top:top + 2, left:left + 2] = 60
        x += 8


def plot(path, points):
    """`points`: name, megabytes, divergence."""
    try:
        import matplotlib
    except ImportError:
        matplotlib = None
    if matplotlib:
        matplotlib.use("Agg")
        from matplotlib import pyplot
        figure, axes = pyplot.subplots()
        for name, size, divergence in points:
            axes.scatter(size, divergence)
            axes.annotate(name, (size, divergence))
        axes.set(xlabel="weights, MB", ylabel="mean KL divergence, nats", xlim=(0, None),
                 ylim=(0, None))
        figure.savefig(path)
        return
    pixels = numpy.full((240, 320, 3), 255, numpy.uint8)
    pixels[220, 20:300] = pixels[20:221, 20] = 0
    largest = [max(point[i] for point in points) or 1 for i in (1, 2)]
    write_word(pixels, 26, 4, f"kl {largest[1]:.2g} nats")
    write_word(pixels, 190, 226, f"{largest[0]:.3g} mb weights")
    for (name, size, divergence), color in zip(points, COLORS * len(points)):
        x, y = 20 + int(250 * size / largest[0]), 216 - int(180 * divergence / largest[1])
        pixels[y - 4:y + 5, x - 4:x + 5] = color
        # Beside the square, on the side with more room.
        write_word(pixels, x - 8 - 8 * len(name) if x > 160 else x + 8, y - 4, name)
    write_png(path, pixels)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model")
    parser.add_argument("text", type=Path)
    parser.add_argument("plot", type=Path)
    parser.add_argument("--quants", nargs="+", default=["int4", "int8"])
    parser.add_argument("--tokens", type=int, default=256)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        # Only for its tokenizer, which all recipes share.
        artifact = gemcut.compile(options.model, folder / "bf16", cpu="host",
                                  quant="bf16", context=options.tokens)
        with gemcut.load(artifact) as engine:
            ids = engine.tokenize(options.text.read_text(), special=True)
            if ids[0] != engine.info.bos_id:
                ids.insert(0, engine.info.bos_id)
            ids = ids[:options.tokens]
            reference = log_probabilities(engine.logits(ids))
        results = {"bf16": (artifact.memory_plan.weight_bytes, reference)}
        for quant in options.quants:
            results[quant] = measure(options.model, folder, quant, ids)
    print(f"{'recipe':<8} {'weights':>10} {'perplexity':>11} {'mean KL':>9}")
    points = []
    for quant, (size, made) in results.items():
        perplexity = numpy.exp(-made[numpy.arange(len(ids) - 1), ids[1:]].mean())
        divergence = (numpy.exp(reference) * (reference - made)).sum(axis=1).mean()
        points.append((quant, size / 1e6, divergence))
        print(f"{quant:<8} {size / 1e6:>7.1f} MB {perplexity:>11.4f} {divergence:>9.5f}")
    plot(options.plot, points)


if __name__ == "__main__":
    main()
