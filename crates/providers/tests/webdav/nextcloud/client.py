"""What nc-py-api, which nobody here wrote, makes of the simulated Nextcloud: trash bin, versions, sign-in."""

import sys
import urllib.request

from nc_py_api import Nextcloud, NextcloudException

url, user, password = sys.argv[1:]
cloud = Nextcloud(nextcloud_url=url, nc_auth_user=user, nc_auth_pass=password)
files = cloud.files

files.mkdir("folder")
files.upload("folder/file.txt", b"one")
files.upload("folder/file.txt", b"two, and longer")
node = files.by_path("folder/file.txt")
assert files.download(node) == b"two, and longer"

versions = files.get_versions(node)
old = [version for version in versions if version.info.size == 3 or version.info.content_length == 3]
assert len(old) == 1, versions
files.restore_version(old[0])
assert files.download("folder/file.txt") == b"one"

files.delete("folder/file.txt")
try:
    files.download("folder/file.txt")
    raise SystemExit("what was deleted is still there")
except NextcloudException as error:
    assert error.status_code == 404, error
(trashed,) = files.trashbin_list()
assert trashed.info.trashbin_filename == "file.txt", trashed.info
assert trashed.info.trashbin_original_location == "folder/file.txt", trashed.info
assert trashed.info.trashbin_deletion_time > 1_600_000_000, trashed.info
files.trashbin_restore(trashed)
assert files.download("folder/file.txt") == b"one"
assert files.trashbin_list() == []

files.delete("folder")
(trashed,) = files.trashbin_list()
assert trashed.info.trashbin_original_location == "folder", trashed.info
files.trashbin_restore(trashed)
assert files.download("folder/file.txt") == b"one"

files.delete("folder/file.txt")
files.upload("folder/file.txt", b"in its place")
(trashed,) = files.trashbin_list()
files.trashbin_delete(trashed)
try:
    files.trashbin_delete(trashed)
    raise SystemExit("what is gone was deleted again")
except NextcloudException as error:
    assert error.status_code == 404, error
files.delete("folder")
files.trashbin_cleanup()
assert files.trashbin_list() == []

# What is in the way: a folder that is missing, something that is there already, and what was changed since.
files.mkdir("folder")
files.upload("folder/file.txt", b"one")
files.upload("folder/other.txt", b"two")
for status, refused in [
    (409, lambda: files.mkdir("missing/inner")),
    (409, lambda: files.upload("missing/file.txt", b"")),
    (405, lambda: files.mkdir("folder")),
    (412, lambda: files.move("folder/file.txt", "folder/other.txt")),
    (412, lambda: files.copy("folder/file.txt", "folder/other.txt")),
    (409, lambda: files.move("folder", "folder/inner")),
]:
    try:
        refused()
        raise SystemExit(f"not refused, which is to be answered with {status}")
    except NextcloudException as error:
        assert error.status_code == status, (status, error)
assert files.download("folder/other.txt") == b"two"
files.delete("folder")

flow = cloud.loginflow_v2.init(user_agent="nc_py_api")
assert flow.login.startswith(url), flow.login
# The person: opens the address, and lets the client in.
assert urllib.request.urlopen(flow.login).status == 200
print(flow.login, flush=True)
sys.stdin.readline()
granted = cloud.loginflow_v2.poll(flow.token, timeout=20, step=1, overwrite_auth=False)
assert (granted.login_name, granted.app_password) == (user, password)
print("done", flush=True)
