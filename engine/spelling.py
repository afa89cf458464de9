"""How messages name options: ``--null-size`` on the command line, ``null_size`` in Python.

Sentences name options in the one way or the other, as lies near where they are made; what is shown to people goes
through here. Imports nothing heavy.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import ParamSpec, TypeVar

from .errors import FastbenchError
from .options import Option, options_of

__all__ = ["as_arguments", "as_flags", "spelled", "spelled_in_python"]

P = ParamSpec("P")
R = TypeVar("R")

_QUOTED = r"'[^']*'|\"[^\"]*\""
#: An option as the command line has it, with the value behind it where it is one by its looks.
_FLAG = re.compile(rf"(?<![\w-])(--[a-z][a-z-]*)(?: ({_QUOTED}|[A-Z]+(?:=[A-Z]+)?\b|[\w.-]*\w(?:,[\w.-]*\w)*))?")
#: A remark that holds nothing but options.
_REMARK = re.compile(rf" \((--[a-z][a-z-]*)(?: (?:{_QUOTED}|[\w.=-]+))?\)")
#: An option as Python has it, with a value.
_ARGUMENT = re.compile(rf"(?<![\w'\"./-])([a-z]\w*)=({_QUOTED}|True|False|\d[\w.]*)")
_NAME = re.compile(r"(?<![\w'\"./=-])[a-z]+(?:_[a-z]+)+(?![\w'\"/=(-]|\.\w)")


def as_flags(sentence: str, known: Sequence[Option]) -> str:
    """Name options in a sentence as the command line does.

    Parameters
    ----------
    sentence : str
        In which they may be ``null_size`` or ``null_size=1000``. A name of one word is an option where the sentence
        begins with it, or a value follows: ``ties='expected'``.
    known : sequence of Option
        Those of the command.
    """
    flags = {each.name: each for each in known}

    def with_value(match: re.Match[str]) -> str:
        each = flags.get(match[1])
        if each is None or each.python_only:
            return match[0]
        return each.flag if each.kind is bool else f"{each.flag} {match[2].strip(chr(39) + chr(34))}"

    def name(match: re.Match[str]) -> str:
        each = flags.get(match[0])
        return match[0] if each is None or each.python_only else each.flag

    first, space, rest = _ARGUMENT.sub(with_value, sentence).partition(" ")
    first = flags[first].flag if first in flags else first
    return _NAME.sub(name, f"{first}{space}{rest}")


def as_arguments(sentence: str, known: Sequence[Option]) -> str:
    """Name options in a sentence as Python does: ``missing='drop-features'`` for ``--missing drop-features``.

    Parameters
    ----------
    sentence : str
        In which they may be as the command line has them. A remark, such as ``(--fill COLUMN=VALUE)``, of an option
        that is not known is left out.
    known : sequence of Option
        Those that can be given.
    """
    flags = {flag: each for each in known for flag in each.flag.split("/")}

    def argument(match: re.Match[str]) -> str:
        flag, value = match[1], match[2]
        if flag == "--overwrite":
            return "overwrite=True" + (f" {value}" if value else "")
        each = flags.get(flag)
        if each is None or each.positional:
            return match[0]
        if each.kind is bool:
            return f"{each.name}={not flag.startswith('--no-')}" + (f" {value}" if value else "")
        if value is None:
            return each.name
        if value[0] in "'\"" or (value.isupper() and "=" not in value) or value.replace(".", "").isdigit():
            return f"{each.name}={value}"
        if value in each.choices or value == "all" or set(value) & set("_,="):
            return f"{each.name}={value!r}"
        return f"{each.name} {value}"

    kept = _REMARK.sub(lambda match: match[0] if match[1] in flags else "", sentence)
    return _FLAG.sub(argument, kept)


@contextmanager
def spelled(how: Callable[[str, Sequence[Option]], str], *declared: type) -> Iterator[None]:
    """Name options in the sentence of an error within, `as_flags` or `as_arguments`, by what dataclasses declare."""
    try:
        yield
    except FastbenchError as error:
        known = [each for one in declared for each in options_of(one)]
        error.args = (how(str(error), known), *error.args[1:])
        raise


def spelled_in_python(*declared: type) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Decorate a function for users of Python whose options these dataclasses declare."""

    def decorated(function: Callable[P, R]) -> Callable[P, R]:
        @functools.wraps(function)
        def called(*args: P.args, **kwargs: P.kwargs) -> R:
            with spelled(as_arguments, *declared):
                return function(*args, **kwargs)

        return called

    return decorated
