"""What nc-py-api, which nobody here wrote, makes of the faults that the server was told to show beforehand."""

import sys

from nc_py_api import Nextcloud, NextcloudException

url, user, password = sys.argv[1:]
files = Nextcloud(nextcloud_url=url, nc_auth_user=user, nc_auth_pass=password).files


def refused(status, ask):
    try:
        ask()
    except NextcloudException as error:
        assert error.status_code == status, (status, error)
        return
    raise SystemExit(f"not refused, which was to be answered with {status}")


def broken(ask):
    """Fails, and by no answer of the server."""
    try:
        ask()
    except NextcloudException as error:
        raise SystemExit(f"the server answered: {error}") from error
    except Exception:
        return
    raise SystemExit("nothing broke")


for status in (429, 503, 500):
    refused(status, lambda: files.download("folder/file.txt"))
broken(lambda: files.upload("made.txt", b"made"))
broken(lambda: files.upload("kept.txt", b"kept"))
broken(lambda: files.download("folder/file.txt"))
broken(lambda: files.listdir("folder"))
broken(lambda: files.listdir("folder"))
files.upload("folder/new.txt", b"new")
assert [node.name for node in files.listdir("folder")] == ["file.txt"], "the listing is not stale"
assert sorted(node.name for node in files.listdir("folder")) == ["file.txt", "new.txt"]
refused(401, lambda: files.download("folder/file.txt"))
refused(401, lambda: files.listdir("folder"))
