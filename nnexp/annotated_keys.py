"""Components whose annotations are the keys of their YAML."""

from dataclasses import Field, dataclass
from typing import dataclass_transform


@dataclass_transform(kw_only_default=True, eq_default=False)
class AnnotatedKeys:
    """A base class whose subclasses are dataclasses with keyword-only fields, decorated or not."""

    def __init_subclass__(cls) -> None:
        fields = {name: value for name, value in vars(cls).items() if isinstance(value, Field)}
        dataclass(kw_only=True, eq=False)(cls)
        for name, value in fields.items():  # which a decorator of the subclass reads again
            setattr(cls, name, value)
