"""The settings of services that users connect, and of what is imported from them."""

from pydantic import Field, IPvAnyNetwork
from pydantic_settings import BaseSettings

from app.config_entries import ConnectionEntry


class ConnectionSettings(BaseSettings):
    """What may be connected, asked and taken over; see app.config."""

    connections: list[ConnectionEntry] = Field(
        default=[],
        description='The services that users may connect: `[{"id": "github", "client_id": …, '
        '"client_secret": …}]`, or `figma`. Needs `PUNNET_PUBLIC_URL`; see docs/connections.md.',
    )
    outgoing_allow: list[IPvAnyNetwork] = Field(
        default=[],
        description="Networks such as `10.1.0.0/16` in which connections and imports may ask too; "
        "unset, they ask public addresses alone, on ports 80 and 443.",
    )
    import_slots: int = Field(
        default=4, ge=1, description="Imports of projects that one worker carries out at once."
    )
    import_archive: int = Field(
        default=50 << 20,
        ge=1,
        le=(1 << 31) - 1,
        description="Bytes of an archive that is imported.",
    )
    import_file: int = Field(
        default=1 << 20, ge=1, description="Bytes of one of its files; larger ones are left out."
    )
    import_text: int = Field(
        default=10 << 20, ge=1, description="Bytes of all files that are taken of it."
    )
    import_timeout: float = Field(
        default=300.0, gt=0, description="Seconds that fetching an archive may take."
    )
