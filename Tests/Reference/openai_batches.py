"""Drives a running server's files and batches with the official openai client (written against 3.57).

    python openai_batches.py http://127.0.0.1:8000/v1 [API_KEY]

Prints one PASS or FAIL line for every check; exits with 1 when one fails. Makes nothing but requests.
"""

import hashlib
import io
import json
import os
import sys
import time

import openai

base_url = sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8000/v1"
api_key = sys.argv[2] if len(sys.argv) > 2 else os.environ.get("OPENAI_API_KEY", "not-used")
client = openai.OpenAI(base_url=base_url, api_key=api_key, max_retries=0, timeout=300)
model = client.models.list().data[0].id
checks = []

# Eight by eight red pixels.
PICTURE = "data:image/png;base64," + (
    "iVBORw0KGgoAAAANSUhEUgAAAAgAAAAICAIAAABLbSncAAAAEUlEQVR4nGO4"
    "oKCAFTEMLQkAvk5EAfjoixEAAAAASUVORK5CYII=")
ORDER = ["validating", "in_progress", "finalizing", "completed"]


def check(function):
    checks.append(function)
    return function


def line(custom_id, content="Say a word.", **body):
    body = {"model": model, "max_tokens": 8, "temperature": 0,
            "messages": [{"role": "user", "content": content}], **body}
    return {"custom_id": custom_id, "method": "POST", "url": "/v1/chat/completions", "body": body}


def upload(lines, name="in.jsonl"):
    text = "\n".join(json.dumps(entry) if isinstance(entry, dict) else entry for entry in lines)
    return client.files.create(file=(name, text.encode()), purpose="batch")


def create(file, **fields):
    arguments = {"input_file_id": file, "endpoint": "/v1/chat/completions", "completion_window": "24h", **fields}
    return client.batches.create(**arguments)


def finished(batch, until=300):
    """The batch at its end, and every status that was seen."""
    seen, counts, end = [batch.status], (0, 0), time.monotonic() + until
    while batch.status not in ("completed", "failed", "expired", "cancelled"):
        assert time.monotonic() < end, batch
        time.sleep(0.05)
        batch = client.batches.retrieve(batch.id)
        if seen[-1] != batch.status:
            seen.append(batch.status)
        now = (batch.request_counts.completed, batch.request_counts.failed)
        assert now >= counts and sum(now) <= max(batch.request_counts.total, 0), (counts, now)
        counts = now
    return batch, seen


def lines_of(file):
    rows = [json.loads(row) for row in client.files.content(file).text.splitlines()]
    assert len({row["custom_id"] for row in rows}) == len(rows)
    return {row["custom_id"]: row for row in rows}


def expect_error(kind, status, call, param=None):
    try:
        call()
    except kind as error:
        assert error.status_code == status, f"status {error.status_code}"
        assert param is None or error.param == param, error.body
        return
    raise AssertionError(f"no {kind.__name__}")


@check
def f1_a_file_keeps_its_bytes_and_its_name():
    content = "{\"ä\": \"日本\"}\n".encode()
    file = client.files.create(file=("größe 日本.jsonl", content), purpose="batch")
    assert file.id.startswith("file-") and file.object == "file" and file.bytes == len(content)
    assert file.filename == "größe 日本.jsonl" and file.purpose == "batch" and file.status == "processed"
    assert client.files.retrieve(file.id) == file
    assert client.files.wait_for_processing(file.id).status == "processed"
    assert client.files.content(file.id).content == content


@check
def f2_what_is_no_upload_is_refused():
    expect_error(openai.BadRequestError, 400, lambda: client.files.create(file=("a", b"x"), purpose="nonsense"), "purpose")
    expect_error(openai.BadRequestError, 400, lambda: client.files.create(file=("a", b""), purpose="batch"), "file")
    expect_error(openai.BadRequestError, 400, lambda: client.post(
        "/files", cast_to=object, body={"purpose": "batch"}))


@check
def f3_every_one_of_250_files_is_listed_once():
    made = [client.files.create(file=(f"{number}", b"x"), purpose="evals").id for number in range(250)]
    listed = [file.id for file in client.files.list(purpose="evals", limit=40)]
    assert listed[:250] == made[::-1] and len(set(listed)) == len(listed)
    assert [file.id for file in client.files.list(purpose="evals", limit=100, order="asc")][-250:] == made
    for id in made:
        client.files.delete(id)


@check
def f4_content_is_exact_and_a_deleted_file_is_gone():
    content = os.urandom(3_000_000) + b"\r\n--"
    file = client.files.create(file=io.BytesIO(content), purpose="user_data")
    assert hashlib.sha256(client.files.content(file.id).content).digest() == hashlib.sha256(content).digest()
    deleted = client.files.delete(file.id)
    assert deleted.deleted and deleted.id == file.id
    expect_error(openai.NotFoundError, 404, lambda: client.files.retrieve(file.id))
    expect_error(openai.NotFoundError, 404, lambda: client.files.content(file.id))


@check
def f5_a_file_expires_when_its_client_says():
    file = client.files.create(
        file=("a", b"x"), purpose="batch", expires_after={"anchor": "created_at", "seconds": 3600})
    assert file.expires_at == file.created_at + 3600


@check
def b1_b2_a_batch_runs_through_and_its_usage_is_the_sum():
    picture = [{"type": "image_url", "image_url": {"url": PICTURE}}, {"type": "text", "text": "What?"}]
    file = upload([line(f"r{number}", picture if number % 4 == 0 else "Say a word.") for number in range(40)])
    batch, seen = finished(create(file.id, metadata={"who": "me"}))
    assert seen == [status for status in ORDER if status in seen] and seen[-1] == "completed", seen
    assert batch.metadata == {"who": "me"} and batch.expires_at == batch.created_at + 24 * 3600
    assert batch.created_at <= batch.in_progress_at <= batch.finalizing_at <= batch.completed_at
    counts = batch.request_counts
    assert (counts.total, counts.completed, counts.failed) == (40, 40, 0) and batch.error_file_id is None
    rows = lines_of(batch.output_file_id)
    assert set(rows) == {f"r{number}" for number in range(40)}
    live = client.chat.completions.with_raw_response.create(**line("x")["body"])
    for row in rows.values():
        assert set(row) == {"id", "custom_id", "response", "error"} and row["error"] is None
        assert row["response"]["status_code"] == 200 and row["response"]["request_id"]
        assert set(row["response"]["body"]) == set(json.loads(live.text))
    usages = [row["response"]["body"]["usage"] for row in rows.values()]
    assert batch.usage.input_tokens == sum(usage["prompt_tokens"] for usage in usages)
    assert batch.usage.output_tokens == sum(usage["completion_tokens"] for usage in usages)


@check
def b3_lines_that_fail_are_in_the_error_file():
    broken = [{"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}]
    file = upload([line("good"), line("image", broken), line("long", "word " * 20_000), line("hot", temperature=9)])
    batch, _ = finished(create(file.id))
    assert batch.status == "completed" and batch.request_counts.failed == 3, batch
    assert set(lines_of(batch.output_file_id)) == {"good"}
    for row in lines_of(batch.error_file_id).values():
        assert 400 <= row["response"]["status_code"] < 500 and row["response"]["body"]["error"]["message"], row


@check
def b4_a_file_of_something_else_fails_with_codes_and_lines():
    wrong = [
        ([line("a"), "{"], "invalid_json_line", 2), ([line("a"), line("a")], "duplicate_custom_id", 2),
        ([{**line("a"), "url": "/v1/embeddings"}], "invalid_url", 1),
        ([{**line("a"), "method": "GET"}], "invalid_method", 1), ([line("a", model="nope")], "model_not_found", 1),
        (["", "  "], "empty_file", None),
    ]
    for lines, code, number in wrong:
        batch, _ = finished(create(upload(lines).id))
        assert batch.status == "failed" and batch.failed_at, batch
        assert [(error.code, error.line) for error in batch.errors.data] == [(code, number)], batch.errors


@check
def b5_a_cancelled_batch_keeps_what_it_has():
    batch = create(upload([line(f"r{number}", max_tokens=60, ignore_eos=True) for number in range(300)]).id)
    while client.batches.retrieve(batch.id).request_counts.completed < 3:
        time.sleep(0.02)
    assert client.batches.cancel(batch.id).status in ("cancelling", "cancelled")
    batch, _ = finished(client.batches.retrieve(batch.id))
    assert batch.status == "cancelled" and batch.cancelling_at <= batch.cancelled_at
    answers, rest = lines_of(batch.output_file_id), lines_of(batch.error_file_id)
    assert len(answers) == batch.request_counts.completed and len(answers) + len(rest) == 300
    assert {row["error"]["code"] for row in rest.values()} == {"batch_cancelled"}
    expect_error(openai.BadRequestError, 400, lambda: client.batches.cancel(batch.id))


@check
def b6_what_is_no_batch_is_refused():
    file = upload([line("a")]).id
    bad = openai.BadRequestError
    expect_error(bad, 400, lambda: create(file, completion_window="48h"), "completion_window")
    expect_error(bad, 400, lambda: create("file-none"), "input_file_id")
    expect_error(bad, 400, lambda: create(file, endpoint="/v1/foo"), "endpoint")
    expect_error(bad, 400, lambda: create(file, metadata={f"k{number}": "v" for number in range(17)}), "metadata")
    expect_error(openai.NotFoundError, 404, lambda: client.batches.retrieve("batch_none"))


@check
def b9_batches_are_listed_page_by_page():
    file = upload([line("a", max_tokens=1)]).id
    made = [create(file).id for _ in range(5)]
    assert [batch.id for batch, _ in zip(client.batches.list(limit=2), range(5))] == made[::-1]
    page = client.batches.list(limit=1)
    assert page.has_more and page.first_id == page.last_id == made[-1]


@check
def a_look_at_a_running_batch_takes_no_50_ms():
    batch = create(upload([line(f"r{number}") for number in range(200)]).id)
    times = []
    while client.batches.retrieve(batch.id).status not in ("completed", "failed"):
        start = time.perf_counter()
        client.batches.retrieve(batch.id)
        times.append(time.perf_counter() - start)
        time.sleep(0.02)
    times.sort()
    print(f"     {len(times)} looks: median {times[len(times) // 2] * 1000:.1f} ms, slowest {times[-1] * 1000:.1f} ms")
    assert times[len(times) // 2] < 0.05


def first_tokens(count):
    """Seconds to the first token of each of `count` interactive questions, in order."""
    times = []
    for number in range(count):
        start = time.perf_counter()
        stream = client.chat.completions.create(
            model=model, messages=[{"role": "user", "content": f"What is number {number}?"}], max_tokens=4, stream=True)
        for chunk in stream:
            if chunk.choices and chunk.choices[0].delta.content:
                break
        times.append(time.perf_counter() - start)
        stream.close()
    return sorted(times)


@check
def b8_an_interactive_question_beside_a_running_batch_is_answered_soon():
    first_tokens(3)
    idle = first_tokens(20)
    batch = create(upload([line(f"r{number}", max_tokens=64, ignore_eos=True) for number in range(400)]).id)
    while client.batches.retrieve(batch.id).request_counts.completed < 16:
        time.sleep(0.02)
    busy = first_tokens(20)
    during = client.batches.retrieve(batch.id).status
    client.batches.cancel(batch.id)
    assert during == "in_progress", f"the batch was over too soon to tell: {during}"
    median, slow = (busy[10] / idle[10], busy[18] / idle[18])
    print(f"     first token: {idle[10] * 1000:.0f} ms idle, {busy[10] * 1000:.0f} ms beside a batch of 16 at a time: "
          f"{median:.1f} times in the median, {slow:.1f} at the 95th of 100")
    # A step that 16 others share, on a busy machine: what README states is measured on an idle one.
    assert busy[10] < max(10 * idle[10], 0.5), (idle, busy)


failed = 0
for function in checks:
    name = function.__name__.replace("_", " ")
    try:
        function()
        print(f"PASS {name}", flush=True)
    except Exception as error:  # every failure is a line of the report
        failed += 1
        print(f"FAIL {name}: {type(error).__name__}: {error}", flush=True)
sys.exit(1 if failed else 0)
