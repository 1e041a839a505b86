from dataclasses import fields, replace
from pathlib import Path

import pytest

from rag import settings
from rag.errors import SettingsError
from rag.settings import MINIMUM, ROOT, Settings, default_settings, load


def written(folder: Path, text: str) -> Path:
    path = folder / "strongroom.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_in_a_clone_library_and_weights_lie_beside_the_code() -> None:
    assert default_settings({}) == Settings(library=ROOT / "data", models=ROOT / "models")


def test_installed_from_a_wheel_they_lie_in_the_persons_data_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(settings, "ROOT", tmp_path)

    found = default_settings({"XDG_DATA_HOME": "/home/ada/data"})

    assert found.library == Path("/home/ada/data/strongroom/library")
    assert found.models == Path("/home/ada/data/strongroom/models")


def test_a_file_overrides_the_defaults_and_the_environment_overrides_the_file(
    tmp_path: Path,
) -> None:
    path = written(tmp_path, 'top_k = 3\nseed = 7\nlibrary = "/srv/papers"\n')

    found = load({"STRONGROOM_TOP_K": "9", "STRONGROOM_SEED": "", "OTHER": "1"}, path)

    assert (found.top_k, found.seed, found.library) == (9, 7, Path("/srv/papers"))


def test_a_tilde_stands_for_the_home_folder() -> None:
    assert load({"STRONGROOM_LIBRARY": "~/papers"}).library == Path.home() / "papers"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("top_k = [", "is not valid TOML"),
        ("topk = 3", "sets topk, which is not a setting. The settings are: answer_tokens"),
        ("top_k = 0", "sets top_k to 0. Use 1 or more."),
        ('top_k = "many"', "sets top_k to 'many'. Use a whole number."),
        ("top_k = 2.5", "sets top_k to 2.5. Use a whole number."),
        ("top_k = true", "sets top_k to True. Use a whole number."),
        ("library = 3", "sets library to 3. Put text between"),
        ('library = ""', "sets library to ''. Put text between"),
        ("model = ['a']", "sets model to ['a']. Put text between"),
    ],
)
def test_a_wrong_value_in_a_file_is_named_with_its_file(
    tmp_path: Path, text: str, message: str
) -> None:
    path = written(tmp_path, text)

    with pytest.raises(SettingsError) as caught:
        load({}, path)

    assert str(caught.value).startswith(str(path))
    assert message in str(caught.value)


def test_a_wrong_value_in_the_environment_is_named() -> None:
    with pytest.raises(SettingsError, match="the environment sets port to 'abc'"):
        load({"STRONGROOM_PORT": "abc"})


def test_a_file_that_is_not_there_or_not_text_is_named(tmp_path: Path) -> None:
    path = tmp_path / "strongroom.toml"

    with pytest.raises(SettingsError, match="cannot be read"):
        load({}, path)
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(SettingsError, match="is not valid TOML"):
        load({}, path)


def test_every_number_has_a_minimum_and_every_default_keeps_it() -> None:
    defaults = default_settings({})
    values = {f.name: getattr(defaults, f.name) for f in fields(Settings)}
    numbers = {name: value for name, value in values.items() if isinstance(value, int)}

    assert set(MINIMUM) == set(numbers)
    assert {name for name, value in numbers.items() if value < MINIMUM[name]} == set()


def test_the_window_is_no_wider_than_prompts_and_answers() -> None:
    here = default_settings({})
    assert here.window == here.prompt_tokens + here.answer_tokens
    assert replace(here, context_tokens=600).window == 600


@pytest.mark.parametrize(
    "chosen", [{"CONTEXT_TOKENS": "512"}, {"PROMPT_TOKENS": "2000", "ANSWER_TOKENS": "4000"}]
)
def test_a_window_in_which_nothing_can_be_read_is_refused(chosen: dict[str, str]) -> None:
    with pytest.raises(SettingsError, match=r"together leave -?\d+ tokens to read"):
        load({f"STRONGROOM_{name}": value for name, value in chosen.items()})
