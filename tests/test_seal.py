from rag.seal import SWITCHES, switch_off


def test_every_switch_is_set_whatever_was_there() -> None:
    environ = {"HF_HUB_OFFLINE": "0", "HOME": "/home/ada"}

    switch_off(environ)

    assert environ == {**SWITCHES, "HOME": "/home/ada"}
