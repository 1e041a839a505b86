"""How the threads of llama.cpp and torch wait for each other."""

from collections.abc import MutableMapping

SPINS = "2000"
CHOICES = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT")


def wait_briefly(environ: MutableMapping[str, str]) -> None:
    """Let a waiting thread spin for some microseconds and then sleep, unless the person has chosen.

    One that spins on starves the thread it waits for as soon as the machine does anything else;
    one that sleeps at once costs a quarter of the speed on an idle machine (docs/decisions/0007).
    Call it before the first import of either library. Only GNU OpenMP heeds it.
    """
    if not any(name in environ for name in CHOICES):
        environ["GOMP_SPINCOUNT"] = SPINS
