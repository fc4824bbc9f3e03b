"""Uploads in the API: announced here, sent by HTTP, completed here."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import strawberry

from graphql_schema.core.context import context_of
from graphql_schema.core.mutations import acting, given, into, key_field, mutation
from models.files import uploads
from models.files.stored_files import FilePurpose
from models.storing import UploadTarget

if TYPE_CHECKING:
    from graphql_schema.files.stored_files import StoredFile


@strawberry.input(description="A file to upload.")
class CreateUploadInput:
    file_name: str = given("Its name without folders, at most 255 characters; a label only.")
    content_type: str = given("Its media type, such as `image/png`.")
    size: int = given("Its size in bytes, at most 10,485,760.")
    sha256: str | None = given("SHA-256 of its bytes, in hexadecimal, to be checked.", default=None)
    purpose: FilePurpose = given("What it is for.", default=FilePurpose.ATTACHMENT)
    idempotency_key: str | None = key_field()


@strawberry.input(description="An upload whose bytes were sent.")
class CompleteUploadInput:
    id: strawberry.ID = given("The file.")


@strawberry.input(description="A file to give up.")
class DeleteFileInput:
    id: strawberry.ID = given("Which one.")


@strawberry.type(description="A header to send.")
class UploadHeader:
    name: str = strawberry.field(description="Its name.")
    value: str = strawberry.field(description="Its value.")


@strawberry.type(description="Where to send the bytes of a file.")
class UploadRequest:
    method: str = strawberry.field(description="Always `PUT`.")
    url: str = strawberry.field(description="Where to; resolve it against the endpoint's address.")
    headers: list[UploadHeader] = strawberry.field(description="The headers to send with them.")
    expires_at: datetime = strawberry.field(description="Until when, as often as need be.")


@strawberry.type(description="An announced file, and where to send it.")
class CreateUploadPayload:
    file: StoredFile = strawberry.field(description="The file, which is pending.")
    upload: UploadRequest = strawberry.field(description="How to send its bytes.")


@strawberry.type(description="The file that is complete.")
class CompleteUploadPayload:
    file: StoredFile = strawberry.field(description="The file, which is ready.")


@strawberry.type(description="The file that is gone.")
class DeleteFilePayload:
    deleted_file_id: strawberry.ID = strawberry.field(description="The file's id.")


@strawberry.type
class Mutation:
    @mutation("Announce a file and learn where to send its bytes.")
    async def create_upload(
        self, info: strawberry.Info, input: CreateUploadInput
    ) -> CreateUploadPayload:
        new = into(uploads.NewUpload, input)
        row: Any = await uploads.create_upload(acting(info, input), new)
        target = await uploads.target_of(context_of(info).ports.files, row)
        return CreateUploadPayload(file=row, upload=_request(target))

    @mutation("Have the bytes that were sent checked and kept.")
    async def complete_upload(
        self, info: strawberry.Info, input: CompleteUploadInput
    ) -> CompleteUploadPayload:
        files = context_of(info).ports.files
        row: Any = await uploads.complete_upload(acting(info, input), files, input.id)
        return CompleteUploadPayload(file=row)

    @mutation("Give up a file that nothing refers to.")
    async def delete_file(self, info: strawberry.Info, input: DeleteFileInput) -> DeleteFilePayload:
        gone = await uploads.delete_file(acting(info, input), input.id)
        return DeleteFilePayload(deleted_file_id=strawberry.ID(gone))


def _request(target: UploadTarget) -> UploadRequest:
    headers = [UploadHeader(name=name, value=value) for name, value in target.headers.items()]
    return UploadRequest(method="PUT", url=target.url, headers=headers, expires_at=target.until)
