"""What callers hand in, checked before it reaches compiler or runtime: each function
returns its value as these take it, or raises a UsageError that names the argument,
what was found and what is expected."""

from __future__ import annotations

import math
import operator
import os
import reprlib
from typing import Any, Iterable, Mapping, NoReturn, Optional

from .errors import UsageError


def refuse(name: str, found: Any, expected: str) -> NoReturn:
    raise UsageError(f"{name} is {reprlib.repr(found)}, expected {expected}")


def whole(name: str, value: Any, least: int, most: Optional[int] = None,
          expected: Optional[str] = None) -> int:
    """An int, or what stands for one, such as numpy's; no bool and no float."""
    limits = f"at least {least}" if most is None else f"from {least} to {most}"
    expected = expected or f"a whole number, {limits}"
    if isinstance(value, bool):
        refuse(name, value, expected)
    try:
        number = operator.index(value)
    except TypeError:
        refuse(name, value, expected)
    if number < least or (most is not None and number > most):
        refuse(name, number, expected)
    return number


def real(name: str, value: Any, least: float, most: float, expected: str) -> float:
    """A finite float in [least, most], also of numpy; no bool and no text."""
    if isinstance(value, (bool, str, bytes)):
        refuse(name, value, expected)
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        refuse(name, value, expected)
    if not math.isfinite(number) or not least <= number <= most:
        refuse(name, value, expected)
    return number


def text(name: str, value: Any) -> str:
    """A str that UTF-8 can encode."""
    if not isinstance(value, str):
        refuse(name, value, "a str")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise UsageError(f"{name} has half of a surrogate pair at index {error.start}, "
                         "which UTF-8 cannot encode") from None
    return value


def texts(name: str, value: Any) -> tuple[str, ...]:
    """One str, or several, none of them empty."""
    if isinstance(value, str):
        value = (value,)
    if isinstance(value, (bytes, Mapping)) or not isinstance(value, Iterable):
        refuse(name, value, "a str, or a list of them")
    result = tuple(text(f"{name}[{index}]", entry) for index, entry in enumerate(value))
    for index, entry in enumerate(result):
        if not entry:
            refuse(f"{name}[{index}]", entry, "a text")
    return result


def c_text(name: str, value: Any) -> str:
    """As text, for what ends at a zero byte."""
    checked = text(name, value)
    if "\0" in checked:
        refuse(name, checked, "a str without zero bytes")
    return checked


def path(name: str, value: Any) -> str:
    """A str, bytes or os.PathLike that can name a file, in UTF-8."""
    try:
        result = os.fsdecode(value)
    except TypeError:
        refuse(name, value, "a path: a str or os.PathLike")
    if not result or "\0" in result:
        refuse(name, result, "the path of a file")
    return text(name, result)


def ids(name: str, value: Any) -> list[int]:
    """Token ids: any iterable of whole numbers of 32 bits that is no text."""
    if isinstance(value, (str, bytes, bytearray, Mapping)) or not isinstance(
            value, Iterable):
        refuse(name, value, "token ids")
    return [whole(f"{name}[{index}]", id, -(1 << 31), (1 << 31) - 1, "a token id")
            for index, id in enumerate(value)]


def switch(name: str, value: Any) -> bool:
    """True or False, and nothing that merely counts as one."""
    if not isinstance(value, bool):
        refuse(name, value, "True or False")
    return value


def function(name: str, value: Any) -> Any:
    """What can be called, or None."""
    if value is not None and not callable(value):
        refuse(name, value, "a function, or None")
    return value


class NotPicklable:
    """Base of what lives in one process."""

    _INSTEAD = ""

    def __reduce_ex__(self, protocol: Any) -> NoReturn:
        raise TypeError(f"gemcut.{type(self).__name__} can be neither pickled nor "
                        f"copied; {self._INSTEAD}")
