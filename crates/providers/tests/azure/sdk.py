"""Microsoft's own client against the simulated service: what it takes for granted holds there too.

Started with the server's address, the account, its key and what to do. Ends with an error at the first thing that is not as
the client expects it. Nothing of the client is changed but the address.
"""

import datetime
import sys

from azure.core import MatchConditions, exceptions
from azure.storage.blob import (
    AccountSasPermissions, BlobBlock, BlobServiceClient, ContentSettings, LinearRetry, ResourceTypes, RetentionPolicy,
    generate_account_sas)

CHUNK = 1 << 20


def refused(kind, call, code=None):
    """What a call is refused with, which must be of this kind and have this code."""
    try:
        call()
    except kind as error:
        assert code is None or error.error_code == code, error.error_code
        return error
    raise AssertionError(f"not refused: {kind.__name__} was expected")


def names(found):
    return [blob.name for blob in found]


def upload_and_read(container):
    blob = container.get_blob_client("folder/ä b+c%2F.txt")
    settings = ContentSettings(content_type="text/plain", cache_control="no-cache")
    made = blob.upload_blob(b"hello", metadata={"mtime": "2026-11-22T10:00:00.5Z"}, content_settings=settings,
                            validate_content=True)
    seen = blob.get_blob_properties()
    assert (seen.size, seen.etag, seen.content_settings.content_type) == (5, made["etag"], "text/plain")
    assert seen.metadata == {"mtime": "2026-11-22T10:00:00.5Z"} and seen.content_settings.cache_control == "no-cache"
    assert bytes(seen.content_settings.content_md5).hex() == "5d41402abc4b2a76b9719d911017c592"
    assert abs(seen.last_modified - datetime.datetime.now(datetime.timezone.utc)).total_seconds() < 60
    assert blob.download_blob().readall() == b"hello"
    assert blob.download_blob(offset=1, length=3).readall() == b"ell"
    assert container.get_blob_client("missing").exists() is False
    refused(exceptions.ResourceNotFoundError, container.get_blob_client("missing").delete_blob, "BlobNotFound")
    container.upload_blob("empty", b"")
    assert container.download_blob("empty").readall() == b""


def conditions(container):
    blob = container.get_blob_client("conditional")
    first = blob.upload_blob(b"1")["etag"]
    refused(exceptions.ResourceExistsError, lambda: blob.upload_blob(b"2"), "BlobAlreadyExists")
    unchanged = {"etag": first, "match_condition": MatchConditions.IfNotModified}
    blob.upload_blob(b"2", overwrite=True, **unchanged)
    lost = [
        lambda: blob.upload_blob(b"3", overwrite=True, **unchanged),
        lambda: blob.set_blob_metadata({"a": "b"}, **unchanged),
        lambda: blob.delete_blob(**unchanged),
        lambda: blob.download_blob(**unchanged).readall(),
        lambda: container.get_blob_client("copy").start_copy_from_url(
            blob.url, source_etag=first, source_match_condition=MatchConditions.IfNotModified),
    ]
    for call in lost:
        assert refused(exceptions.HttpResponseError, call).status_code == 412
    assert blob.download_blob().readall() == b"2" and not container.get_blob_client("copy").exists()


def blocks(service, container):
    large = bytes(range(256)) * (5 * CHUNK // 256)
    blob = container.get_blob_client("in blocks")
    blob.upload_blob(large, max_concurrency=2, metadata={"a": "b"})
    assert blob.download_blob().readall() == large and blob.get_blob_properties().metadata == {"a": "b"}
    by_hand = container.get_blob_client("by hand")
    for name in ("00001", "00002"):
        by_hand.stage_block(name, name.encode(), validate_content=True)
    refused(exceptions.HttpResponseError, lambda: by_hand.stage_block("3", b"x"), "InvalidBlobOrBlock")
    _, waiting = by_hand.get_block_list("all")
    assert [(block.id, block.size) for block in waiting] == [("00001", 5), ("00002", 5)]
    assert not by_hand.exists()
    refused(exceptions.HttpResponseError, lambda: by_hand.commit_block_list([BlobBlock("00009")]), "InvalidBlockList")
    by_hand.commit_block_list([BlobBlock("00002"), BlobBlock("00001")])
    assert by_hand.download_blob().readall() == b"0000200001"
    missing = service.get_blob_client("no-such-container", "x")
    refused(exceptions.ResourceNotFoundError, lambda: missing.upload_blob(b""), "ContainerNotFound")


def paging(container):
    wanted = [f"p/{number:02}" for number in range(7)] + ["p/deep/a", "p/deep/b", "p/über"]
    for name in wanted:
        container.upload_blob(name, name.encode())
    pages = [names(page) for page in container.list_blobs("p/", results_per_page=3).by_page()]
    assert [len(page) for page in pages] == [3, 3, 3, 1] and sum(pages, []) == sorted(wanted)
    found = container.walk_blobs("p/", delimiter="/", results_per_page=2)
    assert sorted(names(found)) == sorted(wanted)[:7] + ["p/deep/", "p/über"]
    assert names(container.list_blobs("nothing/")) == []


def versions(container):
    """As the client's own tests of versions have it (azure-sdk-for-js, storage-blob, versions of blobs)."""
    blob = container.get_blob_client("versioned")
    made = [blob.upload_blob(content, overwrite=True)["version_id"] for content in (b"1", b"2")]
    made.append(blob.set_blob_metadata({"a": "b"})["version_id"])
    assert None not in made and made == sorted(made) and len(set(made)) == 3
    seen = blob.get_blob_properties()
    assert (seen.version_id, seen.is_current_version) == (made[2], True)
    old = blob.get_blob_properties(version_id=made[0])
    assert (old.version_id, old.is_current_version, old.size) == (made[0], None, 1)
    assert blob.download_blob(version_id=made[0]).readall() == b"1"
    listed = list(container.list_blobs("versioned", include=["versions", "metadata"]))
    assert [(found.version_id, bool(found.is_current_version)) for found in listed] == [
        (made[0], False), (made[1], False), (made[2], True)]
    # Pages may end between the versions of one blob.
    pages = container.list_blobs("versioned", include=["versions"], results_per_page=1).by_page()
    assert [found.version_id for page in pages for found in page] == made
    assert len(list(container.list_blobs("versioned"))) == 1
    refused(exceptions.HttpResponseError, lambda: blob.delete_blob(version_id=made[2]), "OperationNotAllowedOnRootBlob")
    blob.delete_blob()
    assert not blob.exists() and names(container.list_blobs("versioned")) == []
    listed = list(container.list_blobs("versioned", include=["versions"]))
    assert [(found.version_id, found.is_current_version) for found in listed] == [(version, None) for version in made]
    copied = blob.start_copy_from_url(f"{blob.url}?versionid={made[0]}")
    assert copied["copy_status"] == "success" and copied["version_id"] > made[2]
    assert blob.download_blob().readall() == b"1"
    for version in made:
        blob.delete_blob(version_id=version)
        refused(exceptions.ResourceNotFoundError, lambda: blob.get_blob_properties(version_id=version))
    refused(exceptions.ResourceNotFoundError, lambda: blob.delete_blob(version_id=made[0]), "BlobNotFound")
    assert [found.version_id for found in container.list_blobs("versioned", include=["versions"])] == [copied["version_id"]]


def soft_delete(service, container):
    assert not service.get_service_properties()["delete_retention_policy"].enabled
    service.set_service_properties(delete_retention_policy=RetentionPolicy(enabled=True, days=7))
    assert service.get_service_properties()["delete_retention_policy"].days == 7
    blob = container.get_blob_client("precious")
    first = blob.upload_blob(b"1")["version_id"]
    blob.upload_blob(b"2", overwrite=True)
    blob.delete_blob(version_id=first)
    refused(exceptions.ResourceNotFoundError, lambda: blob.download_blob(version_id=first))
    listed = list(container.list_blobs("precious", include=["versions", "deleted"]))
    assert [(found.version_id == first, bool(found.deleted)) for found in listed] == [(True, True), (False, False)]
    blob.undelete_blob()
    assert blob.download_blob(version_id=first).readall() == b"1" and blob.download_blob().readall() == b"2"
    service.set_service_properties(delete_retention_policy=RetentionPolicy(enabled=False))


def copies(container):
    source = container.get_blob_client("source")
    made = source.upload_blob(b"copied", metadata={"mtime": "1"})
    target = container.get_blob_client("target")
    target.start_copy_from_url(source.url, source_etag=made["etag"], source_match_condition=MatchConditions.IfNotModified)
    seen = target.get_blob_properties()
    assert seen.metadata == {"mtime": "1"} and target.download_blob().readall() == b"copied"
    target.start_copy_from_url(source.url, metadata={"mtime": "2"})
    assert target.get_blob_properties().metadata == {"mtime": "2"}
    refused(exceptions.ResourceExistsError, lambda: target.start_copy_from_url(
        source.url, match_condition=MatchConditions.IfMissing), "BlobAlreadyExists")
    refused(exceptions.ResourceNotFoundError, lambda: target.start_copy_from_url(
        container.get_blob_client("missing").url), "CannotVerifyCopySource")


def refusals(endpoint, account, key):
    wrong = BlobServiceClient(endpoint, credential={"account_name": account, "account_key": "bm90IHRoZSBrZXk="})
    refused(exceptions.ClientAuthenticationError, lambda: list(wrong.get_container_client("tandem").list_blobs()),
            "AuthenticationFailed")
    now = datetime.datetime.now(datetime.timezone.utc)

    def client(rights, hours):
        kinds = ResourceTypes(service=True, container=True, object=True)
        sas = generate_account_sas(account, key, kinds, AccountSasPermissions(**rights), now + datetime.timedelta(hours=hours))
        return BlobServiceClient(endpoint, credential=sas).get_container_client("tandem")

    refused(exceptions.HttpResponseError, lambda: list(client({"list": True}, -1).list_blobs()), "AuthenticationFailed")
    reader = client({"list": True, "read": True}, 1)
    assert "source" in names(reader.list_blobs())
    refused(exceptions.HttpResponseError, lambda: reader.upload_blob("x", b""), "AuthorizationPermissionMismatch")
    # "Blob versioning", Shared access signature parameters: a version takes a right of its own.
    blob = client({"write": True, "delete": True}, 1).get_blob_client("guarded")
    version = blob.upload_blob(b"1", overwrite=True)["version_id"]
    blob.delete_blob()
    refused(exceptions.HttpResponseError, lambda: blob.delete_blob(version_id=version), "AuthorizationPermissionMismatch")
    client({"delete_previous_version": True}, 1).get_blob_client("guarded").delete_blob(version_id=version)


def through_faults(container):
    """The server was told beforehand what befalls which request: the client's own retries get over all of it."""
    blob = container.get_blob_client("through faults")
    blob.upload_blob(b"content" * CHUNK, overwrite=True)
    assert blob.download_blob().readall() == b"content" * CHUNK
    assert names(container.list_blobs()) == ["through faults"]
    blob.delete_blob()


def main(endpoint, account, key, what):
    service = BlobServiceClient(
        endpoint, credential={"account_name": account, "account_key": key},
        retry_policy=LinearRetry(backoff=0, retry_total=4, random_jitter_range=0), max_single_put_size=4 * CHUNK,
        max_block_size=CHUNK, max_single_get_size=CHUNK, max_chunk_get_size=CHUNK)
    container = service.get_container_client("tandem")
    container.create_container()
    refused(exceptions.ResourceExistsError, container.create_container, "ContainerAlreadyExists")
    steps = {
        "upload and read": lambda: upload_and_read(container),
        "conditions": lambda: conditions(container),
        "blocks": lambda: blocks(service, container),
        "paging": lambda: paging(container),
        "versions": lambda: versions(container),
        "soft delete": lambda: soft_delete(service, container),
        "copies": lambda: copies(container),
        "refusals": lambda: refusals(endpoint, account, key),
    }
    if what == "faults":
        steps = {"through faults": lambda: through_faults(container)}
    for name, step in steps.items():
        step()
        print(f"passed: {name}", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
