"""What a simulated storage account holds: blobs, their versions, what was deleted softly, blocks that wait.

"Blob versioning" and "Soft delete for blobs" (Microsoft Learn, azure/storage/blobs) say what becomes of each.
"""

import datetime
import time
from email.utils import formatdate

# Most blobs on a page ("List Blobs", maxresults).
MOST_LISTED = 5000
# What an owner set: the header of an answer, that of a change, and the element of a listing ("Put Blob", "List Blobs").
KEPT = [(name, "x-ms-blob-" + name.lower(), name) for name in (
    "Content-Type", "Content-Encoding", "Content-Language", "Content-MD5", "Cache-Control", "Content-Disposition")]


class Refusal(Exception):
    """Why a request is not done, by the codes of "Blob Storage error codes"."""

    def __init__(self, status, code, message=""):
        super().__init__(code)
        self.status, self.code, self.message = status, code, message or code


class Clock:
    """Times that no two writes share, in units of 100 ns as version ids have them."""

    def __init__(self):
        self.last = 0

    def tick(self):
        self.last = max(self.last + 1, time.time_ns() // 100)
        return self.last


CLOCK = Clock()


def moment(ticks):
    """A time as a version id has it ("Blob versioning", Version ID)."""
    day = datetime.datetime.fromtimestamp(ticks // 10**7, datetime.timezone.utc)
    return day.strftime("%Y-%m-%dT%H:%M:%S") + f".{ticks % 10**7:07}Z"


class Blob:
    """A blob, or a version of one, or one that was deleted softly."""

    def __init__(self, content, headers, metadata, blocks=()):
        self.ticks = CLOCK.tick()
        self.content, self.headers, self.metadata = content, headers, metadata
        self.blocks = dict(blocks)
        self.version = None
        self.is_current = True
        self.deleted = False

    @property
    def etag(self):
        return f"0x{self.ticks:X}"

    @property
    def written(self):
        return formatdate(self.ticks // 10**7, usegmt=True)

    def shown(self):
        """The headers of "Get Blob Properties" and "Get Blob"."""
        shown = {"ETag": f'"{self.etag}"', "Last-Modified": self.written, "x-ms-creation-time": self.written,
                 "x-ms-blob-type": "BlockBlob", "x-ms-lease-status": "unlocked", "x-ms-lease-state": "available",
                 "x-ms-server-encrypted": "true", "x-ms-access-tier": "Hot", "x-ms-access-tier-inferred": "true",
                 "Accept-Ranges": "bytes"}
        if self.version:
            shown["x-ms-version-id"] = self.version
            if self.is_current:
                shown["x-ms-is-current-version"] = "true"
        shown.update({name: self.headers[name] for name, _, _ in KEPT if name in self.headers})
        shown.update({"x-ms-meta-" + name: value for name, value in self.metadata.items()})
        return shown


class Account:
    """What is stored, and whether the account keeps what is replaced."""

    def __init__(self):
        self.containers = {}
        self.blocks = {}
        self.versioning = False
        self.soft_days = None
        self.page_limit = MOST_LISTED

    def container(self, name):
        if name not in self.containers:
            raise Refusal(404, "ContainerNotFound", "The specified container does not exist.")
        return self.containers[name]

    def states(self, container, name):
        return self.container(container).get(name, [])

    def find(self, container, name, version=None):
        """The current state, or the version with this id."""
        for blob in self.states(container, name):
            if not blob.deleted and (blob.version == version if version else blob.is_current):
                return blob
        return None

    def get(self, container, name, version=None):
        found = self.find(container, name, version)
        if found is None:
            raise Refusal(404, "BlobNotFound", "The specified blob does not exist.")
        return found

    def retire(self, container, name, is_replaced):
        """The current state is no longer that ("Blob versioning": Versioning on write operations, on delete operations,
        Enable or disable blob versioning)."""
        old = self.find(container, name)
        if old is None:
            return
        if self.versioning:
            # One from before versions were kept gets its creation time for an id.
            old.version = old.version or moment(old.ticks)
        old.is_current = False
        # A version persists when another takes its place, also after versions were turned off. Of a delete then the page
        # says nothing, and here it is gone.
        if not (self.versioning or old.version and is_replaced):
            self.drop(container, name, old, self.soft_days and not is_replaced)

    def drop(self, container, name, blob, softly):
        """Removes one state for good, or softly ("Soft delete for blobs")."""
        if softly:
            blob.deleted = True
            return
        states = self.states(container, name)
        states.remove(blob)
        if not states:
            self.container(container).pop(name)

    def write(self, container, name, blob):
        self.retire(container, name, True)
        if self.versioning:
            blob.version = moment(blob.ticks)
        # What was deleted softly there and was no version would become a snapshot, which nothing here asks for.
        others = [old for old in self.states(container, name) if old.version]
        self.container(container)[name] = [*others, blob]
        self.blocks.pop((container, name), None)
