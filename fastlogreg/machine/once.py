"""An attribute that is computed at its first use and kept, without a lock.

`functools.cached_property` of Python 3.10 and 3.11 holds one lock for a class while it computes. A
slow attribute of one object then stops every other thread, and a fork meanwhile hangs its child.
Here nothing is locked. Two threads that come at the same time both compute; either value is good.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar, overload

Value = TypeVar("Value")


class once(Generic[Value]):  # lower case, as `property` is: it is a decorator
    """Turn a method into an attribute of its object, computed when it is first asked for.

    The value is set on the object under the method's name, where Python finds it from then on.
    Setting the attribute beforehand therefore stands for the computation.
    """

    def __init__(self, compute: Callable[[Any], Value]) -> None:
        self.compute, self.name = compute, compute.__name__
        self.__doc__ = compute.__doc__

    @overload
    def __get__(self, instance: None, owner: type[Any]) -> once[Value]: ...

    @overload
    def __get__(self, instance: object, owner: type[Any]) -> Value: ...

    def __get__(self, instance: Any, owner: type[Any]) -> Any:
        if instance is None:
            return self
        value = self.compute(instance)
        object.__setattr__(instance, self.name, value)  # of a frozen dataclass too
        return value
