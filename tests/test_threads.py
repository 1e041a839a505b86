"""How waiting threads wait is set once, and never over the person's own choice."""

from rag.threads import wait_briefly


def test_waiting_threads_sleep_after_a_while() -> None:
    environ: dict[str, str] = {}
    wait_briefly(environ)
    assert environ == {"GOMP_SPINCOUNT": "2000"}


def test_the_persons_own_choice_stays() -> None:
    for chosen in ({"OMP_WAIT_POLICY": "active"}, {"GOMP_SPINCOUNT": "7"}):
        environ = dict(chosen)
        wait_briefly(environ)
        assert environ == chosen
