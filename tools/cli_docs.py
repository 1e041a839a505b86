"""Write docs/cli.md from the command line's own --help texts."""

from collections.abc import Iterator
from pathlib import Path

import click

from rag.cli import cli

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "cli.md"
WIDTH = 80
HEAD = """\
# Command line

Written by `python tools/cli_docs.py` from the `--help` texts. `python -m rag` is the same program.
Exit codes: 0 done; 1 it could not be done, with the reason on stderr; 2 wrong use.
"""


def main() -> None:
    PAGE.write_text(markdown(), encoding="utf-8")
    print(f"Wrote {PAGE.relative_to(ROOT)}.")


def markdown() -> str:
    """The whole page: a section for each command, groups before their commands."""
    return "\n".join([HEAD, *(_section(context) for context in contexts(cli, "strongroom"))])


def contexts(
    command: click.Command, name: str, parent: click.Context | None = None
) -> Iterator[click.Context]:
    """The command's context and those of all commands below it, by name."""
    # resilient_parsing: nothing is run and no argument is asked for. The widths are given, so the
    # text is the same on every terminal.
    context = command.make_context(
        name,
        [],
        parent,
        resilient_parsing=True,
        terminal_width=WIDTH,
        max_content_width=WIDTH,
    )
    yield context
    if isinstance(command, click.Group):
        for below in command.list_commands(context):
            found = command.get_command(context, below)
            if found is not None and not found.hidden:
                yield from contexts(found, below, context)


def _section(context: click.Context) -> str:
    return f"## {context.command_path}\n\n```text\n{context.get_help()}\n```\n"


if __name__ == "__main__":
    main()
