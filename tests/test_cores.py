from pathlib import Path

import pytest

from rag import cores


def test_there_is_at_least_one_core() -> None:
    assert 1 <= cores.physical() <= cores.logical()


@pytest.mark.parametrize(
    ("physical", "logical", "expected"),
    [
        (1, 1, (1,)),
        (2, 2, (2,)),
        (2, 4, (2, 4)),
        (7, 7, (7,)),
        (8, 8, (8, 4)),
        (16, 32, (16, 32, 8)),
    ],
)
def test_worth_trying_are_cores_hardware_threads_and_half_of_many_cores(
    monkeypatch: pytest.MonkeyPatch, physical: int, logical: int, expected: tuple[int, ...]
) -> None:
    monkeypatch.setattr(cores, "physical", lambda: physical)
    monkeypatch.setattr(cores, "logical", lambda: logical)

    assert cores.candidates() == expected


@pytest.mark.parametrize(
    ("info", "expected"),
    [
        ("processor\t: 0\nmodel name\t: Fast CPU: 9000\n\nmodel name\t: Other\n", "Fast CPU: 9000"),
        ("processor\t: 0\nCPU part\t: 0xd0c\n", "aarch64"),
        (None, "aarch64"),
    ],
)
def test_a_processor_has_its_own_name_or_that_of_its_architecture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, info: str | None, expected: str
) -> None:
    monkeypatch.setattr("platform.machine", lambda: "aarch64")
    monkeypatch.setattr(cores, "CPU_INFO", tmp_path / "cpuinfo")
    if info is not None:
        (tmp_path / "cpuinfo").write_text(info)

    assert cores.name() == expected
