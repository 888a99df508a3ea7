"""The one JSON-RPC client of the package: keep-alive, single and batch calls, bounded retries.

Retried: what never reached the node or came back broken (connection, timeout,
429, 5xx, an answer that is not JSON-RPC), with exponential backoff and jitter,
and no sooner than `Retry-After` says. Never retried: an answer. Sending the
same signed bytes twice is harmless, so every method may be retried.
Errors name the ledger and never an address: an RPC URL often holds a key.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import aiohttp
import msgspec

from paripassu.errors import NodeRefused, NodeUnreachable
from paripassu.ledgers.evm.faults import Fault, NodeFault, revert_data

Request = tuple[str, Sequence[object]]


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Bounds of retrying: `attempts` in all, waits in seconds, `timeout` for one HTTP exchange."""

    attempts: int = 5
    first_wait: float = 0.1
    longest_wait: float = 5.0
    timeout: float = 15.0


class _Error(msgspec.Struct):
    code: int = 0
    message: str = ""
    data: Any = None


class _Reply(msgspec.Struct):
    id: int | str | None = None
    result: Any = None
    error: _Error | None = None


_one = msgspec.json.Decoder(_Reply)
_many = msgspec.json.Decoder(list[_Reply])


class _TransportError(Exception):
    """Nothing usable came back. `wait` is what the server asked for, in seconds."""

    def __init__(self, why: str, wait: float = 0.0) -> None:
        super().__init__(why)
        self.wait = wait


class JsonRpc:
    """JSON-RPC over HTTP to one ledger's node or nodes.

    Several URLs are alternatives: one is used until it fails, so that answers
    that must fit together come from one node.
    """

    def __init__(self, ledger: str, urls: Sequence[str], retry: RetryPolicy | None = None) -> None:
        self.ledger = ledger
        self._urls = tuple(urls)
        self._retry = retry or RetryPolicy()
        self._current = 0
        self._next_id = 0
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> JsonRpc:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections; a later call opens them again."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def call(self, method: str, *params: object) -> Any:
        """One call; returns `result`. Raises NodeFault for an error answer, NodeUnreachable for none."""
        return (await self.batch([(method, params)]))[0]

    async def call_once(self, method: str, *params: object) -> Any:
        """One call that is not repeated: for what the caller must look up before it asks again."""
        return _raised((await self._exchange([(method, params)], attempts=1))[0])

    async def batch(self, requests: Sequence[Request], size: int = 100) -> list[Any]:
        """Many calls, results in order; the first error answer is raised as NodeFault."""
        return [_raised(result) for result in await self.batch_with_faults(requests, size)]

    async def batch_with_faults(self, requests: Sequence[Request], size: int = 100) -> list[Any]:
        """Many calls; an error answer stands in its place as a NodeFault instead of being raised."""
        results: list[Any] = []
        for start in range(0, len(requests), size):
            results.extend(await self._exchange(requests[start : start + size]))
        return results

    async def _exchange(self, requests: Sequence[Request], attempts: int = 0) -> list[Any]:
        if not self._urls:
            raise NodeUnreachable(f"No RPC URL is configured for {self.ledger}.")
        wait = self._retry.first_wait
        attempts = attempts or self._retry.attempts
        for attempt in range(1, attempts + 1):
            try:
                replies = await self._post(requests)
                return self._results(requests, replies)
            except _TransportError as error:
                if attempt == attempts:
                    raise NodeUnreachable(
                        f"The node of {self.ledger} did not answer {requests[0][0]} "
                        f"in {attempt} attempts: {error}."
                    ) from None
                self._current = (self._current + 1) % len(self._urls)
                pause = min(max(wait * random.uniform(0.75, 1.25), error.wait), self._retry.longest_wait)
                await asyncio.sleep(pause)
                wait *= 2
        raise AssertionError("unreachable")

    async def _post(self, requests: Sequence[Request]) -> list[_Reply]:
        body = [
            {"jsonrpc": "2.0", "id": self._fresh_id(), "method": method, "params": list(params)}
            for method, params in requests
        ]
        single = len(body) == 1
        try:
            async with self._connected().post(
                self._urls[self._current],
                data=msgspec.json.encode(body[0] if single else body),
                headers={"Content-Type": "application/json"},
            ) as response:
                content = await response.read()
                status, asked = response.status, response.headers.get("Retry-After", "")
        except TimeoutError:
            raise _TransportError(f"no answer within {self._retry.timeout:g} s") from None
        except aiohttp.ClientConnectorError:
            raise _TransportError("connection refused") from None
        except (aiohttp.ClientError, OSError) as error:
            raise _TransportError(f"connection lost ({type(error).__name__})") from None
        if status == 429 or status >= 500:
            raise _TransportError(f"HTTP {status}", float(asked) if asked.isdigit() else 0.0)
        return self._matched(content, status, [int(str(call["id"])) for call in body])

    def _matched(self, content: bytes, status: int, ids: list[int]) -> list[_Reply]:
        """Replies in the order of `ids`; a short, doubled or foreign answer is no answer."""
        try:
            replies = _many.decode(content) if content.lstrip()[:1] == b"[" else [_one.decode(content)]
        except msgspec.DecodeError:
            if status in (401, 403):
                raise NodeRefused(f"The node of {self.ledger} refused the credentials.") from None
            raise _TransportError(f"an answer that is not JSON-RPC (HTTP {status})") from None
        if len(replies) == 1 and replies[0].error is not None:
            return replies * len(ids)  # the node refused the batch as a whole
        by_id = {reply.id: reply for reply in replies}
        if set(by_id) != set(ids) or len(replies) != len(ids):
            raise _TransportError("an answer to something else")
        return [by_id[call_id] for call_id in ids]

    def _results(self, requests: Sequence[Request], replies: list[_Reply]) -> list[Any]:
        results: list[Any] = []
        for (method, _), reply in zip(requests, replies, strict=True):
            if reply.error is None:
                results.append(reply.result)
                continue
            error = reply.error
            fault = NodeFault(self.ledger, method, error.code, error.message, revert_data(error.data))
            if fault.fault is Fault.RATE_LIMITED:
                raise _TransportError("rate limited")
            results.append(fault)
        return results

    def _fresh_id(self) -> int:
        self._next_id += 1
        return self._next_id

    def _connected(self) -> aiohttp.ClientSession:
        if self._session is None or self._session.closed:
            self._session = aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(total=self._retry.timeout),
                connector=aiohttp.TCPConnector(limit=16, keepalive_timeout=30),
            )
        return self._session


def _raised(result: Any) -> Any:
    if isinstance(result, NodeFault):
        raise result
    return result
