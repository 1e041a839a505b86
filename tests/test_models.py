import hashlib
import json
import os
from pathlib import Path

import pytest

from rag import models
from rag.errors import ModelCorrupt, ModelMissing, SettingsError
from rag.models import File, Model
from rag.refusal import DEFAULT, Rule

CATALOG = """
[models.tiny]
kind = "llm"
publisher = "Someone"
licence = "MIT"
description = "a tiny model"
files = [{ path = "tiny.gguf", bytes = 8, sha256 = "aa" }]

[[models.tiny.sources]]
parts = [
    { wheel = "one==1", member = "one/part1" },
    { wheel = "two==1", member = "two/part2" },
]

[[models.tiny.sources]]
url = "https://example.org/{path}"

[models.careful]
kind = "llm"
publisher = "Someone"
licence = "MIT"
description = "with weights for its refusals"
refusal = { bias = -1.0, supported = 2.0, absent = -3.0, threshold = 0.3 }
files = [{ path = "careful.gguf", bytes = 2, sha256 = "dd" }]
sources = [{ url = "https://example.org/{path}" }]

[models.reader]
kind = "embedder"
publisher = "Someone"
licence = "MIT"
description = "a folder"
folder = "Reader"
files = [
    { path = "config.json", bytes = 2, sha256 = "bb" },
    { path = "deep/weights.bin", bytes = 5, sha256 = "cc" },
]
sources = [{ url = "https://example.org/{path}" }]
"""


def make_model(folder: Path, files: dict[str, bytes], *, name: str = "tiny") -> Model:
    """A model whose files lie in `folder` already."""
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    return Model(
        name=name,
        kind="llm",
        publisher="Someone",
        licence="MIT",
        description="",
        folder="",
        files=tuple(
            File(path, len(content), hashlib.sha256(content).hexdigest())
            for path, content in files.items()
        ),
        sources=(),
    )


@pytest.fixture
def catalog(tmp_path: Path) -> dict[str, Model]:
    path = tmp_path / "catalog.toml"
    path.write_text(CATALOG)
    return models.load_catalog(path)


# --- The catalogue -------------------------------------------------------------------------------


def test_the_committed_catalogue_pins_every_file_of_the_default_models() -> None:
    catalog = models.load_catalog()
    assert {"qwen2.5-coder-1.5b-instruct", "smollm2-135m-instruct", "all-minilm-l6-v2"} <= set(
        catalog
    )
    for model in catalog.values():
        assert model.kind in ("llm", "embedder")
        assert model.licence
        assert model.sources
        assert all(len(file.sha256) == 64 and file.n_bytes > 0 for file in model.files)


def test_sources_keep_their_order_and_parts_theirs(catalog: dict[str, Model]) -> None:
    wheels, hub = catalog["tiny"].sources
    assert [part.wheel for part in wheels.parts] == ["one==1", "two==1"]
    assert hub.url == "https://example.org/{path}"


def test_a_model_in_a_folder_names_its_files_from_the_models_folder(
    catalog: dict[str, Model],
) -> None:
    assert [file.path for file in catalog["reader"].files] == [
        "Reader/config.json",
        "Reader/deep/weights.bin",
    ]
    assert catalog["reader"].n_bytes == 7


def test_path_is_the_folder_or_the_only_file(catalog: dict[str, Model]) -> None:
    root = Path("models")
    assert models.path_of(catalog["reader"], root) == root / "Reader"
    assert models.path_of(catalog["tiny"], root) == root / "tiny.gguf"


def test_a_model_without_weights_for_its_refusals_and_a_file_have_the_default_ones(
    catalog: dict[str, Model],
) -> None:
    assert models.rule_of("careful", catalog) == Rule(-1.0, 2.0, -3.0, threshold=0.3)
    assert models.rule_of("tiny", catalog) == DEFAULT
    assert models.rule_of("/some/file.gguf", catalog) == DEFAULT


def test_an_unknown_name_lists_the_names_there_are(catalog: dict[str, Model]) -> None:
    with pytest.raises(SettingsError, match=r"no model named big.*tiny, careful, reader"):
        models.find(catalog, "big")


@pytest.mark.parametrize("text", ["[models.x]\nkind = 'llm'", "not toml", "models = 3", ""])
def test_a_broken_catalogue_is_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "broken.toml"
    path.write_text(text)
    with pytest.raises(SettingsError, match=r"broken\.toml"):
        models.load_catalog(path)


def test_a_fingerprint_changes_with_any_file(tmp_path: Path) -> None:
    first = make_model(tmp_path, {"a": b"1", "b": b"2"})
    second = make_model(tmp_path, {"a": b"1", "b": b"3"})
    assert models.fingerprint(first) == models.fingerprint(
        make_model(tmp_path, {"b": b"2", "a": b"1"})
    )
    assert models.fingerprint(first) != models.fingerprint(second)


# --- Verifying -----------------------------------------------------------------------------------


def test_an_intact_model_verifies_to_its_path(tmp_path: Path) -> None:
    model = make_model(tmp_path, {"tiny.gguf": b"GGUF1234"})
    assert models.verify(model, tmp_path) == tmp_path / "tiny.gguf"


def test_a_missing_file_is_named_with_the_command_that_gets_it(tmp_path: Path) -> None:
    model = make_model(tmp_path, {"tiny.gguf": b"GGUF1234"})
    (tmp_path / "tiny.gguf").unlink()
    with pytest.raises(ModelMissing, match=r"tiny\.gguf is missing.*strongroom models fetch tiny"):
        models.verify(model, tmp_path)


def test_a_wrong_hash_names_the_file_and_both_hashes(tmp_path: Path) -> None:
    model = make_model(tmp_path, {"tiny.gguf": b"GGUF1234"})
    (tmp_path / "tiny.gguf").write_bytes(b"GGUF1235")
    with pytest.raises(ModelCorrupt) as caught:
        models.verify(model, tmp_path)
    message = str(caught.value)
    assert str(tmp_path / "tiny.gguf") in message
    assert model.files[0].sha256 in message
    assert hashlib.sha256(b"GGUF1235").hexdigest() in message
    assert "strongroom models fetch tiny" in message


def change_unseen(path: Path, content: bytes) -> None:
    """Write other bytes of the same length and put the file's time back."""
    before = path.stat()
    path.write_bytes(content)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def test_an_unchanged_file_is_not_read_again_unless_asked(tmp_path: Path) -> None:
    model = make_model(tmp_path, {"tiny.gguf": b"GGUF1234"})
    models.verify(model, tmp_path)
    change_unseen(tmp_path / "tiny.gguf", b"GGUF1235")
    assert models.verify(model, tmp_path) == tmp_path / "tiny.gguf"
    with pytest.raises(ModelCorrupt):
        models.verify(model, tmp_path, full=True)


def test_a_changed_file_is_read_again(tmp_path: Path) -> None:
    model = make_model(tmp_path, {"tiny.gguf": b"GGUF1234"})
    models.verify(model, tmp_path)
    path = tmp_path / "tiny.gguf"
    path.write_bytes(b"GGUF1235")
    os.utime(path, ns=(1, 1))
    with pytest.raises(ModelCorrupt):
        models.verify(model, tmp_path)


def test_a_touched_file_is_read_once_and_recorded(tmp_path: Path) -> None:
    model = make_model(tmp_path, {"tiny.gguf": b"GGUF1234"})
    models.verify(model, tmp_path)
    os.utime(tmp_path / "tiny.gguf", ns=(1, 1))
    models.verify(model, tmp_path)
    record = json.loads((tmp_path / models.RECORD).read_text())
    assert record == {"tiny.gguf": [8, 1, model.files[0].sha256]}


@pytest.mark.parametrize("content", ["", "[]", "{", '{"tiny.gguf": "yes"}'])
def test_a_damaged_record_is_not_trusted(tmp_path: Path, content: str) -> None:
    model = make_model(tmp_path, {"tiny.gguf": b"GGUF1234"})
    (tmp_path / models.RECORD).write_text(content)
    assert models.verify(model, tmp_path) == tmp_path / "tiny.gguf"
    (tmp_path / "tiny.gguf").write_bytes(b"other")
    with pytest.raises(ModelCorrupt):
        models.verify(model, tmp_path)


def test_the_record_of_one_model_keeps_that_of_another(tmp_path: Path) -> None:
    for name in ("a", "b"):
        models.verify(make_model(tmp_path, {name: b"12345678"}, name=name), tmp_path)
    assert set(json.loads((tmp_path / models.RECORD).read_text())) == {"a", "b"}


# --- Resolving -----------------------------------------------------------------------------------


def test_a_name_resolves_to_the_verified_file(tmp_path: Path) -> None:
    model = make_model(tmp_path, {"tiny.gguf": b"GGUF1234"})
    assert models.resolve("tiny", {"tiny": model}, tmp_path) == tmp_path / "tiny.gguf"


def test_any_gguf_file_resolves_by_its_path(tmp_path: Path) -> None:
    path = tmp_path / "own.gguf"
    path.write_bytes(b"GGUF and more")
    assert models.resolve(str(path), {}, tmp_path / "models") == path


def test_a_file_of_another_format_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "weights.bin"
    path.write_bytes(b"PK\x03\x04")
    with pytest.raises(ModelCorrupt, match=r"weights\.bin is not a GGUF file"):
        models.resolve(str(path), {}, tmp_path)


def test_a_gguf_path_that_is_not_there_is_missing(tmp_path: Path) -> None:
    with pytest.raises(ModelMissing, match=r"gone\.gguf"):
        models.resolve(str(tmp_path / "gone.gguf"), {}, tmp_path)


def test_neither_a_name_nor_a_path_lists_the_names(catalog: dict[str, Model]) -> None:
    with pytest.raises(SettingsError, match="no model named nothing"):
        models.resolve("nothing", catalog, Path())


def test_an_embedder_is_not_a_language_model(catalog: dict[str, Model]) -> None:
    with pytest.raises(SettingsError, match="reader is an embedder"):
        models.resolve("reader", catalog, Path())
