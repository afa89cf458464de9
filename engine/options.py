"""One declaration of an option: what it is for, what it may be, how it is written and what it is when left out.

The options of a command are the fields of one dataclass, each made by `option`. From the same declaration come the
command line, the checks, the manifest, ``--config`` and the tables of the documentation, so a new option touches one
place. Imports nothing heavy: ``--help`` reads it.
"""

from __future__ import annotations

import contextlib
import dataclasses
import inspect
import re
import types
import typing
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from .choices import check_one, did_you_mean
from .errors import InputError

__all__ = [
    "Option",
    "as_mapping",
    "check_choices",
    "from_mapping",
    "given_files",
    "option",
    "options_of",
    "split_values",
    "unquoted",
]


@dataclasses.dataclass(frozen=True)
class _Declaration:
    """What `option` keeps in the metadata of a field."""

    help: str
    choices: tuple[str, ...] = ()
    flag: str = ""
    positional: bool = False
    many: Literal["", "repeat", "comma"] = ""
    reads: bool = False
    python_only: bool = False
    decides: bool = True
    writes: bool = False


@dataclasses.dataclass(frozen=True)
class Option:
    """One option of a command, as every place that writes or reads options sees it.

    Attributes
    ----------
    name : str
        Name of the field: in Python, in the manifest and in ``--config``.
    flag : str
        How the command line spells it, ``--null-size``; the name itself for a positional argument.
    kind : type
        ``str``, ``int``, ``float``, ``bool`` or ``Path``; of a tuple, that of its items.
    optional : bool
        Whether None is a value.
    default : object
        Value when left out; `dataclasses.MISSING` when it must be given.
    help : str
        What it is for, one or two sentences.
    choices : tuple of str
        What it may be; empty: anything of its kind.
    many : {"", "repeat", "comma"}
        Whether it takes several values, and how the command line writes them.
    positional : bool
        Whether the command line takes it without its name.
    reads : bool
        Whether it names a file or folder that the command reads.
    python_only : bool
        Whether the command line lacks it.
    decides : bool
        Whether numbers depend on it; device, precision and threads do not.
    writes : bool
        Whether it names a file that the command writes beside its result.
    """

    name: str
    flag: str
    kind: type
    optional: bool
    default: Any
    help: str
    choices: tuple[str, ...]
    many: Literal["", "repeat", "comma"]
    positional: bool
    reads: bool
    python_only: bool
    decides: bool
    writes: bool

    @property
    def required(self) -> bool:
        """Whether it has no default."""
        return self.default is dataclasses.MISSING


def option(
    help: str,
    default: Any = dataclasses.MISSING,
    *,
    choices: Sequence[str] = (),
    flag: str = "",
    positional: bool = False,
    many: Literal["", "repeat", "comma"] = "",
    reads: bool = False,
    python_only: bool = False,
    decides: bool = True,
    writes: bool = False,
) -> Any:
    """Declare an option: a field of the dataclass of a command's options.

    Parameters
    ----------
    help : str
        What it is for, one or two sentences; the default and the choices are added to it where it is shown.
    default : object, optional
        Value when left out. Without it the option must be given.
    choices : sequence of str, optional
        What it may be.
    flag : str, optional
        How the command line spells it, where that is not ``--`` and the name with hyphens (``--no-`` before the name
        of a flag that is on by default).
    positional : bool, default False
        Whether the command line takes it without its name.
    many : {"", "repeat", "comma"}, default ""
        For tuples: the option is repeated, or its values are separated by commas.
    reads : bool, default False
        Whether it names a file or folder that the command reads, which the output must not replace.
    python_only : bool, default False
        Whether the command line lacks it.
    decides : bool, default True
        Whether numbers depend on it.
    writes : bool, default False
        Whether it names a file that the command writes beside its result; `rerun` leaves it out.

    Returns
    -------
    dataclasses.Field
        For a frozen dataclass.
    """
    declared = _Declaration(help, tuple(choices), flag, positional, many, reads, python_only, decides, writes)
    return dataclasses.field(default=default, metadata={"option": declared})


def options_of(declared: type) -> tuple[Option, ...]:
    """Return the options that a dataclass declares: its own first, then those that it shares with others."""
    hints = typing.get_type_hints(declared)
    found = []
    own = inspect.get_annotations(declared)
    for each in sorted(dataclasses.fields(declared), key=lambda field: field.name not in own):
        about: _Declaration | None = each.metadata.get("option")
        if about is None:
            continue
        kind, optional, is_tuple = _kind(hints[each.name])
        if is_tuple != bool(about.many or (about.positional and is_tuple)):
            raise TypeError(f"{declared.__name__}.{each.name}: only tuples take several values, and they say how")
        spelled = each.name.replace("_", "-")
        usual = f"--no-{spelled}" if kind is bool and each.default is True else f"--{spelled}"
        found.append(
            Option(
                name=each.name,
                flag=about.flag or (each.name.upper() if about.positional else usual),
                kind=kind,
                optional=optional,
                default=each.default,
                help=about.help,
                choices=about.choices,
                many=about.many or ("repeat" if is_tuple else ""),
                positional=about.positional,
                reads=about.reads,
                python_only=about.python_only,
                decides=about.decides,
                writes=about.writes,
            )
        )
    return tuple(found)


def _kind(hint: Any) -> tuple[type, bool, bool]:
    """Return the type of a value, whether None is one, and whether there are several."""
    optional = False
    if isinstance(hint, types.UnionType) or typing.get_origin(hint) is typing.Union:
        (hint,) = (each for each in typing.get_args(hint) if each is not type(None))
        optional = True
    is_tuple = typing.get_origin(hint) is tuple
    kind = typing.get_args(hint)[0] if is_tuple else hint
    if kind not in (str, int, float, bool, Path):
        raise TypeError(f"an option is text, a number, a flag or a path, not {kind}")
    return kind, optional, is_tuple


def check_choices(options: Any) -> None:
    """Refuse a value that is not among the choices of its option.

    Parameters
    ----------
    options : dataclass instance
        Of fields made by `option`; call it in ``__post_init__``.

    Raises
    ------
    InputError
        Naming the option, the value and the choices.
    """
    for each in options_of(type(options)):
        value = getattr(options, each.name)
        if each.choices and value is not None:
            for one in value if isinstance(value, tuple) else (value,):
                check_one(each.name, one, each.choices)


def as_mapping(options: Any) -> dict[str, Any]:
    """Return options as plain values, as the manifest keeps them and `from_mapping` reads them."""

    def plain(value: Any) -> Any:
        if isinstance(value, tuple):
            return [plain(one) for one in value]
        return str(value) if isinstance(value, Path) else value

    return {each.name: plain(getattr(options, each.name)) for each in options_of(type(options))}


def from_mapping(declared: type, given: Mapping[str, Any], source: str) -> dict[str, Any]:
    """Turn plain values, as a file has them, into the values of options.

    Parameters
    ----------
    declared : type
        Dataclass of the options.
    given : mapping
        By name, with underscores or hyphens. A single value stands for a list of one, or for text of values that are
        separated by commas where the option takes those.
    source : str
        Where they are from, for the sentence of an error.

    Returns
    -------
    dict
        Arguments for `declared`; options that were not given are not in it.

    Raises
    ------
    InputError
        For a name that is no option, or a value of another kind.
    """
    known = {each.name: each for each in options_of(declared)}
    found = {}
    for key, value in given.items():
        name = str(key).replace("-", "_").lstrip("_")
        if name not in known:
            hint = did_you_mean(name, known) or f"; the options are {', '.join(known)}."
            raise InputError(f"{source} has {key!r}, which is not an option{hint}")
        found[name] = _converted(known[name], value, source)
    return found


_QUOTED = re.compile(r"""'[^']*'|"[^"]*"|`[^`]*`""")


def unquoted(text: str) -> str:
    """Return text without the quotes that it is wholly in, be they ``'``, ``"`` or backticks."""
    return text[1:-1] if _QUOTED.fullmatch(text) else text


def split_values(text: str) -> list[str]:
    """Split values at the commas between them; what is in quotes is one value, ``'a,b',c``, where it is whole so."""
    hidden = _QUOTED.sub(lambda match: "_" * len(match[0]), text)
    cuts = [place for place, sign in enumerate(hidden) if sign == ","]
    edges = zip([0, *(cut + 1 for cut in cuts)], [*cuts, len(text)], strict=True)
    parts = [text[start:stop].strip() for start, stop in edges]
    return [unquoted(part) for part in parts if part]


def _converted(each: Option, value: Any, source: str) -> Any:
    def one(item: Any) -> Any:
        if each.kind is Path and isinstance(item, str):
            return Path(item)
        if each.kind is float and isinstance(item, str):  # YAML takes 1e-3 for text
            with contextlib.suppress(ValueError):
                return float(item)
        if each.kind is float and isinstance(item, (int, float)) and not isinstance(item, bool):
            return float(item)
        if each.kind is int and isinstance(item, int) and not isinstance(item, bool):
            return item
        if each.kind in (str, bool) and isinstance(item, each.kind):
            return item
        words = {
            str: "text (in quotes)",
            int: "a whole number",
            float: "a number",
            bool: "true or false",
            Path: "a path",
        }
        raise InputError(f"{source}: {each.name} must be {words[each.kind]}, but it is {item!r}.")

    if value is None:
        if each.optional:
            return None
        if each.kind is str and each.default == "":
            return "" if not each.many else ()
        if each.kind is float and each.default is not None:
            return float("nan")  # JSON has no other form for it
        raise InputError(f"{source}: {each.name} has no value.")
    if not each.many:
        return one(value)
    if isinstance(value, str):
        value = split_values(value) if each.many == "comma" else [value]
    if not isinstance(value, (list, tuple)):
        raise InputError(f"{source}: {each.name} must be a list, but it is {value!r}.")
    return tuple(one(item) for item in value)


def given_files(options: Any) -> tuple[str, ...]:
    """Return the files and folders that options name for reading."""
    found: list[str] = []
    for each in options_of(type(options)):
        value = getattr(options, each.name)
        if each.reads and value:
            found += map(str, value if isinstance(value, tuple) else (value,))
    return tuple(found)
