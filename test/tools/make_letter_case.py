#!/usr/bin/env python3
"""Writes runtime/text/letter_case.inc: how str.lower() and str.upper() map letters.

    make_letter_case.py > runtime/text/letter_case.inc
"""
import unicodedata

CODE_POINTS = [c for c in range(0x80, 0x110000) if not 0xD800 <= c < 0xE000]


def ranges(convert):
    """(first, last, stride, delta) of code points that become exactly one other."""
    pairs = [(c, ord(convert(chr(c))) - c) for c in CODE_POINTS
             if len(convert(chr(c))) == 1 and convert(chr(c)) != chr(c)]
    at = 0
    while at < len(pairs):
        best, best_stride = at, 1
        for stride in (1, 2):
            end = at
            while end + 1 < len(pairs) and pairs[end + 1] == (pairs[end][0] + stride, pairs[at][1]):
                end += 1
            if end > best:
                best, best_stride = end, stride
        yield pairs[at][0], pairs[best][0], best_stride, pairs[at][1]
        at = best + 1


def main():
    print(f"// Unicode {unicodedata.unidata_version}, by test/tools/make_letter_case.py.")
    for name, convert in (("kLower", str.lower), ("kUpper", str.upper)):
        print(f"static constexpr CaseRange {name}[] = {{")
        for first, last, stride, delta in ranges(convert):
            print(f"    {{0x{first:X}, {(last - first) // stride}, {stride}, {delta}}},")
        print("};")
    print("static constexpr LongUpper kLongUpper[] = {")
    for c in CODE_POINTS:
        upper = chr(c).upper()
        if len(upper) > 1:
            points = [ord(u) for u in upper] + [0] * (3 - len(upper))
            print(f"    {{0x{c:X}, {{{', '.join(f'0x{p:X}' for p in points)}}}}},")
    print("};")


if __name__ == "__main__":
    main()
