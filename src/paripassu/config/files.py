"""Reading TOML files: every mistake gets its own error, naming the file and the key.

Unknown keys are refused (with the nearest known one), because a misspelt key that is
silently ignored changes what a network does. Secrets come from the environment only.
"""

from __future__ import annotations

import difflib
import functools
import os
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import UnionType
from typing import Any, Concatenate, ParamSpec, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.alias_generators import to_camel

from paripassu.errors import (
    FileUnreadable,
    IdentifierError,
    InvalidToml,
    InvalidValue,
    MissingKey,
    MissingVariable,
    PariError,
    QuantityError,
    UnknownKey,
)

_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


class FileModel(BaseModel):
    """Base of all file schemas: camelCase keys, no unknown keys, no silent conversions."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, alias_generator=to_camel)


Model = TypeVar("Model", bound=FileModel)
Loaded = TypeVar("Loaded")
P = ParamSpec("P")


def read_toml(path: Path) -> dict[str, Any]:
    """Parse a TOML file. Raises FileUnreadable or InvalidToml."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise FileUnreadable(f"The file '{path}' does not exist.", next_command=f"ls {path.parent}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise FileUnreadable(f"The file '{path}' cannot be read: {error}.") from error
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InvalidToml(f"The file '{path}' is not TOML: {error}.") from error


def read_model(path: Path, model: type[Model]) -> Model:
    """Read and check a file against its schema; the first mistake is raised as a ConfigurationError leaf."""
    data = read_toml(path)
    try:
        return model.model_validate(data)
    except ValidationError as error:
        raise _explain(path, model, error) from None


def names_its_file(
    load: Callable[Concatenate[Path | str, P], Loaded],
) -> Callable[Concatenate[Path | str, P], Loaded]:
    """Let a loader's errors that know no better remedy send the user to the file."""

    @functools.wraps(load)
    def loading(path: Path | str, /, *args: P.args, **kwargs: P.kwargs) -> Loaded:
        try:
            return load(path, *args, **kwargs)
        except PariError as error:
            if error.next_command == PariError.next_command:
                error.next_command = f"${{EDITOR:-vi}} {path}"
            raise

    return loading


@contextmanager
def located(path: Path, key: str) -> Iterator[None]:
    """Name file and key in the error of an identifier or quantity that is made within."""
    try:
        yield
    except (IdentifierError, QuantityError) as error:
        raise type(error)(f"{path}, {key}: {error.sentence}") from error


def expand(text: str, path: Path, key: str, environ: Mapping[str, str] | None = None) -> str:
    """Replace each `${VARIABLE}`. Raises MissingVariable for one that is not set or empty."""
    values = os.environ if environ is None else environ

    def value(match: re.Match[str]) -> str:
        found = values.get(match[1], "")
        if not found:
            raise MissingVariable(
                f"{path}, {key}: the environment variable {match[1]} is not set.",
                next_command=f"export {match[1]}=…",
            )
        return found

    return _VARIABLE.sub(value, text)


def _explain(path: Path, model: type[BaseModel], error: ValidationError) -> Exception:
    mistakes = error.errors(include_url=False, include_input=False)
    # a misspelt key shows up twice, as unknown and as missing: the unknown one says more
    first = min(mistakes, key=lambda mistake: mistake["type"] != "extra_forbidden")
    key = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        known = _known_keys(model, first["loc"][:-1])
        near = difflib.get_close_matches(str(first["loc"][-1]), known, n=1)
        hint = f"did you mean '{near[0]}'?" if near else f"the keys here are {', '.join(known)}."
        return UnknownKey(f"{path}: the key '{key}' is not known; {hint}")
    if first["type"] == "missing":
        return MissingKey(f"{path}: the key '{key}' is missing.")
    message = first["msg"].removeprefix("Value error, ").rstrip(".")
    message = message[:1].lower() + message[1:]
    if first["type"] == "string_type" and key.endswith("rate"):
        message += ', so that it stays exact: write it in quotes, like "0.37"'
    return InvalidValue(f"{path}: the value of '{key}' cannot be used: {message}.")


def _known_keys(model: type[BaseModel], location: tuple[int | str, ...]) -> list[str]:
    """Keys that the schema has at a place in the file."""
    current: Any = model
    for part in location:
        current = _inner(current, str(part))
    if not (isinstance(current, type) and issubclass(current, BaseModel)):
        return []
    return [info.alias or name for name, info in current.model_fields.items()]


def _inner(annotation: Any, key: str) -> Any:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        for name, info in annotation.model_fields.items():
            if key in (info.alias, name):
                return _without_none(info.annotation)
        return None
    arguments = get_args(annotation)
    return _without_none(arguments[-1]) if arguments else None


def _without_none(annotation: Any) -> Any:
    if get_origin(annotation) in (Union, UnionType):
        return next((part for part in get_args(annotation) if part is not type(None)), None)
    return annotation
