"""Libraries that another one imports for ends which are not ours: imported once they are used.

sentence-transformers imports SciPy and scikit-learn for training, evaluation and sparse vectors,
transformers imports torch's compiler, and Chroma gRPC for traces, 210 MB together
(docs/decisions/0020).
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any


@contextmanager
def later(*names: str) -> Iterator[None]:
    """What is imported from these packages inside is a function that imports it when it is called.

    Only functions and classes that are called can be put off so, not values and base classes. One
    that is called inside already gives back what it is handed, as is right for a decorator that
    marks something and for a check that lets what it checks pass. What is loaded already stays as
    it is.
    """
    finder = _Finder(tuple(name for name in names if name not in sys.modules))
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        finder.is_over = True
        sys.meta_path.remove(finder)
        for name in finder.given:
            sys.modules.pop(name, None)
            parent, _, child = name.rpartition(".")
            if parent in sys.modules:
                vars(sys.modules[parent]).pop(child, None)


class _Finder(MetaPathFinder, Loader):
    def __init__(self, names: tuple[str, ...]) -> None:
        self._names = names
        self.given: list[str] = []
        self.is_over = False

    def find_spec(self, fullname: str, *_: object) -> ModuleSpec | None:
        if not any(f"{fullname}.".startswith(f"{name}.") for name in self._names):
            return None
        return ModuleSpec(fullname, self, is_package=True)

    def exec_module(self, module: ModuleType) -> None:
        name = module.__name__
        self.given.append(name)

        def attribute(wanted: str) -> Callable[..., object]:
            if wanted.startswith("__"):
                raise AttributeError(wanted)

            def wait(*args: Any, **kwargs: object) -> object:
                if self.is_over:
                    return getattr(import_module(name), wanted)(*args, **kwargs)
                return _unchanged if not args or args[0] is None else args[0]

            return wait

        module.__dict__["__getattr__"] = attribute


def _unchanged(decorated: object) -> object:
    return decorated
