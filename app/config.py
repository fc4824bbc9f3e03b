"""Settings from the environment (`PUNNET_*`), read once."""

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

from app.config_connections import ConnectionSettings
from app.config_credits import CreditSettings
from app.config_entries import DEFAULT_MODELS, ModelEntry, SignInProvider
from app.config_limits import LimitSettings
from app.config_polar import PolarSettings


class Settings(LimitSettings, CreditSettings, PolarSettings, ConnectionSettings):
    """Every setting, its unit and its default."""

    model_config = SettingsConfigDict(env_prefix="PUNNET_", extra="ignore")

    host: str = Field(default="127.0.0.1", description="Address the server listens on.")
    port: int = Field(default=8000, description="Port the server listens on; 0 picks a free one.")
    dev: bool = Field(
        default=False,
        description="Development: GraphiQL, loopback origins, tokens signed here.",
    )
    demo_page: bool = Field(
        default=False, description="Show the chat at `/demo`; in development it is always there."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="The least severe log lines that are written."
    )
    log_format: Literal["json", "console"] = Field(
        default="json", description="Log lines as JSON, or coloured for people."
    )

    database_url: SecretStr | None = Field(
        default=None,
        description="PostgreSQL 16 or newer; unset starts the embedded one in `PUNNET_DATA_DIR`.",
    )
    data_dir: Path = Field(
        default=Path(".punnet"),
        description="Where the embedded PostgreSQL, the local secret and files live.",
    )
    pool_size: int = Field(
        default=20, ge=4, description="PostgreSQL connections for requests; 5 more serve the rest."
    )

    secret: SecretStr | None = Field(
        default=None,
        description="Signs guest tokens, cursors and links, and encrypts secrets. Unset in "
        "development: made once and kept in `PUNNET_DATA_DIR`. At least 32 characters.",
    )
    previous_secrets: list[SecretStr] = Field(
        default=[],
        description="Other secrets that still hold, as JSON: what they signed is accepted, and "
        "what they encrypted opens, until `punnet rotate-keys` has encrypted it anew.",
    )
    jwt_issuer: str | None = Field(
        default=None, description="`iss` of the identity provider; its JWKS is found from it."
    )
    jwt_audience: str | None = Field(default=None, description="Required `aud`; unset accepts any.")
    jwks_url: str | None = Field(
        default=None,
        description="Where the signing keys are; default: `<issuer>/.well-known/jwks.json`.",
    )
    jwt_algorithms: list[str] = Field(
        default=["RS256", "ES256", "EdDSA"], description="Accepted `alg`."
    )
    jwt_leeway: int = Field(default=30, description="Seconds of clock difference forgiven.")

    origins: list[str] = Field(
        default=[],
        description="Origins that browsers may call from, for CORS and WebSockets alike; in "
        "development every loopback origin as well. `*` is refused.",
    )

    public_url: str | None = Field(
        default=None,
        description="Where clients reach this server, such as `https://api.example.com`. Unset in "
        "development: cookies for plain HTTP; otherwise they need HTTPS.",
    )
    trusted_proxies: list[str] = Field(
        default=[],
        description="Networks of your proxies, such as `10.0.0.0/8`: their `X-Forwarded-For` tells "
        "the address by which guessing is limited. Unset, the address of the connection does.",
    )
    app_url: str = Field(
        default="http://localhost:3000",
        description="Your front end, to whose pages the links in mails lead.",
    )
    smtp_url: SecretStr | None = Field(
        default=None,
        description="`smtp://user:password@host:587` or `smtps://…:465`; unset prints mails in "
        "development, and sends none otherwise.",
    )
    mail_from: str = Field(
        default="Punnet <no-reply@localhost>", description="The sender of mails."
    )
    sign_in_providers: list[SignInProvider] = Field(
        default=[],
        description='Who else may say who a user is: `[{"id": "google", "client_id": …, '
        '"client_secret": …}]`; others need their `issuer`. Needs `PUNNET_PUBLIC_URL`.',
    )
    identity_webhook_secret: SecretStr | None = Field(
        default=None,
        description="`whsec_…`: signs what your identity provider posts to `/webhooks/identity`.",
    )
    session_days: float = Field(
        default=30.0, gt=0, description="Days after which a session ends unless it is renewed."
    )
    sign_in_tries: int = Field(
        default=10, ge=1, description="Passwords or mails that one account may be tried with."
    )
    address_tries: int = Field(
        default=100, ge=1, description="The same for one address, whatever the accounts."
    )
    tries_window: float = Field(
        default=900.0, gt=0, description="Seconds in which these tries are counted."
    )
    password_memory: int = Field(
        default=19_456, ge=8, description="KiB of memory that hashing a password takes (Argon2id)."
    )
    password_rounds: int = Field(default=2, ge=1, description="Rounds of hashing a password.")
    password_threads: int = Field(
        default=2, ge=1, description="Passwords that one process hashes at once."
    )
    password_queue: int = Field(
        default=100, ge=0, description="Passwords that may wait to be hashed."
    )

    storage_url: str | None = Field(
        default=None,
        description="Where files are kept: `s3://bucket/folder`, at Amazon or whoever speaks S3. "
        "Unset: in `PUNNET_DATA_DIR`, which all servers and workers must share.",
    )
    storage_endpoint: str | None = Field(
        default=None,
        description="Where the bucket is reached, by us and by clients; default: Amazon's.",
    )
    storage_region: str | None = Field(default=None, description="The bucket's region.")
    storage_access_key: str | None = Field(
        default=None, description="The id of the bucket's key; default: as Amazon's tools find it."
    )
    storage_secret_key: SecretStr | None = Field(default=None, description="The key itself.")
    uploads: int = Field(default=100, ge=1, description="Uploads that one server takes at once.")
    user_uploads: int = Field(default=5, ge=1, description="The same of one user.")
    upload_timeout: float = Field(
        default=120.0, gt=0, description="Seconds that an upload may take."
    )

    models: list[ModelEntry] = Field(default=DEFAULT_MODELS, description="The models on offer.")
    default_model: str = Field(
        default="mock:raypx-1", description="Used when nobody chose another."
    )
    openai_base_url: str | None = Field(
        default=None, description="URL of an OpenAI-compatible endpoint, for models `openai:…`."
    )
    openai_api_key: SecretStr | None = Field(default=None, description="The key of that endpoint.")
    openai_timeout: float = Field(
        default=60.0, gt=0, description="Seconds without a byte after which an answer is given up."
    )

    tools: list[str] = Field(
        default=[],
        description="Functions that models may call, each `module:attribute`; see docs/tools.md.",
    )

    worker: bool = Field(default=True, description="Run a generation worker inside `punnet serve`.")
    worker_slots: int = Field(default=32, ge=1, description="Generations one worker runs at once.")
    user_slots: int = Field(default=3, ge=1, description="Generations at once per user.")
    lease: float = Field(
        default=45.0, gt=0, description="Seconds a generation lives without a heartbeat."
    )

    introspection: bool = Field(
        default=True, description="Whether clients may ask for the schema, as code generators do."
    )
    persisted_queries: int = Field(
        default=2_000,
        ge=0,
        description="Documents that clients may register by their hash (APQ), 8 MiB at most; "
        "0 turns it off.",
    )
    trusted_documents: Path | None = Field(
        default=None,
        description="A JSON file of trusted documents, or a folder of them; read at the start.",
    )
    only_trusted_documents: bool = Field(
        default=False,
        description="Run no other documents; `PUNNET_TRUSTED_DOCUMENTS` is needed.",
    )
    max_body: int = Field(default=1 << 20, description="Bytes of a request body.")
    max_tokens: int = Field(default=4_000, description="Lexical tokens of a document.")
    max_depth: int = Field(default=12, description="Nested selection sets of an operation.")
    max_cost: int = Field(default=20_000, description="Rows and fields an operation may ask for.")
    max_aliases: int = Field(default=100, description="Aliased fields of an operation.")
    request_timeout: float = Field(default=15.0, description="Seconds an operation may take.")
    slow_operation: float = Field(
        default=0.5,
        ge=0,
        description="Seconds from which a query or mutation is slow: listed by `punnet slow`.",
    )
    socket_message: int = Field(
        default=256 << 10, description="Bytes of one message on a WebSocket."
    )
    socket_operations: int = Field(default=50, description="Operations at once per WebSocket.")
    user_sockets: int = Field(
        default=50, description="WebSockets and event streams at once per user."
    )
    socket_queue: int = Field(default=1_000, description="Events that may wait for a slow reader.")
    init_timeout: float = Field(
        default=10.0, description="Seconds a socket may wait with connection_init."
    )
    ping_interval: float = Field(
        default=20.0, description="Seconds between pings of a silent socket."
    )
