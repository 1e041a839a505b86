"""The proof, and that it can fail. Every attempt is made in a network of the test's own."""

import json
import sys
from typing import Any

import outside
import pytest
from click.testing import CliRunner

from rag import prove
from rag.attempts import WAYS, Outcome, Outside, attempt
from rag.cli import cli
from rag.prove import Report
from rag.seal import SWITCHES
from rag.settings import ROOT

PAST_THE_HOOK = {
    "native code",
    "io_uring",
    "child process: curl",
    "child process: ping",
    "child process: git",
    "child process: python",
    "memory of another process, as a file",
    "Chroma's telemetry",
    "onnxruntime's telemetry",
}
OPTIONAL = {"child process: curl", "child process: ping", "child process: git"}
"""Not every machine has them."""


def _prove(level: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """(what `strongroom prove` says, how it went and what was heard outside)."""
    program = (sys.executable, "-m", "rag", "prove", "--json", "--level", level)
    done = outside.run(*program, PYTHONPATH=str(ROOT))
    return json.loads(done["stdout"]), done


def _got_out(said: dict[str, Any]) -> set[str]:
    return {entry["name"] for entry in said["attempts"] if not entry["blocked"]}


@pytest.mark.real
@pytest.mark.parametrize("level", ["kernel", "filter"])
def test_every_way_out_is_closed_by_the_kernel(own_network: None, level: str) -> None:
    said, done = _prove(level)

    assert (said["level"], said["verdict"], done["rc"]) == (level, "sealed", 0)
    assert _got_out(said) == set()
    assert len(said["attempts"]) >= 20
    assert [entry for entry in said["attempts"] if not entry["by"]] == []
    assert {entry["name"] for entry in said["not_tried"]} <= OPTIONAL
    assert done["heard"] == []


@pytest.mark.real
def test_without_a_seal_the_same_attempts_get_out(own_network: None) -> None:
    said, done = _prove("none")

    assert (said["level"], said["verdict"], done["rc"]) == ("none", "open", 1)
    assert _got_out(said) == {entry["name"] for entry in said["attempts"]}
    assert f"{len(said['attempts'])} of {len(said['attempts'])} attempts got out" in done["stderr"]
    heard = {(protocol, address, port) for protocol, address, port, _ in done["heard"]}
    assert {
        ("tcp", "192.0.2.10", 80),
        ("tcp", "2001:db8::10", 80),
        ("udp", "192.0.2.10", 80),
        ("udp", "2001:db8::10", 80),
        ("udp", "198.51.100.10", 53),
        ("tcp", "192.0.2.10", 3128),
        ("tcp", "192.0.2.10", 4317),
    } <= heard
    words = " ".join(first for *_, first in done["heard"])
    for agent in ("Python-urllib", "python-requests", "python-httpx", "hf_hub", "sentence"):
        assert agent in words, f"nothing was heard of {agent}"


@pytest.mark.real
def test_the_audit_hook_alone_is_said_to_let_native_code_and_children_out(
    own_network: None,
) -> None:
    said, done = _prove("hook")

    assert (said["level"], said["verdict"], done["rc"]) == ("hook", "open", 1)
    assert _got_out(said) == PAST_THE_HOOK - {entry["name"] for entry in said["not_tried"]}
    words = " ".join(first for *_, first in done["heard"])
    assert "python-requests" not in words
    assert "CONNECT" in words, "onnxruntime's telemetry should have asked its proxy"


def test_an_error_that_no_layer_gives_does_not_count_as_closed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(_: Outside) -> None:
        raise ValueError("a mistake in the attempt")

    monkeypatch.setitem(WAYS, "broken", broken)

    outcome = attempt("none", "broken", _nowhere())

    assert (outcome.blocked, outcome.by) == (False, "")
    assert "a mistake in the attempt" in outcome.detail


def test_a_library_that_is_not_there_is_not_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(_: Outside) -> None:
        raise ImportError("no module named gopher")

    monkeypatch.setitem(WAYS, "gopher", absent)

    outcome = attempt("none", "gopher", _nowhere())

    assert not outcome.tried
    assert Report("kernel", (outcome,)).attempts == ()


def test_a_process_that_dies_does_not_count_as_closed(own_network: None) -> None:
    program = (
        "from rag import prove, attempts; "
        "attempts.WAYS['gone'] = None; print(prove._attempt('none', 'gone')[1].blocked)"
    )

    done = outside.run(sys.executable, "-c", program, PYTHONPATH=str(ROOT))

    assert done["stdout"] == "False\n"


def test_nothing_is_proved_by_no_attempts_or_by_one_that_got_out() -> None:
    closed = Outcome("a", True, "system call filter", "")
    open_ = Outcome("b", False, "", "got through")

    assert Report("kernel", (closed,)).verdict == "sealed"
    assert Report("kernel", (closed, open_)).verdict == "open"
    assert Report("kernel", ()).verdict == "open"


def test_attempts_under_several_levels_prove_the_lowest(monkeypatch: pytest.MonkeyPatch) -> None:
    levels = iter(["filter", "kernel", "", *["kernel"] * len(WAYS)])
    monkeypatch.setattr(
        prove, "_attempt", lambda _, name: (next(levels), Outcome(name, True, "a layer", ""))
    )

    assert prove.prove("kernel").level == "filter"


def test_a_process_that_says_nothing_is_not_said_to_have_been_sealed(own_network: None) -> None:
    program = (
        "from rag import prove, attempts; "
        "attempts.WAYS['gone'] = None; print(repr(prove._attempt('kernel', 'gone')[0]))"
    )

    done = outside.run(sys.executable, "-c", program, PYTHONPATH=str(ROOT))

    assert done["stdout"] == "''\n"


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_a_proof_without_an_attempt_fails(
    monkeypatch: pytest.MonkeyPatch, options: list[str]
) -> None:
    monkeypatch.setattr(prove, "prove", lambda *_, **__: Report("", ()))

    done = CliRunner().invoke(cli, ["prove", *options])

    assert done.exit_code == 1
    assert "nothing is proved" in done.stderr


def test_every_switch_has_a_wrong_way() -> None:
    assert {
        name for name, value in SWITCHES.items() if prove.TURNED_ON.get(name) in (None, value)
    } == (set())


def test_switches_are_turned_the_wrong_way_and_nothing_of_the_person_is_passed_on() -> None:
    environ = prove._environ({"PATH": "/bin", "HTTPS_PROXY": "http://proxy", "HOME": "/home"}, "/t")

    assert environ == {"PATH": "/bin", **prove.TURNED_ON, "HOME": "/t", "TMPDIR": "/t"}


def test_every_target_is_set_aside_for_documentation() -> None:
    from ipaddress import ip_address, ip_network

    from rag import attempts

    for address, network in (
        (attempts.ADDRESS, "192.0.2.0/24"),
        (attempts.RESOLVER, "198.51.100.0/24"),
        (attempts.ADDRESS_6, "2001:db8::/32"),
    ):
        assert ip_address(address) in ip_network(network)
    assert attempts.NAME.endswith(".invalid")


def _nowhere() -> Outside:
    return Outside(0, 0, 0, "", "", "", 0, 0)
