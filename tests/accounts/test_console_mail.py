"""Mails in development: printed by the server, with links that hold when they are copied."""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
from asyncio.subprocess import DEVNULL, PIPE

from aiohttp import ClientSession

from tests.harness.accounts import PASSWORD, sign_in
from tests.harness.api import SECRET, Api

ENVIRONMENT = {"PUNNET_DEV": "true", "PUNNET_PORT": "0", "PUNNET_SECRET": SECRET, "COLUMNS": "60"}
LINK = re.compile(rb"^http://\S+/verify-email#token=(\S+)$")


async def test_a_printed_link_ends_signing_up(database: str) -> None:
    server = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "app", "serve"),
        env=os.environ | ENVIRONMENT | {"PUNNET_DATABASE_URL": database},
        stdin=DEVNULL,
        stdout=PIPE,
        stderr=PIPE,
    )
    assert server.stdout
    assert server.stderr
    try:
        async with asyncio.timeout(60), ClientSession() as session:
            told = json.loads((await _line(server.stderr, re.compile(rb'.*"serving".*')))[0])
            nobody = Api(session, f"http://{told['host']}:{told['port']}", None)
            given = {"email": "ada@example.com", "password": PASSWORD}
            await nobody.do("signUp", "{ email }", **given, name="[red]:cat:")
            token = (await _line(server.stdout, LINK))[1].decode()
            await nobody.do("verifyEmail", "{ email }", token=token, password=PASSWORD)
            made = await sign_in(nobody, given["email"])
            assert made["user"]["name"] == "[red]:cat:"
    finally:
        server.terminate()
        await server.communicate()


async def _line(stream: asyncio.StreamReader, wanted: re.Pattern[bytes]) -> re.Match[bytes]:
    """The next line of a form. Raises EOFError."""
    async for line in stream:
        found = wanted.match(line.rstrip(b"\n"))
        if found is not None:
            return found
    raise EOFError
