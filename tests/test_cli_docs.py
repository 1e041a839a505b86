"""docs/cli.md says what --help says."""

import runpy
from typing import Any

import pytest

from rag.settings import ROOT


@pytest.fixture(scope="module")
def tool() -> dict[str, Any]:
    return runpy.run_path(str(ROOT / "tools" / "cli_docs.py"))


def test_the_page_is_up_to_date(tool: dict[str, Any]) -> None:
    actual = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    assert actual == tool["markdown"](), "Run `python tools/cli_docs.py` and commit docs/cli.md."


def test_every_command_and_subcommand_has_its_section(tool: dict[str, Any]) -> None:
    paths = [context.command_path for context in tool["contexts"](tool["cli"], "strongroom")]
    actual = [line[3:] for line in tool["markdown"]().splitlines() if line.startswith("## ")]
    assert actual == paths
    assert {"strongroom ask", "strongroom models fetch"} <= set(actual)


@pytest.mark.parametrize("columns", ["20", "300"])
def test_the_text_does_not_depend_on_the_terminal(
    tool: dict[str, Any], columns: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = tool["markdown"]()
    monkeypatch.setenv("COLUMNS", columns)
    assert tool["markdown"]() == expected


def test_no_help_line_is_wider_than_the_page(tool: dict[str, Any]) -> None:
    blocks = tool["markdown"]().split("```")[1::2]
    actual = [line for block in blocks for line in block.splitlines() if len(line) > tool["WIDTH"]]
    assert actual == []
