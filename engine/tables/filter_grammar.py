"""The grammar of row filters: text to a syntax tree in which only comparisons and literals are left."""

from __future__ import annotations

import ast
import re
import warnings

from ..errors import InputError

__all__ = ["check_condition", "literal_value", "parse_tree"]

_MAX_LENGTH = 10_000
_MAX_DEPTH = 60

# One token of the text as far as it matters here: what is quoted is left alone, the rest is put into
# Python's words.
_TOKEN = re.compile(
    r"""(?P<triple>'{3}|"{3}) | (?P<text>'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*") | `(?P<name>[^`]+)`
      | (?P<and>&&?) | (?P<or>\|\|?) | (?P<comment>\#)""",
    re.VERBOSE | re.DOTALL,
)


def parse_tree(text: str, names: dict[str, str]) -> ast.expr:
    """Turn the text into a syntax tree; backtick names become placeholders, looked up in `names`."""
    if not text.strip():
        raise InputError("the filter is empty; write for example \"Metadata_control == 'neg'\"")
    if len(text) > _MAX_LENGTH:
        raise InputError(f"the filter is longer than {_MAX_LENGTH} characters; compute a metadata column instead")

    def python(found: re.Match[str]) -> str:
        if found["text"]:
            return found["text"]
        if found["name"]:
            placeholder = f"_quoted_{len(names)}_"
            while placeholder in text:
                placeholder += "_"
            names[placeholder] = found["name"]
            return f" {placeholder} "
        if found["triple"] or found["comment"]:
            raise InputError(f"the filter {text!r} holds {found[0]!r}, which filters do not allow")
        return " and " if found["and"] else " or "

    plain = _TOKEN.sub(python, text.strip())
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # for example about "\\d" in a text
            return ast.parse(plain.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        hint = ""
        if re.search(r"(?<![=!<>])=(?!=)", _TOKEN.sub("", text)):
            hint = "; write == to compare"
        elif "@" in text:
            hint = "; variables (@name) do not exist here, write the value"
        raise InputError(f"the filter {text!r} cannot be understood{hint}") from error


def check_condition(node: ast.expr, text: str, names: dict[str, str], columns: dict[str, None], depth: int) -> None:
    """Walk a condition: allow what is in the language, collect its columns, refuse the rest."""
    if depth > _MAX_DEPTH:
        raise InputError(f"the filter {text[:60]!r}... is nested more than {_MAX_DEPTH} levels deep")
    if isinstance(node, ast.BoolOp):
        for value in node.values:
            check_condition(value, text, names, columns, depth + 1)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.Not, ast.Invert)):
        check_condition(node.operand, text, names, columns, depth + 1)
    elif isinstance(node, ast.Name):
        columns[names.get(node.id, node.id)] = None
    elif isinstance(node, ast.Compare):
        _check_comparison(node, text, names, columns)
    else:
        raise _refusal(node, text, names)


def _check_comparison(node: ast.Compare, text: str, names: dict[str, str], columns: dict[str, None]) -> None:
    sides = [node.left, *node.comparators]
    for operator, left, right in zip(node.ops, sides[:-1], sides[1:], strict=True):
        listed = isinstance(right, (ast.List, ast.Tuple))
        if isinstance(left, (ast.List, ast.Tuple)):
            raise InputError(f"the filter {text!r} has a list on the left; write it on the right of 'in'")
        if isinstance(operator, (ast.In, ast.NotIn)) and not listed:
            raise InputError(
                f"the filter {text!r} needs a list after 'in', such as ['a', 'b'], not {_quote(right, names)!r}"
            )
        if listed and not isinstance(operator, (ast.In, ast.NotIn, ast.Eq, ast.NotEq)):
            raise InputError(f"the filter {text!r} compares the order of a list; use 'in' with a list")
        if isinstance(operator, (ast.Is, ast.IsNot)):
            raise InputError(f"the filter {text!r} uses 'is'; write == or !=")
        if not isinstance(left, ast.Name) and not isinstance(right, ast.Name):
            _operand(left, text, names, columns)
            _operand(right, text, names, columns)
            raise InputError(f"the filter {text!r} has a comparison without a column: {_quote(node, names)!r}")
        for side, other in ((left, right), (right, left)):
            _operand(side, text, names, columns)
            if isinstance(side, ast.Constant) and side.value is None:
                column = names.get(other.id, other.id) if isinstance(other, ast.Name) else "column"
                raise InputError(
                    f"the filter {text!r} compares with None; write '{column} in [None]' for the missing values, or "
                    f"'{column} not in [None]' for the others"
                )


def _operand(node: ast.expr, text: str, names: dict[str, str], columns: dict[str, None]) -> None:
    if isinstance(node, ast.Name):
        columns[names.get(node.id, node.id)] = None
    elif isinstance(node, (ast.List, ast.Tuple)):
        for item in node.elts:
            literal_value(item, text, names)
    else:
        literal_value(node, text, names)


def literal_value(node: ast.expr, text: str, names: dict[str, str]) -> object:
    """Value of a literal; anything else is refused."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.USub, ast.UAdd)):
        value = literal_value(node.operand, text, names)
        if type(value) in (int, float):
            return -value if isinstance(node.op, ast.USub) else value  # type: ignore[operator]
    elif isinstance(node, ast.Constant) and (node.value is None or type(node.value) in (str, bool, int, float)):
        return node.value
    raise _refusal(node, text, names)


def _quote(node: ast.expr, names: dict[str, str]) -> str:
    try:
        piece = ast.unparse(node)
    except (RecursionError, ValueError):
        return type(node).__name__
    for placeholder, name in names.items():
        piece = piece.replace(placeholder, f"`{name}`")
    return piece if len(piece) <= 80 else piece[:77] + "..."


def _refusal(node: ast.expr, text: str, names: dict[str, str]) -> InputError:
    shown = text if len(text) <= 200 else text[:197] + "..."
    return InputError(
        f"the filter {shown!r} holds {_quote(node, names)!r}, which is not allowed: a filter compares columns with "
        "text, numbers, True, False or lists of these, joined by and, or, not"
    )
