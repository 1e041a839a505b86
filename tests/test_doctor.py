from dataclasses import replace
from pathlib import Path

import pytest
from libraries import small_models

from rag import doctor, seal
from rag.doctor import run
from rag.lock import LibraryLock
from rag.seal import Seal
from rag.settings import Settings
from rag.types import Level

SEAL = "networking off"
PLACES = ["language model", "embedding model", "library", "disk", "memory"]


@pytest.mark.real
def test_a_sound_installation_passes_every_check(real_settings: Settings) -> None:
    checks = run(real_settings)

    assert [c.name for c in checks] == ["Python", SEAL, *doctor.PACKAGES, *PLACES]
    assert [c for c in checks if not c.ok and c.name not in (SEAL, "disk", "memory")] == []
    messages = {c.name: c.message for c in checks}
    assert messages["language model"].endswith("SmolLM2-135M-Instruct.Q4_1.gguf")
    assert messages["library"] == f"{real_settings.library}, 0 documents"


@pytest.mark.real
def test_how_much_is_on_the_graphics_card_is_told_where_there_is_one(
    real_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rag.tape.has_gpu", lambda: True)
    monkeypatch.setattr("rag.llm.has_gpu", lambda: True)

    message = doctor._language_model(replace(real_settings, gpu_layers=12))

    assert message.endswith("Q4_1.gguf, 12 of 31 layers on the graphics card")


def test_missing_weights_are_named_with_what_to_do(tmp_path: Path) -> None:
    checks = {c.name: c for c in run(small_models(tmp_path / "library", tmp_path / "models"))}

    for name in ("language model", "embedding model", "library"):
        assert not checks[name].ok
        assert "Run `strongroom models fetch" in checks[name].message


def test_every_check_is_made_whatever_the_earlier_ones_found(tmp_path: Path) -> None:
    wrong = replace(small_models(tmp_path / "library", tmp_path), model="gone", embedder="gone")

    assert [c.name for c in run(wrong)] == ["Python", SEAL, *doctor.PACKAGES, *PLACES]


@pytest.mark.real
def test_a_library_in_use_is_said_to_be(real_settings: Settings) -> None:
    real_settings.library.mkdir()
    lock = LibraryLock(real_settings.library, command="serve")

    checks = {c.name: c for c in run(real_settings)}
    lock.close()

    assert not checks["library"].ok
    assert "`strongroom serve`" in checks["library"].message


@pytest.mark.parametrize("error", [ImportError("no module"), OSError("libc"), RuntimeError("AVX")])
def test_a_package_that_does_not_load_fails_its_check(error: Exception) -> None:
    def look() -> str:
        raise error

    assert doctor._attempt("llama_cpp", look) == doctor.Check("llama_cpp", False, str(error))


def test_a_full_disk_and_a_small_memory_are_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "SPARE_GB", 1e9)
    monkeypatch.setattr(doctor, "MEMORY_GB", 1e9)

    disk, memory = doctor._disk(tmp_path / "not there yet"), doctor._memory()

    assert (disk.ok, memory.ok) == (False, False)
    assert "GB free; free some" in disk.message
    assert "choose a smaller one" in memory.message


@pytest.mark.parametrize(
    ("level", "ok"),
    [("kernel", True), ("filter", True), ("sandbox", True), ("hook", False), ("", False)],
)
def test_a_seal_that_the_system_does_not_enforce_needs_attention(
    monkeypatch: pytest.MonkeyPatch, level: Level, ok: bool
) -> None:
    sealed = Seal(level, "kernel: Operation not permitted")
    monkeypatch.setattr(seal, "current", lambda: sealed)

    check = doctor._seal()

    assert check.ok == ok
    assert sealed.meaning in check.message
    assert ("docs/security.md" in check.message) == (level != "kernel")
