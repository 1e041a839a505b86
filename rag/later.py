"""Libraries that another one imports for ends which are not ours: imported once they are used.

sentence-transformers imports SciPy and scikit-learn for training, evaluation and sparse vectors,
which takes 139 MB (docs/decisions/0020).
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType


@contextmanager
def later(*libraries: str) -> Iterator[None]:
    """What is imported from these libraries inside is a function that imports it when it is called.

    Only functions and classes that are called can be put off so, not values and base classes. What
    is loaded already stays as it is.
    """
    finder = _Finder({name for name in libraries if name not in sys.modules})
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
        for name in finder.given:
            sys.modules.pop(name, None)


class _Finder(MetaPathFinder, Loader):
    def __init__(self, libraries: set[str]) -> None:
        self._libraries = libraries
        self.given: list[str] = []

    def find_spec(self, fullname: str, *_: object) -> ModuleSpec | None:
        if fullname.partition(".")[0] not in self._libraries:
            return None
        return ModuleSpec(fullname, self, is_package=True)

    def exec_module(self, module: ModuleType) -> None:
        name = module.__name__
        self.given.append(name)

        def attribute(wanted: str) -> Callable[..., object]:
            if wanted.startswith("__"):
                raise AttributeError(wanted)

            def wait(*args: object, **kwargs: object) -> object:
                return getattr(import_module(name), wanted)(*args, **kwargs)

            return wait

        module.__dict__["__getattr__"] = attribute
