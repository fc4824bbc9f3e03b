"""Which document a request means: its own text, one that was registered, or a trusted one."""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from graphql import GraphQLSyntaxError, OperationDefinitionNode, parse

from graphql_schema.core.document_cache import DocumentCache
from graphql_schema.core.engine import Engine
from graphql_schema.core.errors import Refused, refusal
from graphql_schema.core.preparing import Prepared
from models.errors import DomainError, ErrorCode, Forbidden, Invalid

Outcome: TypeAlias = Literal["hit", "miss", "registered", "trusted", "refused"]
"""What became of a request that named its document, or of any while only trusted ones run."""

REGISTERED_BYTES = 8 << 20
"""The texts that clients may have remembered; one of more than an eighth is not."""


class PersistedQueryNotFound(DomainError):
    """The client is to send the text as well; its message and code are Apollo's."""

    code = ErrorCode.PERSISTED_QUERY_NOT_FOUND


class PersistedQueryNotSupported(DomainError):
    """The client is to send nothing but text; its message and code are Apollo's."""

    code = ErrorCode.PERSISTED_QUERY_NOT_SUPPORTED


@dataclass(frozen=True, slots=True)
class TrustedDocument:
    """A document that was checked at the start, and its operations by their names.

    Its only operation is also found under None.
    """

    text: str
    operations: Mapping[str | None, Prepared]


class TrustedDocuments:
    """Documents by id (without a prefix), by the SHA-256 of their text, and by their text."""

    def __init__(self, documents: Mapping[str, TrustedDocument]) -> None:
        self._by_id = {sha256(document.text): document for document in documents.values()}
        self._by_id |= documents
        self._by_text = {document.text: document for document in documents.values()}

    def find(self, document_id: str | None, text: str) -> TrustedDocument | None:
        """The document of that id, whatever the text: a client may have printed it otherwise."""
        found = self._by_id.get(bare(document_id)) if document_id is not None else None
        return found or self._by_text.get(text)


class Documents:
    """Finds the operation of a request, parsed and valid."""

    def __init__(
        self,
        engine: Engine,
        *,
        entries: int,
        trusted: TrustedDocuments | None = None,
        only_trusted: bool = False,
        tell: Callable[[Outcome], None] = lambda _outcome: None,
    ) -> None:
        """`entries` bounds the documents that clients may register; 0 allows none."""
        self._engine = engine
        self._registers = entries > 0
        self._texts: DocumentCache[str] = DocumentCache(entries=entries, size=REGISTERED_BYTES)
        self._trusted = trusted or TrustedDocuments({})
        self._only_trusted = only_trusted
        self._tell = tell

    def prepare(
        self, text: str, operation_name: str | None, document_id: str | None = None
    ) -> Prepared:
        """The operation to run; `text` is empty where the document is only named. Raises Refused.

        A trusted document is found without being looked at, a registered one as long as the
        engine remembers it.
        """
        trusted = self._trusted.find(document_id, text)
        if trusted is not None:
            self._tell("trusted")
            known = trusted.operations.get(operation_name)
            return known or self._engine.prepare(trusted.text, operation_name)
        if self._only_trusted:
            self._tell("refused")
            raise refused(Forbidden("Only trusted documents run here; this is none of them."))
        if document_id is None:
            return self._engine.prepare(text, operation_name)
        if text:
            return self._register(text, operation_name, bare(document_id))
        return self._recall(operation_name, bare(document_id))

    def _recall(self, operation_name: str | None, digest: str) -> Prepared:
        if not self._registers:
            raise refused(PersistedQueryNotSupported("PersistedQueryNotSupported"))
        text = self._texts.get(digest)
        if text is None:
            self._tell("miss")
            raise refused(PersistedQueryNotFound("PersistedQueryNotFound"))
        self._tell("hit")
        return self._engine.prepare(text, operation_name)

    def _register(self, text: str, operation_name: str | None, digest: str) -> Prepared:
        """Remember a text that is valid, so that nobody fills the room with what can't run."""
        if sha256(text) != digest:
            self._tell("refused")
            raise refused(Invalid("provided sha does not match query"))
        prepared = self._engine.prepare(text, operation_name)
        if self._registers and digest not in self._texts:
            self._texts.put(digest, text, 200 + 4 * len(text))
            self._tell("registered")
        return prepared


def check_trusted(engine: Engine, text: str) -> TrustedDocument:
    """Parse, validate and compile every operation of a document. Raises Refused."""
    operations: dict[str | None, Prepared] = {
        name: engine.prepare(text, name) for name in operation_names(text)
    }
    if len(operations) == 1:
        operations[None] = next(iter(operations.values()))
    return TrustedDocument(text, operations)


def operation_names(text: str) -> Iterable[str | None]:
    """The names of a document's operations; None for one without, or where there is none."""
    try:
        document = parse(text, no_location=True)
    except GraphQLSyntaxError:
        return [None]
    operations = [one for one in document.definitions if isinstance(one, OperationDefinitionNode)]
    return [one.name.value if one.name else None for one in operations] or [None]


def refused(error: DomainError) -> Refused:
    """A refusal of the whole operation."""
    return Refused([refusal(error)])


def sha256(text: str) -> str:
    """The digest by which a document is registered: 64 digits in lower case."""
    return hashlib.sha256(text.encode()).hexdigest()


def bare(document_id: str) -> str:
    """An id without the prefix that says it is a digest, as APQ and most manifests write it."""
    return document_id.removeprefix("sha256:")
