"""The JSON-RPC client against a node that misbehaves on command."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from aiohttp import web

from paripassu.errors import NodeRefused, NodeUnreachable
from paripassu.ledgers.evm.faults import Fault, NodeFault
from paripassu.ledgers.evm.rpc import JsonRpc, RetryPolicy

Answer = Callable[[list[dict[str, Any]]], web.Response]
POLICY = RetryPolicy(attempts=3, first_wait=0.01, timeout=0.5)


def echo(calls: list[dict[str, Any]]) -> web.Response:
    """Each call's result is its first parameter; the order is turned round, as JSON-RPC allows."""
    replies = [{"jsonrpc": "2.0", "id": call["id"], "result": call["params"][0]} for call in calls]
    return web.json_response(replies[::-1] if len(replies) > 1 else replies[0])


def error(code: int, message: str, data: Any = None) -> Answer:
    def answer(calls: list[dict[str, Any]]) -> web.Response:
        body = {"code": code, "message": message, "data": data}
        return web.json_response({"jsonrpc": "2.0", "id": calls[0]["id"], "error": body})

    return answer


class Node:
    """Answers by a script, one entry for each request; after its end it echoes."""

    def __init__(self) -> None:
        self.script: list[Answer] = []
        self.requests: list[list[dict[str, Any]]] = []
        self.url = ""

    async def serve(self, request: web.Request) -> web.Response:
        body = await request.json()
        calls = body if isinstance(body, list) else [body]
        self.requests.append(calls)
        return self.script.pop(0)(calls) if self.script else echo(calls)


@pytest.fixture
async def node() -> AsyncIterator[Node]:
    made = Node()
    application = web.Application()
    application.router.add_post("/key", made.serve)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    made.url = f"http://127.0.0.1:{port}/key"
    yield made
    await runner.cleanup()


@pytest.fixture
async def rpc(node: Node) -> AsyncIterator[JsonRpc]:
    async with JsonRpc("alpha", [node.url], POLICY) as client:
        yield client


async def test_batch_answers_come_in_the_order_of_the_calls(rpc: JsonRpc, node: Node) -> None:
    assert await rpc.batch([("echo", (number,)) for number in range(250)]) == list(range(250))
    assert [len(calls) for calls in node.requests] == [100, 100, 50]


@pytest.mark.parametrize(
    "broken",
    [
        lambda _: web.Response(status=502, text="<html>bad gateway</html>"),
        lambda _: web.Response(text="<html>maintenance</html>"),
        lambda _: web.json_response({"jsonrpc": "2.0", "id": -1, "result": "someone else's"}),
        error(-32005, "rate limit exceeded"),
    ],
    ids=["502", "html", "foreign", "rate limit"],
)
async def test_answer_that_is_none_is_asked_for_again(rpc: JsonRpc, node: Node, broken: Answer) -> None:
    node.script = [broken, broken]
    assert await rpc.call("echo", "fine") == "fine"
    assert len(node.requests) == 3


async def test_too_many_requests_waits_as_long_as_the_node_asks(rpc: JsonRpc, node: Node) -> None:
    node.script = [lambda _: web.Response(status=429, headers={"Retry-After": "1"})]
    started = time.monotonic()
    assert await rpc.call("echo", "fine") == "fine"
    assert time.monotonic() - started >= 1


async def test_retries_end_with_an_error_that_names_the_ledger_and_no_address(
    rpc: JsonRpc, node: Node
) -> None:
    node.script = [lambda _: web.Response(status=500)] * 10
    with pytest.raises(NodeUnreachable, match="alpha did not answer echo in 3 attempts: HTTP 500") as silent:
        await rpc.call("echo", 1)
    assert len(node.requests) == 3
    assert "127.0.0.1" not in str(silent.value)


async def test_an_error_answer_is_never_asked_for_again(rpc: JsonRpc, node: Node) -> None:
    node.script = [error(-32603, "nonce too low: next nonce 9, tx nonce 8")]
    with pytest.raises(NodeFault) as refused:
        await rpc.call("eth_sendRawTransaction", "0x00")
    assert refused.value.fault is Fault.NONCE_TOO_LOW
    assert len(node.requests) == 1


async def test_revert_data_comes_with_the_error(rpc: JsonRpc, node: Node) -> None:
    node.script = [error(3, "execution reverted", "0xdeadbeef")]
    with pytest.raises(NodeFault) as refused:
        await rpc.call("eth_call", {})
    assert refused.value.data == b"\xde\xad\xbe\xef"


async def test_one_refused_call_of_a_batch_leaves_the_others(rpc: JsonRpc, node: Node) -> None:
    def mixed(calls: list[dict[str, Any]]) -> web.Response:
        refusal = {"code": -32000, "message": "unknown block"}
        return web.json_response(
            [{"id": calls[0]["id"], "result": 1}, {"id": calls[1]["id"], "error": refusal}]
        )

    node.script = [mixed]
    first, second = await rpc.batch_with_faults([("a", ()), ("b", ())])
    assert first == 1
    assert isinstance(second, NodeFault)
    assert second.fault is Fault.UNKNOWN_BLOCK


async def test_refused_credentials_are_no_reason_to_retry(rpc: JsonRpc, node: Node) -> None:
    node.script = [lambda _: web.Response(status=401, text="who are you")]
    with pytest.raises(NodeRefused, match="credentials"):
        await rpc.call("echo", 1)
    assert len(node.requests) == 1


async def test_second_url_takes_over_when_the_first_is_gone(node: Node) -> None:
    async with JsonRpc("alpha", ["http://127.0.0.1:9", node.url], POLICY) as client:
        assert await client.call("echo", 1) == 1
        assert await client.call("echo", 2) == 2
    assert len(node.requests) == 2


async def test_call_once_is_sent_once(rpc: JsonRpc, node: Node) -> None:
    node.script = [lambda _: web.Response(status=500)] * 2
    with pytest.raises(NodeUnreachable):
        await rpc.call_once("echo", 1)
    assert len(node.requests) == 1


async def test_network_file_without_url_says_so() -> None:
    with pytest.raises(NodeUnreachable, match="No RPC URL"):
        await JsonRpc("alpha", [], POLICY).call("eth_chainId")
