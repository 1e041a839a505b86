import json
import shutil
from pathlib import Path

import pytest

from rag.errors import ModelCorrupt
from rag.tokens import FolderTokenizer

FILES = ("sentence_bert_config.json", "tokenizer.json")


@pytest.fixture
def folder(tmp_path: Path, models_dir: Path) -> Path:
    for name in FILES:
        shutil.copy(models_dir / "all-MiniLM-L6-v2" / name, tmp_path / name)
    return tmp_path


@pytest.mark.real
def test_it_counts_as_the_model_does_without_special_tokens(folder: Path) -> None:
    tokenizer = FolderTokenizer(folder)

    assert tokenizer.token_ends("Unbelievable, isn’t it?").tolist() == [12, 13, 17, 18, 19, 22, 23]
    assert tokenizer.token_ends("").tolist() == []
    assert tokenizer.window == 256


@pytest.mark.real
def test_a_text_longer_than_the_window_is_counted_to_its_end(folder: Path) -> None:
    assert len(FolderTokenizer(folder).token_ends("word " * 5000)) == 5000


@pytest.mark.real
@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b"\xff\xfe\x00", None])
def test_a_broken_folder_is_named_with_what_to_do(
    folder: Path, name: str, content: bytes | None
) -> None:
    (folder / name).unlink()
    if content is not None:
        (folder / name).write_bytes(content)

    with pytest.raises(ModelCorrupt) as caught:
        FolderTokenizer(folder)

    assert str(caught.value).startswith(f"The embedding model in {folder} cannot be read (")
    assert str(caught.value).endswith("Run `strongroom models fetch` to get it again.")


def test_a_folder_that_is_not_there_is_an_error_of_our_own(tmp_path: Path) -> None:
    with pytest.raises(ModelCorrupt, match="cannot be read"):
        FolderTokenizer(tmp_path / "gone")


@pytest.mark.real
def test_the_window_is_what_the_folder_says(folder: Path) -> None:
    (folder / FILES[0]).write_text(json.dumps({"max_seq_length": 128}))

    assert FolderTokenizer(folder).window == 128
