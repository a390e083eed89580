"""Components whose annotations are the keys of their YAML."""

from dataclasses import MISSING, Field, dataclass
from typing import dataclass_transform


@dataclass_transform(kw_only_default=True, eq_default=False)
class AnnotatedKeys:
    """A base class whose subclasses are dataclasses with keyword-only fields, decorated or not."""

    def __init_subclass__(cls) -> None:
        fields = {name: value for name, value in vars(cls).items() if isinstance(value, Field)}
        dataclass(kw_only=True, eq=False)(cls)
        for name, value in fields.items():
            if value.default_factory is not MISSING:  # no default is left for a decorator of the subclass
                setattr(cls, name, value)
