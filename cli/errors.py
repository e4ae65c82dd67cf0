"""How a command ends that could not be done: one line on stderr, and an exit code."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

import typer

from services.errors import EmbeddedBusy, KatoTenantsError, SettingsError
from services.visible import visible

EXIT_FAILED, EXIT_SETTINGS, EXIT_BUSY = 1, 2, 3


@contextmanager
def one_line_errors(*, failed: int = EXIT_FAILED) -> Iterator[None]:
    """Turn this product's errors into one line on stderr and an exit code.

    `failed` is the code for what could not be done.
    """
    try:
        yield
    except EmbeddedBusy as exc:
        fail(str(exc), EXIT_BUSY)
    except SettingsError as exc:
        fail(str(exc), EXIT_SETTINGS)
    except KatoTenantsError as exc:
        fail(str(exc), failed)


def fail(message: str, code: int) -> NoReturn:
    """Say why in one line, and exit."""
    typer.echo(f"kato-tenants: {visible(' '.join(message.splitlines()))}", err=True)
    raise typer.Exit(code)
