"""The one secret of an installation, and the keys made from it."""

import os
import secrets
import stat
import tempfile
from pathlib import Path

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from pydantic import SecretStr

from app.config import Settings

SHORTEST = 32


class BadConfiguration(ValueError):
    """The settings do not allow a safe start; the message says which and what to do."""


def load_secret(settings: Settings) -> bytes:
    """The secret from `PUNNET_SECRET`, or the one kept in `data_dir/secret`.

    The file (mode 0600) is made at the first start, and only in development or beside the
    embedded database: several servers on one external database must share a secret, and a file
    on each of them would differ. Processes that start at once agree on one file. Blocks on the
    disk. Raises BadConfiguration.
    """
    if settings.secret is not None:
        return _given(settings.secret, "PUNNET_SECRET")
    if not settings.dev and settings.database_url is not None:
        raise BadConfiguration(
            "PUNNET_SECRET is not set. With PUNNET_DATABASE_URL every server needs the same "
            f"secret of at least {SHORTEST} characters."
        )
    path = settings.data_dir / "secret"
    if not path.exists():
        _create(path)
    return _read(path)


def derive_key(secret: bytes, purpose: str) -> bytes:
    """A key of 32 bytes for one purpose (HKDF-SHA256): what one signs, no other accepts."""
    info = b"punnet:" + purpose.encode()
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=info).derive(secret)


def previous_keys(settings: Settings, purpose: str) -> list[bytes]:
    """The keys of one purpose that were made from previous secrets. Raises BadConfiguration."""
    name = "Each of PUNNET_PREVIOUS_SECRETS"
    return [derive_key(_given(one, name), purpose) for one in settings.previous_secrets]


def _given(secret: SecretStr, name: str) -> bytes:
    value = secret.get_secret_value()
    if len(value) < SHORTEST:
        raise BadConfiguration(f"{name} must have at least {SHORTEST} characters.")
    # The environment may hold bytes that are not UTF-8; they come back as they were.
    return value.encode("utf-8", "surrogateescape")


def _create(path: Path) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # mkstemp makes the file with mode 0600. A link appears whole or not at all, and fails when
    # another process was first, so nobody ever reads half a secret or replaces one in use.
    handle, draft = tempfile.mkstemp(prefix=".secret-", dir=path.parent)
    try:
        with os.fdopen(handle, "w") as file:
            file.write(secrets.token_urlsafe(48) + "\n")
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(draft, path)
        except FileExistsError:
            return
    finally:
        Path(draft).unlink()


def _read(path: Path) -> bytes:
    try:
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            path.chmod(0o600)
        value = path.read_bytes().strip()
    except OSError as error:
        raise BadConfiguration(f"{path} cannot be read or closed to others: {error}") from error
    if len(value) < SHORTEST:
        raise BadConfiguration(
            f"{path} is damaged. Restore it, or remove it to have a new one made; guests signed "
            "in with the old one lose their work."
        )
    return value
