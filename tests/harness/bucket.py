"""A bucket that speaks as much of S3 as storing files takes, and checks every signature."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote
from xml.sax.saxutils import escape

from aiohttp import web

KEY, SECRET, REGION, NAME = "key-id", "the secret of the bucket", "eu-test-1", "punnet"
FORM = "%Y%m%dT%H%M%SZ"


@dataclass
class Bucket:
    """What was put; `url` and `settings` lead a server to it."""

    url: str = ""
    objects: dict[str, bytes] = field(default_factory=dict)
    down: bool = False

    @property
    def settings(self) -> dict[str, str]:
        """The settings of a server that keeps files here, in a folder."""
        return {
            "storage_url": f"s3://{NAME}/files",
            "storage_endpoint": self.url,
            "storage_region": REGION,
            "storage_access_key": KEY,
            "storage_secret_key": SECRET,
        }

    async def handle(self, request: web.Request) -> web.Response:
        """One request of S3."""
        if self.down:
            return web.Response(status=403)
        if not signed(request):
            return web.Response(status=403, text="SignatureDoesNotMatch")
        key = request.match_info["key"]
        if request.method == "PUT":
            self.objects[key] = await request.read()
            return web.Response(headers={"ETag": '"1"'})
        if request.method == "POST" and "delete" in request.query:
            return self._deleted(await request.text())
        if not key:
            return self._listed(request.query.get("prefix", ""))
        return self._found(request, key)

    def _deleted(self, asked: str) -> web.Response:
        keys = re.findall("<Key>(.*?)</Key>", asked)
        for key in keys:
            self.objects.pop(key, None)
        told = "".join(f"<Deleted><Key>{key}</Key></Deleted>" for key in keys)
        text = f"<DeleteResult>{told}</DeleteResult>"
        return web.Response(text=text, content_type="application/xml")

    def _found(self, request: web.Request, key: str) -> web.Response:
        if key not in self.objects:
            return web.Response(status=404)
        data, headers = self.objects[key], {"ETag": '"1"', "Last-Modified": LAST}
        wanted = request.http_range
        if wanted.start is None:
            return web.Response(body=data, headers=headers)
        start, end, _ = wanted.indices(len(data))
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{len(data)}"
        return web.Response(status=206, body=data[start:end], headers=headers)

    def _listed(self, prefix: str) -> web.Response:
        found = "".join(
            f"<Contents><Key>{escape(key)}</Key><LastModified>2026-01-01T00:00:00Z</LastModified>"
            f'<ETag>"1"</ETag><Size>{len(data)}</Size></Contents>'
            for key, data in sorted(self.objects.items())
            if key.startswith(prefix)
        )
        text = f"<ListBucketResult><IsTruncated>false</IsTruncated>{found}</ListBucketResult>"
        return web.Response(text=text, content_type="application/xml")


LAST = "Thu, 01 Jan 2026 00:00:00 GMT"


def signed(request: web.Request) -> bool:
    """Whether a request has a signature of the bucket's key that holds, in a header or the URL."""
    if "X-Amz-Signature" in request.query:
        return _signed_by_url(request)
    words = request.headers.get("Authorization", "").replace(",", " ").split()
    told = dict(word.split("=", 1) for word in words[1:])
    names = told.get("SignedHeaders", "").split(";")
    at, body = request.headers["X-Amz-Date"], request.headers["X-Amz-Content-Sha256"]
    wanted = _signature(request, names, at, body, leave_out=())
    return hmac.compare_digest(told["Signature"], wanted)


def _signed_by_url(request: web.Request) -> bool:
    query = request.query
    at, lasts = query["X-Amz-Date"], timedelta(seconds=int(query["X-Amz-Expires"]))
    ends = datetime.strptime(at, FORM).replace(tzinfo=UTC) + lasts
    names = query["X-Amz-SignedHeaders"].split(";")
    wanted = _signature(request, names, at, "UNSIGNED-PAYLOAD", leave_out=("X-Amz-Signature",))
    return hmac.compare_digest(query["X-Amz-Signature"], wanted) and datetime.now(UTC) < ends


def _signature(
    request: web.Request, names: list[str], at: str, body: str, *, leave_out: tuple[str, ...]
) -> str:
    """AWS Signature Version 4."""
    pairs = sorted((k, v) for k, v in request.query.items() if k not in leave_out)
    query = "&".join(f"{quote(k, safe='-_.~')}={quote(v, safe='-_.~')}" for k, v in pairs)
    headers = "".join(f"{name}:{request.headers[name].strip()}\n" for name in names)
    path = request.raw_path.partition("?")[0]
    asked = "\n".join([request.method, path, query, headers, ";".join(names), body])
    scope = f"{at[:8]}/{REGION}/s3/aws4_request"
    text = f"AWS4-HMAC-SHA256\n{at}\n{scope}\n{hashlib.sha256(asked.encode()).hexdigest()}"
    key = f"AWS4{SECRET}".encode()
    for part in (at[:8], REGION, "s3", "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return hmac.digest(key, text.encode(), "sha256").hex()


@asynccontextmanager
async def bucket_running() -> AsyncIterator[Bucket]:
    """A bucket on a port of its own."""
    bucket, app = Bucket(), web.Application(client_max_size=20 << 20)
    app.router.add_route("*", f"/{NAME}{{slash:/?}}{{key:.*}}", bucket.handle)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        address: Any = runner.addresses[0]
        bucket.url = f"http://127.0.0.1:{address[1]}"
        yield bucket
    finally:
        await runner.cleanup()
