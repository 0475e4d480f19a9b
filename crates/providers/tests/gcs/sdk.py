"""Google's own client against the simulated service: what it takes for granted holds there too.

Started with the server's address, the path of a service account's key file and what to do. Ends with an error at the first thing
that is not as the client expects it. Nothing of the client is changed but the address.
"""

import datetime
import io
import json
import sys

from google.api_core import exceptions
from google.auth import exceptions as auth_exceptions
from google.auth.credentials import AnonymousCredentials
from google.cloud import storage
from google.oauth2 import service_account

CHUNK = 256 * 1024
# Above this the client uploads over a session.
LARGE = 9 << 20


def refused(kind, call):
    """What a call is refused with, which must be of this kind."""
    try:
        call()
    except kind as error:
        return error
    raise AssertionError(f"not refused: {kind.__name__} was expected")


def names(found):
    return [blob.name for blob in found]


def upload_and_read(bucket):
    blob = bucket.blob("folder/ä b+c%2F.txt")
    blob.metadata = {"mtime": "2026-11-22T10:00:00.5Z"}
    blob.cache_control = "no-cache"
    blob.upload_from_string(b"hello", content_type="text/plain", checksum="md5")
    assert (blob.size, blob.metageneration, blob.content_type) == (5, 1, "text/plain")
    assert blob.md5_hash == "XUFAKrxLKna5cZ2REBfFkg==" and blob.crc32c == "mnG7TA=="
    seen = bucket.get_blob(blob.name)
    assert (seen.generation, seen.etag) == (blob.generation, blob.etag)
    assert seen.metadata == blob.metadata and seen.cache_control == "no-cache"
    assert abs(seen.time_created - datetime.datetime.now(datetime.timezone.utc)).total_seconds() < 60
    # The client checks the answer's hash header itself.
    assert seen.download_as_bytes(checksum="crc32c") == b"hello"
    assert seen.download_as_bytes(start=1, end=3, raw_download=True) == b"ell"
    assert seen.download_as_bytes(start=3) == b"lo"
    refused(exceptions.RequestRangeNotSatisfiable, lambda: seen.download_as_bytes(start=5))
    seen.metadata = {"mtime": None, "mode": "600"}
    seen.patch()
    assert seen.metadata == {"mode": "600"} and seen.metageneration == 2
    assert seen.generation == blob.generation
    empty = bucket.blob("empty")
    empty.upload_from_string(b"")
    assert empty.size == 0 and empty.download_as_bytes() == b""
    assert bucket.get_blob("missing") is None
    refused(exceptions.NotFound, bucket.blob("missing").download_as_bytes)
    refused(exceptions.NotFound, bucket.blob("missing").delete)


def wrong_hashes(bucket):
    for field, value in [("md5_hash", "AAAAAAAAAAAAAAAAAAAAAA=="), ("crc32c", "AAAAAA==")]:
        blob = bucket.blob("wrong")
        setattr(blob, field, value)
        refused(exceptions.BadRequest, lambda: blob.upload_from_string(b"x", checksum=None))
    assert bucket.get_blob("wrong") is None


def conditions(bucket):
    blob = bucket.blob("conditional")
    blob.upload_from_string(b"1", if_generation_match=0)
    first = blob.generation
    again = lambda **what: bucket.blob("conditional").upload_from_string(b"2", **what)
    error = refused(exceptions.PreconditionFailed, lambda: again(if_generation_match=0))
    assert error.code == 412
    refused(exceptions.PreconditionFailed, lambda: again(if_generation_match=first + 1))
    refused(exceptions.PreconditionFailed, lambda: again(if_metageneration_match=2))
    assert bucket.get_blob("conditional").download_as_bytes() == b"1"
    again(if_generation_match=first)
    second = bucket.get_blob("conditional").generation
    assert second > first
    refused(exceptions.NotModified, lambda: bucket.get_blob("conditional", if_generation_not_match=second))
    assert bucket.get_blob("conditional", if_generation_not_match=first).generation == second
    stale = bucket.blob("conditional")
    refused(exceptions.PreconditionFailed, lambda: stale.reload(if_generation_match=first))
    refused(exceptions.PreconditionFailed, lambda: stale.download_as_bytes(if_generation_match=first))
    stale.metadata = {"a": "b"}
    refused(exceptions.PreconditionFailed, lambda: stale.patch(if_metageneration_match=7))
    stale.patch(if_metageneration_match=1, if_generation_match=second)
    refused(exceptions.PreconditionFailed, lambda: stale.delete(if_generation_match=first))
    stale.delete(if_generation_match=second)
    refused(exceptions.PreconditionFailed, lambda: again(if_generation_match=second))


def resumable(client, bucket):
    content = bytes(range(256)) * 3 * 1024 + b"end"
    large = bytes(range(256)) * (LARGE // 256)
    blob = bucket.blob("resumed", chunk_size=4 * CHUNK)
    blob.upload_from_file(io.BytesIO(large), size=LARGE, checksum="crc32c", if_generation_match=0)
    assert blob.size == LARGE and blob.download_as_bytes() == large
    unknown = bucket.blob("length unknown", chunk_size=CHUNK)
    with unknown.open("wb") as file:
        file.write(content)
    assert unknown.download_as_bytes() == content
    late = bucket.blob("resumed", chunk_size=CHUNK)
    refused(
        exceptions.PreconditionFailed,
        lambda: late.upload_from_file(io.BytesIO(large), size=LARGE, if_generation_match=0),
    )

    address = bucket.blob("by hand").create_resumable_upload_session(size=len(content))
    http = client._http

    def put(first, body, total=len(content)):
        last = first + len(body) - 1
        return http.put(address, data=body, headers={"Content-Range": f"bytes {first}-{last}/{total}"})

    def asked():
        return http.put(address, headers={"Content-Range": f"bytes */{len(content)}"})

    assert (asked().status_code, asked().headers.get("Range")) == (308, None)
    answer = put(0, content[: CHUNK + 7])
    assert (answer.status_code, answer.headers["Range"]) == (308, f"bytes=0-{CHUNK - 1}")
    assert put(CHUNK, content[CHUNK : CHUNK + 5]).status_code == 400
    assert asked().headers["Range"] == f"bytes=0-{CHUNK - 1}"
    # What is there already is passed over.
    answer = put(0, content)
    assert answer.status_code == 200 and answer.json()["size"] == str(len(content))
    assert asked().json()["generation"] == answer.json()["generation"]
    assert bucket.get_blob("by hand").download_as_bytes() == content
    address = bucket.blob("given up").create_resumable_upload_session()
    assert http.delete(address).status_code == 499
    assert put(0, b"x", 1).status_code == 404


def paging(client, bucket):
    wanted = [f"p/{number:02}" for number in range(7)] + ["p/deep/a", "p/deep/b", "p/über"]
    for name in wanted:
        bucket.blob(name).upload_from_string(name)
    pages = [names(page) for page in client.list_blobs(bucket, prefix="p/", page_size=3).pages]
    assert [len(page) for page in pages] == [3, 3, 3, 1] and sum(pages, []) == sorted(wanted)
    found = client.list_blobs(bucket, prefix="p/", delimiter="/", page_size=2)
    assert names(found) == sorted(wanted)[:7] + ["p/über"] and found.prefixes == {"p/deep/"}
    assert names(client.list_blobs(bucket, prefix="p/", start_offset="p/05", end_offset="p/deep/b")) == [
        "p/05", "p/06", "p/deep/a"]
    bucket.blob("q/").upload_from_string(b"")
    bucket.blob("q/x").upload_from_string(b"")
    below = client.list_blobs(bucket, prefix="q/", delimiter="/")
    assert names(below) == ["q/", "q/x"]
    assert names(client.list_blobs(bucket, prefix="nothing/")) == []


def versions(client):
    bucket = client.bucket("versions-are-kept")
    bucket.versioning_enabled = True
    bucket.create()
    refused(exceptions.Conflict, bucket.create)
    assert client.get_bucket(bucket.name).versioning_enabled
    blob = bucket.blob("file")
    made = []
    for content in [b"1", b"2", b"3"]:
        blob.upload_from_string(content)
        made.append(blob.generation)
    listed = list(client.list_blobs(bucket, versions=True))
    assert [found.generation for found in listed] == made == sorted(made)
    assert [found.time_deleted is None for found in listed] == [False, False, True]
    old = bucket.blob("file", generation=made[0])
    assert old.download_as_bytes() == b"1"
    # Without its generation it becomes noncurrent, with it it is gone.
    bucket.blob("file").delete()
    assert names(client.list_blobs(bucket)) == [] and bucket.get_blob("file") is None
    assert len(list(client.list_blobs(bucket, versions=True))) == 3
    bucket.copy_blob(bucket.blob("file"), bucket, "file", source_generation=made[1])
    assert bucket.get_blob("file").download_as_bytes() == b"2"
    for generation in made:
        bucket.delete_blob("file", generation=generation)
    assert len(list(client.list_blobs(bucket, versions=True))) == 1
    refused(exceptions.NotFound, lambda: bucket.delete_blob("file", generation=made[0]))
    refused(exceptions.Conflict, bucket.delete)


def soft_delete(client):
    bucket = client.bucket("deleted-are-kept")
    bucket.soft_delete_policy.retention_duration_seconds = 7 * 86_400
    bucket.create()
    blob = bucket.blob("file")
    blob.upload_from_string(b"precious")
    generation = blob.generation
    blob.delete()
    found = list(client.list_blobs(bucket, soft_deleted=True))
    assert [(blob.name, blob.generation) for blob in found] == [("file", generation)]
    assert found[0].soft_delete_time is not None
    restored = bucket.restore_blob("file", generation=generation)
    assert restored.generation > generation and restored.download_as_bytes() == b"precious"


def rewriting(bucket):
    source = bucket.blob("source")
    source.metadata = {"mtime": "1"}
    source.upload_from_string(b"r" * (5 << 20))
    target = bucket.blob("target")
    token, done, total = target.rewrite(source, if_generation_match=0)
    steps = 1
    while token is not None:
        assert 0 < done < total == source.size
        token, done, total = target.rewrite(source, token=token, if_generation_match=0)
        steps += 1
    assert steps > 1 and done == total
    target.reload()
    assert target.metadata == {"mtime": "1"} and target.md5_hash == source.md5_hash
    other = bucket.blob("target")
    refused(exceptions.PreconditionFailed, lambda: other.rewrite(source, if_generation_match=0))
    refused(exceptions.PreconditionFailed, lambda: other.rewrite(
        source, if_source_generation_match=source.generation + 1))
    changed = bucket.blob("changed")
    changed.metadata = {"mtime": "2"}
    token, _, _ = changed.rewrite(target)
    while token is not None:
        token, _, _ = changed.rewrite(target, token=token)
    changed.reload()
    assert changed.metadata == {"mtime": "2"}
    copied = bucket.copy_blob(target, bucket, "copied", if_generation_match=0)
    assert copied.md5_hash == target.md5_hash
    refused(exceptions.PreconditionFailed, lambda: bucket.copy_blob(
        target, bucket, "copied", if_generation_match=0))


def moving(bucket):
    blob = bucket.blob("here")
    blob.metadata = {"mode": "640"}
    blob.upload_from_string(b"moved")
    generation = blob.generation
    refused(exceptions.PreconditionFailed, lambda: bucket.move_blob(
        blob, "there", if_source_generation_match=generation + 1))
    moved = bucket.move_blob(blob, "there", if_source_generation_match=generation, if_generation_match=0)
    assert moved.generation > generation and bucket.get_blob("here") is None
    assert bucket.get_blob("there").metadata == {"mode": "640"}
    blob.upload_from_string(b"another")
    refused(exceptions.PreconditionFailed, lambda: bucket.move_blob(blob, "there", if_generation_match=0))


def refusals(client, endpoint, info):
    refused(exceptions.NotFound, lambda: client.get_bucket("no-such-bucket"))
    error = refused(exceptions.NotFound, lambda: client.bucket("no-such-bucket").blob("x").upload_from_string(b""))
    assert "bucket does not exist" in error.message, error.message
    anonymous = storage.Client(
        project="tandem", credentials=AnonymousCredentials(), client_options={"api_endpoint": endpoint})
    # At a 401 the client asks for another token, which nobody in particular can get.
    refused(auth_exceptions.InvalidOperation, lambda: list(anonymous.list_blobs("tandem")))
    narrow = service_account.Credentials.from_service_account_info(
        info, scopes=["https://www.googleapis.com/auth/devstorage.read_only"])
    reader = storage.Client(project="tandem", credentials=narrow, client_options={"api_endpoint": endpoint})
    refused(exceptions.Forbidden, lambda: reader.bucket("tandem").blob("x").upload_from_string(b""))
    for name in ["n" * 1025, "line\nbreak", ".", ".."]:
        refused(exceptions.BadRequest, lambda: client.bucket("tandem").blob(name).upload_from_string(b""))
    client.bucket("tandem").blob("n" * 1024).upload_from_string(b"")
    unknown = service_account.Credentials.from_service_account_info({**info, "client_email": "nobody@tandem"})
    stranger = storage.Client(project="tandem", credentials=unknown, client_options={"api_endpoint": endpoint})
    error = refused(auth_exceptions.RefreshError, lambda: stranger.get_bucket("tandem"))
    assert "invalid_grant" in str(error)


def through_faults(client, bucket):
    """The server was told beforehand what befalls which request: the client's own retries get over all of it."""
    content = bytes(range(256)) * (LARGE // 256)
    blob = bucket.blob("through faults", chunk_size=4 * CHUNK)
    blob.upload_from_file(io.BytesIO(content), size=len(content), if_generation_match=0)
    assert blob.download_as_bytes() == content
    assert names(client.list_blobs(bucket)) == ["through faults"]
    bucket.get_blob("through faults").delete(if_generation_match=blob.generation)


def main(endpoint, key_file, what):
    client = storage.Client.from_service_account_json(key_file, client_options={"api_endpoint": endpoint})
    bucket = client.bucket("tandem")
    bucket.create()
    with open(key_file, encoding="utf-8") as file:
        info = json.load(file)
    steps = {
        "upload and read": lambda: upload_and_read(bucket),
        "wrong hashes": lambda: wrong_hashes(bucket),
        "conditions": lambda: conditions(bucket),
        "resumable": lambda: resumable(client, bucket),
        "paging": lambda: paging(client, bucket),
        "versions": lambda: versions(client),
        "soft delete": lambda: soft_delete(client),
        "rewriting": lambda: rewriting(bucket),
        "moving": lambda: moving(bucket),
        "refusals": lambda: refusals(client, endpoint, info),
    }
    if what == "faults":
        steps = {"through faults": lambda: through_faults(client, bucket)}
    for name, step in steps.items():
        step()
        print(f"passed: {name}", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
