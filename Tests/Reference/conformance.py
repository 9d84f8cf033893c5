"""Holds a running server against what others say of it: the OpenAPI validator, Prometheus' own parser, and the routes.

    python conformance.py http://127.0.0.1:8000 [API_KEY]

Prints one PASS or FAIL line for every check; exits with 1 when one fails. `.ci/conformance` adds the openai client and
Schemathesis, whose checks come out of the server's own document.
"""

import json
import sys
import urllib.error
import urllib.request

from openapi_spec_validator import validate
from prometheus_client.parser import text_string_to_metric_families

base = sys.argv[1].rstrip("/")
key = sys.argv[2] if len(sys.argv) > 2 else None
checks = []


def check(function):
    checks.append(function)
    return function


def ask(path, body=None, method=None, headers=None):
    """Status, headers and body of one call."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(base + path, data, headers or {}, method=method)
    if body is not None:
        request.add_header("Content-Type", "application/json")
    if key:
        request.add_header("Authorization", "Bearer " + key)
    try:
        with urllib.request.urlopen(request, timeout=120) as response:
            return response.status, response.headers, response.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read()


def expect_error(path, status, **call):
    found, headers, body = ask(path, **call)
    error = json.loads(body)["error"]
    assert found == status == error["code"], (found, body)
    assert {"message", "type", "param", "code"} <= set(error) and len(body) < 4096, body
    assert headers["x-request-id"]
    return headers


@check
def the_document_is_valid_openapi():
    status, headers, body = ask("/openapi.json")
    assert status == 200 and headers["content-type"] == "application/json"
    validate(json.loads(body))


@check
def metrics_parse_and_count():
    def families():
        status, headers, body = ask("/metrics")
        assert status == 200 and headers["content-type"].startswith("text/plain; version=0.0.4")
        return {family.name: family for family in text_string_to_metric_families(body.decode())}

    def stops(found):
        return sum(s.value for s in found["vllm:request_success"].samples if s.labels["finished_reason"] == "length")

    before = families()
    message = {"messages": [{"role": "user", "content": "hello"}], "max_tokens": 3, "ignore_eos": True}
    assert ask("/v1/chat/completions", message)[0] == 200
    after = families()
    assert stops(after) == stops(before) + 1
    histogram = after["vllm:time_to_first_token_seconds"]
    assert histogram.type == "histogram" and any(s.name.endswith("_bucket") for s in histogram.samples)
    assert ask("/v1/metrics")[0] == 200


@check
def the_small_routes_answer():
    for path in ("/version", "/v1/version", "/v1/metadata", "/v1/license", "/v1/manifest", "/docs", "/v1/health/live"):
        assert ask(path)[0] == 200, path
    assert json.loads(ask("/v1/health/ready")[2])["object"] == "health.response"
    model = json.loads(ask("/v1/models")[2])["data"][0]
    assert isinstance(model["created"], int) and isinstance(model["max_model_len"], int)
    assert json.loads(ask("/v1/models/" + model["id"])[2]) == model
    assert json.loads(ask("/v1/models/" + urllib.request.quote(model["id"], safe=""))[2]) == model


@check
def what_is_not_there_says_so():
    expect_error("/nope", 404)
    expect_error("/v1/models/nope", 404)
    assert "GET" in expect_error("/v1/models", 405, method="PUT")["allow"]


@check
def broken_bodies_are_named():
    for body in (b"{", b"", b"[]", b"\xff"):
        request = urllib.request.Request(
            base + "/v1/chat/completions", body, {"Content-Type": "application/json"}, method="POST")
        if key:
            request.add_header("Authorization", "Bearer " + key)
        try:
            urllib.request.urlopen(request, timeout=30)
            raise AssertionError("accepted")
        except urllib.error.HTTPError as error:
            assert error.code == 400, error.code


@check
def values_out_of_range_are_named():
    message = [{"role": "user", "content": "hello"}]
    for field, value in [
        ("temperature", -1), ("temperature", 2.5), ("temperature", "a"), ("top_p", 0), ("top_p", 1.1), ("top_k", -2),
        ("min_p", 2), ("n", 0), ("max_tokens", 0), ("presence_penalty", 3), ("frequency_penalty", -3),
        ("repetition_penalty", 0), ("stop", ["a"] * 5), ("stream_options", {"include_usage": True}),
    ]:
        status, _, body = ask("/v1/chat/completions", {"messages": message, field: value})
        assert status == 400, (field, value, status)
        assert field in (json.loads(body)["error"]["param"] or ""), (field, body)


@check
def tokens_go_back_and_forth():
    status, _, body = ask("/tokenize", {"prompt": "A dolphin, twice: dolphin."})
    tokens = json.loads(body)
    assert status == 200 and tokens["count"] == len(tokens["tokens"])
    assert json.loads(ask("/detokenize", {"tokens": tokens["tokens"]})[2])["prompt"] == "A dolphin, twice: dolphin."


if __name__ == "__main__":
    failed = 0
    for function in checks:
        try:
            function()
            print("PASS", function.__name__)
        except Exception as error:  # noqa: BLE001 - a check may fail in any way
            failed += 1
            print("FAIL", function.__name__, "-", type(error).__name__, error)
    sys.exit(1 if failed else 0)
