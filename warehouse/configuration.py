"""Reading configuration files into checked models.

What belongs here: YAML to pydantic with errors a user can act on. What does not: the models themselves.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from warehouse.errors import ConfigurationError

Model = TypeVar("Model", bound=BaseModel)


def read_model(path: Path, model: type[Model]) -> Model:
    """Read a YAML file into a model.

    Raises ConfigurationError naming the file, the entry and what to change.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ConfigurationError(f"{path}: no such file; check the path") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path}: not readable as YAML: {error}; correct the file") from error
    try:
        return model.model_validate(content)
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(str(part) for part in problem['loc']) or 'file'}: {problem['msg']}"
            for problem in error.errors()
        )
        raise ConfigurationError(f"{path}: {problems}; correct these entries") from error


def content_hash(*paths: Path) -> str:
    """SHA-256 over the bytes of the files, in the order given; raises ConfigurationError where one is not there."""
    digest = hashlib.sha256()
    for path in paths:
        if not path.exists():
            raise ConfigurationError(f"{path}: no such file; check the path")
        digest.update(path.read_bytes())
    return digest.hexdigest()
