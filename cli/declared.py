"""From the declaration of a command's options to its command line."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..engine.options import Option, from_mapping, options_of

if TYPE_CHECKING:
    from ..engine.command.command import Command
    from ..engine.results.progress import Reporter

__all__ = [
    "build_options",
    "command_line",
    "given_flags",
    "option_parameters",
    "parameter",
    "reporter_for",
    "run_command",
    "shared_parameters",
    "with_options",
    "with_parameters",
]


def parameter(name: str, kind: Any, default: Any, how: Any) -> inspect.Parameter:
    """Return a parameter of a typer command; `how` is a `typer.Option` or `typer.Argument`."""
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=Annotated[kind, how])


def _parameter(each: Option) -> inspect.Parameter:
    """Return an option as a parameter of a typer command; what must be given is asked for later."""
    words = each.help
    if each.choices:
        words = f"{words} One of {', '.join(each.choices)}." if len(each.choices) <= 8 else words
    kind: Any = each.kind
    default: Any = None if each.required else each.default
    if each.many == "repeat":
        kind, default = list[each.kind] | None, list(default) if default else None  # type: ignore[name-defined]
    elif each.many == "comma":
        kind, default = str, ",".join(map(str, default)) if default else ""
    elif default is None:
        kind = each.kind | None
    if each.positional:
        how = typer.Argument(help=words, metavar=each.flag, show_default=False)
    elif each.kind is bool and "/" not in each.flag:
        default = False  # the flag turns the default round
        how = typer.Option(each.flag, help=words)
    else:
        how = typer.Option(each.flag, help=words if not each.required else f"{words} [required]")
    return parameter(each.name, kind, default, how)


def with_parameters(
    body: Callable[..., None], parameters: Sequence[inspect.Parameter], doc: str
) -> Callable[..., None]:
    """Give a function of keywords the signature that typer reads."""

    def command(**given: Any) -> None:
        body(**given)

    context = inspect.Parameter("ctx", inspect.Parameter.KEYWORD_ONLY, annotation=typer.Context)
    every = [context, *parameters]
    command.__signature__ = inspect.Signature(every)  # type: ignore[attr-defined]
    command.__annotations__ = {each.name: each.annotation for each in every}
    command.__doc__ = doc
    return command


def shared_parameters(
    output: str, output_flag: str = "--output", *, plan: bool = False, steps: bool = True, in_place: bool = False
) -> list[inspect.Parameter]:
    """Return the options that every command has.

    Parameters
    ----------
    output : str
        Result folder when none is named; empty: it must be named.
    output_flag : str, default "--output"
        How the result folder is spelled.
    plan : bool, default False
        Whether there is a plan to show.
    steps : bool, default True
        Whether finished steps are kept.
    in_place : bool, default False
        Whether an older result, which must be named, is brought up to date.
    """
    where = Path(output) if output else None
    words = "Result folder of the steps before; it is brought up to date." if in_place else "Result folder."
    config = parameter(
        "config", Path | None, None, typer.Option(help="Options from a YAML file or the manifest of a result.")
    )
    flags = {
        "overwrite": "Replace an older result in the output folder.",
        "resume": "Take the finished steps of a run that was stopped.",
        "dry_run": "Show what would be done and what it costs, and stop.",
        "isolate": "Read HDF5 files in a child process first, with limits on time and memory: for files of strangers.",
        "quiet": "Show no progress.",
        "as_json": "Print a JSON summary for machines.",
    }
    wanted = {"resume": steps, "dry_run": plan, "overwrite": not in_place}
    spelled = {"as_json": "--json"}
    return [
        parameter(
            "output", Path | None, where, typer.Option(output_flag, help=words if output else f"{words} [required]")
        ),
        *([] if in_place else [config]),
        *(
            parameter(name, bool, False, typer.Option(spelled.get(name, f"--{name.replace('_', '-')}"), help=text))
            for name, text in flags.items()
            if wanted.get(name, True)
        ),
    ]


def option_parameters(declared: type, names: Collection[str] | None = None) -> list[inspect.Parameter]:
    """Return the options that a dataclass declares, or some of them, as parameters of a typer command."""
    some = [each for each in options_of(declared) if names is None or each.name in names]
    return [_parameter(each) for each in some if not each.python_only]


def build_options(ctx: typer.Context, declared: type, given: dict[str, Any], config: Path | None, command: str) -> Any:
    """Return the options of a command from what the command line gave, and a config file for the rest.

    Parameters
    ----------
    ctx : typer.Context
        Knows which options were written on the command line.
    declared : type
        Dataclass of the options.
    given : dict
        Values of the command line.
    config : Path or None
        File of ``--config``.
    command : str
        Name of the command.

    Returns
    -------
    dataclass instance
        Checked.

    Raises
    ------
    InputError
        When one that must be given is not, or a value cannot be used.
    """
    from ..engine.errors import InputError
    from ..engine.spelling import as_flags, spelled

    values: dict[str, Any] = {}
    if config is not None:
        from ..engine.command.config import read_config

        values = from_mapping(declared, read_config(config, command), f"The config file '{config}'")
    written = _written(ctx)
    for each in options_of(declared):
        if each.name not in given:
            continue
        if each.python_only:  # one of those that all commands have, such as --overwrite
            values[each.name] = given[each.name]
        elif each.name in written:
            values[each.name] = _value(each, given[each.name])
    missing = [each for each in options_of(declared) if each.required and each.name not in values]
    if missing:
        raise InputError(f"{missing[0].flag} is needed: {missing[0].help}")
    with spelled(as_flags, declared):
        return declared(**values)


def _written(ctx: typer.Context) -> set[str]:
    """Return the names of what stands on the command line."""
    sources = {name: ctx.get_parameter_source(name) for name in ctx.params}
    return {name for name, source in sources.items() if source is not None and source.name == "COMMANDLINE"}


def given_flags(ctx: typer.Context, names: Sequence[str]) -> list[str]:
    """Return which of some options stand on the command line, as it spells them."""
    flags = {each.name: each.opts[0] for each in ctx.command.params}
    return [flags[name] for name in names if name in _written(ctx)]


def _value(each: Option, given: Any) -> Any:
    """Return the value of an option as its dataclass has it."""
    if each.many == "comma":
        if each.optional and not given:
            return each.default
        try:
            return tuple(each.kind(part.strip()) for part in given.split(",") if part.strip())
        except ValueError:
            from ..engine.errors import InputError

            raise InputError(f"{each.name} are {given!r}: give numbers with commas between them.") from None
    if each.many == "repeat":
        return tuple(given or ())
    if each.kind is bool and "/" not in each.flag:
        return not each.default
    return None if each.optional and given == "" else given


def with_options(
    declared: type, body: Callable[..., None], doc: str, more: Sequence[inspect.Parameter] = ()
) -> Callable[..., None]:
    """Return a typer command that takes the options of a dataclass, for steps that write no result folder.

    Parameters
    ----------
    declared : type
        Dataclass of the options.
    body : callable
        ``(ctx, options, **more)``; `options` is a function that returns the instance, or raises `InputError`.
    doc : str
        What ``--help`` says.
    more : sequence of inspect.Parameter
        Other parameters, see `parameter`; those that a python-only option is called by fill it.
    """

    def whole(ctx: typer.Context, **given: Any) -> None:
        from ..engine.spelling import as_flags, spelled

        rest = {each.name: given[each.name] for each in more}
        with spelled(as_flags, declared):
            body(ctx, lambda: build_options(ctx, declared, given, None, ""), **rest)

    return with_parameters(whole, [*option_parameters(declared), *more], doc)


def reporter_for(command: str, quiet: bool) -> Reporter:
    """Return who hears how far a command is."""
    from ..engine.results.progress import Terminal

    return Terminal(f"fastbench {command}", lines=not quiet, bars=not quiet)


def run_command(
    command: Command[Any, Any],
    options: Any,
    show: Callable[[Any, Any, Path], None],
    given: dict[str, Any],
    after: str = "",
) -> None:
    """Run a command with its options, or show its plan; print tables, or JSON. For `after` see `command_line`."""
    from ..engine.readers.integrity.isolation import isolated
    from ..engine.spelling import as_flags, spelled

    with isolated(given["isolate"]), spelled(as_flags, command.options):
        _run(command, options, show, given, after)


def _run(
    command: Command[Any, Any],
    options: Any,
    show: Callable[[Any, Any, Path], None],
    given: dict[str, Any],
    after: str,
) -> None:
    from ..engine.errors import InputError
    from .console import print_json, show_plan

    if given.get("dry_run"):
        assert command.plan is not None
        show_plan(command.plan(options), options, given["as_json"])
        return
    output: Path | None = given["output"]
    if output is None:
        raise InputError(f"{command.output_flag} is needed: the folder of the result.")
    if after and not output.is_dir():
        raise InputError(f"There is no folder {output}; run '{after}' first.")
    reporter = reporter_for(command.name, given["quiet"])
    reporter.say(f"results go to {output}")
    from ..engine.command.execute import execute

    result = execute(
        command,
        options,
        output,
        overwrite=bool(after) or given["overwrite"],
        resume=given.get("resume", False),
        reporter=reporter,
    )
    if given["as_json"]:
        print_json({"output": str(output), **result.summary()})
    else:
        show(result, options, output)


def command_line(
    command: Command[Any, Any],
    show: Callable[[Any, Any, Path], None],
    doc: str,
    *,
    group: bool = False,
    names: Collection[str] | None = None,
    after: str = "",
) -> Callable[..., None]:
    """Return the function that typer makes a command of.

    Parameters
    ----------
    command : Command
        The declaration.
    show : callable
        ``(result, options, output)``: prints the outcome for people.
    doc : str
        What ``--help`` says of the command.
    group : bool, default False
        Whether it has steps of its own, as ``fastbench cpjump fetch``, which take no option that stands before them.
    names : collection of str, optional
        The options that it takes, for a step that needs only some of those that are declared; all when left out.
    after : str, default ""
        For a step that brings a result folder up to date: the command that makes the folder.
    """

    def body(ctx: typer.Context, config: Path | None = None, **given: Any) -> None:
        if group and ctx.invoked_subcommand is not None:
            if before := given_flags(ctx, list(ctx.params)):  # they would be lost
                from ..engine.errors import InputError

                raise InputError(f"Put {before[0]} after {ctx.invoked_subcommand!r}: options belong to the step.")
            return
        options = build_options(ctx, command.options, given, config, command.name)
        run_command(command, options, show, given, after)

    shared = shared_parameters(
        command.output,
        command.output_flag,
        plan=command.plan is not None,
        steps=command.resumable,
        in_place=bool(after),
    )
    return with_parameters(body, [*option_parameters(command.options, names), *shared], doc)
