"""The grammar of row filters: from text to a tree of comparisons, of which nothing is evaluated as code."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from ..errors import InputError

__all__ = ["Column", "Comparison", "Condition", "Joined", "Literal", "Matches", "Not", "columns_of", "parse"]

_MAX_LENGTH = 10_000
_MAX_DEPTH = 60

# One token of the text as far as it matters here: what is quoted is left alone, the rest is put into
# Python's words.
_TOKEN = re.compile(
    r"""(?P<triple>'{3}|"{3}) | (?P<text>'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*") | `(?P<name>[^`]+)`
      | (?P<and>&&?) | (?P<or>\|\|?) | (?P<comment>\#)""",
    re.VERBOSE | re.DOTALL,
)
_OPERATORS: Final[dict[type[ast.cmpop], str]] = {
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.In: "in",
    ast.NotIn: "not in",
}
#: Methods of a column of pandas that filters know.
_MISSING_METHODS: Final = {"isna": "in", "isnull": "in", "notna": "not in", "notnull": "not in"}
_TEXT_METHODS: Final = ("startswith", "endswith", "contains")
_MIRRORED: Final = {"==": "==", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}


@dataclass(frozen=True)
class Literal:
    """Text, a number, True, False or None."""

    value: str | float | bool | None


@dataclass(frozen=True)
class Column:
    """A column; as a condition, whether it is true."""

    name: str


@dataclass(frozen=True)
class Comparison:
    """A column compared with one value, with another column, or (``==``, ``!=``, ``in``, ``not in``) with a list."""

    column: Column
    operator: str
    other: Literal | Column | tuple[Literal, ...]


@dataclass(frozen=True)
class Matches:
    """A text column that starts with, ends with or contains one of some texts."""

    column: Column
    how: str
    texts: tuple[str, ...]
    regex: bool = False
    case: bool = True


@dataclass(frozen=True)
class Not:
    """What is true where its part is not."""

    part: Condition


@dataclass(frozen=True)
class Joined:
    """Conditions of which all must be true, or any."""

    all: bool
    parts: tuple[Condition, ...]


Condition = Column | Comparison | Matches | Not | Joined


def parse(text: str) -> Condition | Literal:
    """Parse a condition, or a literal that stands alone.

    Raises
    ------
    InputError
        Quoting the piece that is not in the language.
    """
    return _Grammar(text).parsed()


def columns_of(condition: Condition) -> tuple[str, ...]:
    """Return the columns that a condition names, in order of first appearance."""

    def named(part: Condition) -> Iterator[str]:
        if isinstance(part, Column):
            yield part.name
        elif isinstance(part, (Comparison, Matches)):
            yield part.column.name
            if isinstance(part, Comparison) and isinstance(part.other, Column):
                yield part.other.name
        else:
            for inner in part.parts if isinstance(part, Joined) else (part.part,):
                yield from named(inner)

    return tuple(dict.fromkeys(named(condition)))


class _Grammar:
    """The syntax tree of one text, walked to conditions; what is not in the language is refused."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.names: dict[str, str] = {}  # placeholders of the names in backticks

    def parsed(self) -> Condition | Literal:
        tree = self.tree()
        signed = isinstance(tree, ast.UnaryOp) and isinstance(tree.op, (ast.USub, ast.UAdd))
        return self.literal(tree) if signed or isinstance(tree, ast.Constant) else self.condition(tree, 0)

    def tree(self) -> ast.expr:
        if not self.text.strip():
            raise InputError("The filter is empty; write for example \"Metadata_control == 'neg'\".")
        if len(self.text) > _MAX_LENGTH:
            raise InputError(f"The filter is longer than {_MAX_LENGTH} characters; compute a metadata column instead.")
        plain = _TOKEN.sub(self.in_python, self.text.strip())
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # for example about "\\d" in a text
                return ast.parse(plain.strip(), mode="eval").body
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            hint = ""
            if re.search(r"(?<![=!<>])=(?!=)", _TOKEN.sub("", self.text)):
                hint = "; write == to compare"
            elif "@" in self.text:
                hint = "; variables (@name) do not exist here, write the value"
            raise self.error(f"cannot be understood{hint}") from error

    def in_python(self, found: re.Match[str]) -> str:
        if found["text"]:
            return found["text"]
        if found["name"]:
            placeholder = f"_quoted_{len(self.names)}_"
            while placeholder in self.text:
                placeholder += "_"
            self.names[placeholder] = found["name"]
            return f" {placeholder} "
        if found["triple"] or found["comment"]:
            raise self.error(f"holds {found[0]!r}, which filters do not allow")
        return " and " if found["and"] else " or "

    def condition(self, node: ast.expr, depth: int) -> Condition:
        if depth > _MAX_DEPTH:
            raise InputError(f"The filter {self.text[:60]!r}... is nested more than {_MAX_DEPTH} levels deep.")
        if isinstance(node, ast.BoolOp):
            return Joined(isinstance(node.op, ast.And), tuple(self.condition(v, depth + 1) for v in node.values))
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.Not, ast.Invert)):
            return Not(self.condition(node.operand, depth + 1))
        if isinstance(node, ast.Name):
            return self.column(node)
        if isinstance(node, ast.Compare):
            sides = [node.left, *node.comparators]
            steps = zip(node.ops, sides[:-1], sides[1:], strict=True)
            parts = tuple(self.comparison(node, operator, left, right) for operator, left, right in steps)
            return parts[0] if len(parts) == 1 else Joined(True, parts)
        if isinstance(node, ast.Call):
            return self.call(node)
        raise self.refusal(node)

    def call(self, node: ast.Call) -> Comparison | Matches:
        """Return what a method of pandas asks of a column, such as ``x.isin([..])`` or ``x.str.startswith('a')``."""
        method, of_text = node.func, False
        owner = method.value if isinstance(method, ast.Attribute) else None
        if isinstance(owner, ast.Attribute) and owner.attr == "str":
            owner, of_text = owner.value, True
        if not isinstance(method, ast.Attribute) or not isinstance(owner, ast.Name):
            raise self.refusal(node)
        column, name = self.column(owner), method.attr
        if of_text and name in _TEXT_METHODS and len(node.args) == 1:
            return self.matches(node, column, name)
        if not of_text and not node.keywords:
            if name in _MISSING_METHODS and not node.args:
                return Comparison(column, _MISSING_METHODS[name], (Literal(None),))
            if name == "isin" and len(node.args) == 1 and isinstance(node.args[0], (ast.List, ast.Tuple, ast.Set)):
                return Comparison(column, "in", tuple(self.literal(item) for item in node.args[0].elts))
        raise self.refusal(node)

    def matches(self, node: ast.Call, column: Column, how: str) -> Matches:
        given = node.args[0]
        texts = [self.literal(each).value for each in (given.elts if isinstance(given, ast.Tuple) else [given])]
        switches = {each.arg: self.literal(each.value).value for each in node.keywords}
        allowed = {"na": (False,)} | ({"regex": (True, False), "case": (True, False)} if how == "contains" else {})
        if not all(isinstance(text, str) for text in texts) or (how == "contains" and len(texts) > 1):
            raise self.refusal(node)
        if any(value not in allowed.get(str(switch), ()) for switch, value in switches.items()):
            raise self.refusal(node)
        regex = how == "contains" and bool(switches.get("regex", True))
        return Matches(column, how, tuple(map(str, texts)), regex, bool(switches.get("case", True)))

    def comparison(self, whole: ast.Compare, operator: ast.cmpop, left: ast.expr, right: ast.expr) -> Comparison:
        listed = isinstance(right, (ast.List, ast.Tuple))
        if isinstance(left, (ast.List, ast.Tuple)):
            raise self.error("has a list on the left; write it on the right of 'in'")
        if isinstance(operator, (ast.In, ast.NotIn)) and not listed:
            raise self.error(f"needs a list after 'in', such as ['a', 'b'], not {self.quote(right)!r}")
        if listed and not isinstance(operator, (ast.In, ast.NotIn, ast.Eq, ast.NotEq)):
            raise self.error("compares the order of a list; use 'in' with a list")
        if isinstance(operator, (ast.Is, ast.IsNot)):
            raise self.error("uses 'is'; write == or !=")
        one, other = self.operand(left), self.operand(right)
        word = _OPERATORS[type(operator)]
        if not isinstance(one, Column):
            one, other, word = other, one, _MIRRORED.get(word, word)
        if not isinstance(one, Column):
            raise self.error(f"has a comparison without a column: {self.quote(whole)!r}")
        if other == Literal(None):
            raise self.error(
                f"compares with None; write '{one.name} in [None]' for the missing values, or '{one.name} not in "
                "[None]' for the others"
            )
        return Comparison(one, word, other)

    def operand(self, node: ast.expr) -> Column | Literal | tuple[Literal, ...]:
        if isinstance(node, ast.Name):
            return self.column(node)
        if isinstance(node, (ast.List, ast.Tuple)):
            return tuple(self.literal(item) for item in node.elts)
        return self.literal(node)

    def column(self, node: ast.Name) -> Column:
        return Column(self.names.get(node.id, node.id))

    def literal(self, node: ast.expr) -> Literal:
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.USub, ast.UAdd)):
            value = self.literal(node.operand).value
            if type(value) in (int, float):
                return Literal(-value if isinstance(node.op, ast.USub) else value)  # type: ignore[operator]
        elif isinstance(node, ast.Constant) and (node.value is None or type(node.value) in (str, bool, int, float)):
            return Literal(node.value)  # type: ignore[arg-type]
        raise self.refusal(node)

    # --- what is said of the text ---

    def error(self, what: str) -> InputError:
        return InputError(f"The filter {self.text!r} {what}.")

    def quote(self, node: ast.expr) -> str:
        try:
            piece = ast.unparse(node)
        except (RecursionError, ValueError):
            return type(node).__name__
        for placeholder, name in self.names.items():
            piece = piece.replace(placeholder, f"`{name}`")
        return piece if len(piece) <= 80 else piece[:77] + "..."

    def refusal(self, node: ast.expr) -> InputError:
        shown = self.text if len(self.text) <= 200 else self.text[:197] + "..."
        return InputError(
            f"The filter {shown!r} holds {self.quote(node)!r}, which is not allowed: a filter compares columns with "
            "text, numbers, True, False or lists of these, joined by and, or, not; of methods it knows isin, isna, "
            "notna, str.startswith, str.endswith and str.contains."
        )
