"""Drives a running server with the official openai client (written against 3.54) and checks what comes back.

    python openai_client.py http://127.0.0.1:8000/v1 [API_KEY]

Prints one PASS or FAIL line for every check; exits with 1 when one fails. Makes nothing but requests.
"""

import base64
import os
import struct
import sys
import zlib

import openai

base_url = sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8000/v1"
api_key = sys.argv[2] if len(sys.argv) > 2 else os.environ.get("OPENAI_API_KEY", "not-used")
client = openai.OpenAI(base_url=base_url, api_key=api_key, max_retries=0, timeout=300)
checks = []


def check(function):
    checks.append(function)
    return function


def png(width=64, height=48):
    """A small picture, red on the left and blue on the right."""
    row = b"\0" + b"\xd0\x20\x20" * (width // 2) + b"\x20\x20\xd0" * (width - width // 2)

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(row * height)) + chunk(b"IEND", b"")
    )


IMAGE = "data:image/png;base64," + base64.b64encode(png()).decode()


def picture(url=IMAGE, text="Describe the image."):
    return [{"role": "user", "content": [
        {"type": "image_url", "image_url": {"url": url}},
        {"type": "text", "text": text},
    ]}]


def model():
    return client.models.list().data[0].id


def expect_error(kind, status, call, param=None):
    try:
        call()
    except kind as error:
        assert error.status_code == status, f"status {error.status_code}"
        body = error.body
        assert {"message", "type", "param", "code"} <= set(body), body
        assert param is None or body["param"] == param, body
        return
    raise AssertionError(f"no {kind.__name__}")


@check
def models_are_listed_and_retrieved():
    names = [entry.id for entry in client.models.list()]
    assert names
    assert client.models.retrieve(names[0]).id == names[0]


@check
def a_picture_in_a_data_url_is_answered():
    answer = client.chat.completions.create(model=model(), messages=picture(), max_tokens=24, temperature=0)
    assert answer.id.startswith("chat-") and answer.object == "chat.completion"
    assert answer.choices[0].message.role == "assistant"
    assert answer.choices[0].message.content
    assert answer.choices[0].finish_reason in ("stop", "length")
    usage = answer.usage
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens and usage.completion_tokens > 0


@check
def the_same_request_gives_the_same_greedy_answer():
    texts = {
        client.chat.completions.create(model=model(), messages=picture(), max_tokens=16, temperature=0)
        .choices[0].message.content
        for _ in range(2)
    }
    assert len(texts) == 1, texts


@check
def a_stream_adds_up_to_the_whole_answer_and_ends_with_usage():
    arguments = dict(model=model(), messages=picture(), max_tokens=24, temperature=0)
    whole = client.chat.completions.create(**arguments)
    chunks = list(client.chat.completions.create(**arguments, stream=True, stream_options={"include_usage": True}))
    assert chunks[0].choices[0].delta.role == "assistant"
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == whole.choices[0].message.content, (text, whole.choices[0].message.content)
    assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices][-1] == whole.choices[0].finish_reason
    assert chunks[-1].choices == [] and chunks[-1].usage.total_tokens == whole.usage.total_tokens
    assert len({chunk.id for chunk in chunks}) == 1


@check
def two_choices_are_numbered():
    answer = client.chat.completions.create(model=model(), messages=picture(), max_tokens=8, temperature=1, n=2, seed=1)
    assert [choice.index for choice in answer.choices] == [0, 1]


@check
def a_seed_repeats_an_answer():
    def ask():
        return client.chat.completions.create(model=model(), messages=picture(), max_tokens=12, temperature=1, seed=7)

    assert ask().choices[0].message.content == ask().choices[0].message.content


@check
def log_probabilities_come_with_alternatives():
    answer = client.chat.completions.create(
        model=model(), messages=picture(), max_tokens=8, temperature=0, logprobs=True, top_logprobs=5)
    content = answer.choices[0].logprobs.content
    assert len(content) == answer.usage.completion_tokens or answer.choices[0].finish_reason == "stop"
    for token in content:
        assert token.logprob <= 0 and len(token.top_logprobs) == 5
        assert max(other.logprob for other in token.top_logprobs) <= token.logprob + 1e-3


@check
def one_token_is_one_token():
    answer = client.chat.completions.create(model=model(), messages=picture(), max_completion_tokens=1)
    assert answer.usage.completion_tokens == 1 and answer.choices[0].finish_reason == "length"


@check
def a_stop_text_ends_the_answer_before_it():
    arguments = dict(model=model(), messages=picture(), max_tokens=24, temperature=0)
    whole = client.chat.completions.create(**arguments).choices[0].message.content
    stop = whole[len(whole) // 2:][:3]
    choice = client.chat.completions.create(**arguments, stop=[stop]).choices[0]
    assert choice.finish_reason == "stop" and choice.message.content == whole[:whole.index(stop)], (whole, choice)


@check
def every_picture_of_a_message_counts():
    def tokens(count):
        part = {"type": "image_url", "image_url": {"url": IMAGE}}
        messages = [{"role": "user", "content": [part] * count + [{"type": "text", "text": "Compare."}]}]
        return client.chat.completions.create(model=model(), messages=messages, max_tokens=1).usage.prompt_tokens

    one, two, three = (tokens(count) for count in (1, 2, 3))
    assert two > one and three - two == two - one, (one, two, three)


@check
def a_system_message_is_part_of_the_prompt():
    def tokens(messages):
        return client.chat.completions.create(model=model(), messages=messages, max_tokens=1).usage.prompt_tokens

    system = [{"role": "system", "content": "Answer in one word."}]
    assert tokens(system + picture()) > tokens(picture())


@check
def the_parse_helper_gives_an_object_of_its_class():
    from pydantic import BaseModel

    class Seen(BaseModel):
        subject: str
        count: int

    for seed in range(20):
        answer = client.chat.completions.parse(
            model=model(), messages=picture(), response_format=Seen, temperature=1, seed=seed, max_tokens=400)
        if answer.choices[0].finish_reason == "stop":
            assert isinstance(answer.choices[0].message.parsed, Seen), answer
            break
    else:
        raise AssertionError("no answer came to its end")


@check
def twenty_prompts_are_answered_under_a_schema_whole_and_streamed():
    """C14: whatever is asked, the answer is of the schema."""
    import json

    import jsonschema

    schema = {
        "type": "object", "additionalProperties": False, "required": ["subject", "count", "colours", "sure"],
        "properties": {
            "subject": {"type": "string", "maxLength": 24},
            "count": {"type": "integer", "minimum": 0, "maximum": 99},
            "colours": {"type": "array", "maxItems": 2, "items": {"enum": ["red", "green", "blue"]}},
            "sure": {"type": "boolean"},
        },
    }
    form = {"type": "json_schema", "json_schema": {"name": "seen", "schema": schema, "strict": True}}
    for number in range(20):
        question = {
            "model": model(), "messages": picture(text=f"Question {number}: what is to be seen, and how often?"),
            "response_format": form, "temperature": number % 3 / 2, "seed": number, "max_tokens": 300}
        choice = client.chat.completions.create(**question).choices[0]
        assert choice.finish_reason == "stop", choice
        jsonschema.validate(json.loads(choice.message.content), schema)
        text = "".join(
            chunk.choices[0].delta.content or "" for chunk in client.chat.completions.create(**question, stream=True))
        assert text == choice.message.content, (text, choice.message.content)


@check
def errors_have_the_client_s_classes():
    create = client.chat.completions.create
    name = model()
    expect_error(openai.NotFoundError, 404, lambda: create(model="nope", messages=picture()), "model")
    expect_error(openai.NotFoundError, 404, lambda: client.models.retrieve("nope"))
    expect_error(openai.BadRequestError, 400, lambda: create(model=name, messages=[]), "messages")
    expect_error(openai.BadRequestError, 400, lambda: create(model=name, messages=picture(), temperature=3), "temperature")
    expect_error(openai.BadRequestError, 400, lambda: create(model=name, messages=picture(), n=2, temperature=0), "n")
    expect_error(openai.BadRequestError, 400, lambda: create(model=name, messages=picture("data:image/png;base64,AAAA")))
    expect_error(openai.BadRequestError, 400, lambda: create(model=name, messages=picture("http://127.0.0.1:1/x.png")))
    expect_error(openai.BadRequestError, 400, lambda: create(model=name, messages=picture("file:///etc/passwd")))
    expect_error(
        openai.BadRequestError, 400, lambda: create(model=name, messages=picture("data:image/png;base64,AAAA"), stream=True))


@check
def a_request_id_is_echoed():
    answer = client.chat.completions.with_raw_response.create(
        model=model(), messages=picture(), max_tokens=1, extra_headers={"X-Request-Id": "openai-client-check"})
    assert answer.headers["x-request-id"] == "openai-client-check"


@check
def a_job_can_be_asked_for_later():
    import time

    answer = client.chat.completions.with_raw_response.create(
        model=model(), messages=picture(), max_tokens=4, extra_headers={"Prefer": "respond-async"})
    assert answer.http_response.status_code == 202
    path = answer.headers["location"].removeprefix("/v1")
    deadline = time.monotonic() + 120
    while True:
        job = client.get(path, cast_to=object)
        if job["finished_at"] is not None:
            break
        assert time.monotonic() < deadline, job
        time.sleep(0.1)
    assert job["status"] == "completed", job
    assert job["response"]["choices"][0]["message"]["content"], job


failed = 0
for function in checks:
    name = function.__name__.replace("_", " ")
    try:
        function()
        print(f"PASS {name}")
    except Exception as error:  # every failure is a line of the report
        failed += 1
        print(f"FAIL {name}: {type(error).__name__}: {error}")
sys.exit(1 if failed else 0)
