"""The blob service of an Azure storage account, simulated: what Azurite has not, which is versions and soft delete, and as
much of the rest as sync programs use.

Behaviour follows Microsoft Learn, "Blob service REST API" (learn.microsoft.com/rest/api/storageservices), "Blob versioning"
and "Soft delete for blobs" (learn.microsoft.com/azure/storage/blobs); each part names its page. What the pages leave open
is as the service answered azure-sdk-for-js (sdk/storage/storage-blob/recordings). Whether it is the service's is shown by
clients that nobody here wrote: azure-storage-blob for Python, and rclone.

Everything is kept in memory. Requests are done one after the other, so of two that expect the same one is refused.
"""

import base64
import datetime
import hashlib
import hmac
import json
import re
import socket
import sys
import threading
import time
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, quote, unquote, urlsplit
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from account import CLOCK, KEPT, MOST_LISTED, Account, Blob, Refusal, moment

ACCOUNT = "devstoreaccount1"
KEY = base64.b64decode(
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==")
# What XML 1.0 cannot hold (section 2.2).
NO_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")


class Script:
    """Faults: what befalls the next requests of a method whose address has a part in it."""

    def __init__(self):
        self.rules = []

    def strike(self, method, target):
        for rule in self.rules:
            if rule["method"] == method and rule["part"] in target and rule["times"] > 0:
                if rule["spared"] > 0:
                    rule["spared"] -= 1
                    return {}
                rule["times"] -= 1
                return rule["fault"]
        return {}

    def left(self):
        return sum(rule["times"] for rule in self.rules)


STATE, SCRIPT, LOCK = Account(), Script(), threading.Lock()


def signature(text):
    return base64.b64encode(hmac.new(KEY, text.encode(), hashlib.sha256).digest()).decode()


def collation(name):
    """Names as the server sorts them: hyphens count between equals only, and "_" comes before digits
    (azure-storage-blob, _shared/authentication.py)."""
    return name.replace("-", "").replace("_", " "), name


def check_key(request):
    """ "Authorize with Shared Key", Blob, Queue, and File Services (Shared Key authorization)."""
    value = lambda name: request.headers.get(name, "")
    length = value("content-length")
    lines = [request.method, value("content-encoding"), value("content-language"), "" if length == "0" else length,
             value("content-md5"), value("content-type"), value("date"), value("if-modified-since"), value("if-match"),
             value("if-none-match"), value("if-unmodified-since"), value("range")]
    if value("x-ms-date"):
        lines[6] = ""
    own = sorted((name for name in request.headers if name.startswith("x-ms-")), key=collation)
    lines += [f"{name}:{request.headers[name].strip()}" for name in own]
    lines.append(f"/{ACCOUNT}{request.raw_path}")
    lines += [f"{name}:{text}" for name, text in sorted(request.query.items())]
    expected = f"SharedKey {ACCOUNT}:{signature(chr(10).join(lines))}"
    if not hmac.compare_digest(expected, value("authorization")):
        raise Refusal(403, "AuthenticationFailed", "Server failed to authenticate the request.")


def check_sas(query, right):
    """ "Create an account SAS": the signature, the end, and the right, of which one letter is enough."""
    fields = [ACCOUNT] + [query.get(name, "") for name in ("sp", "ss", "srt", "st", "se", "sip", "spr", "sv", "ses")]
    now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    if query.get("sig") != signature("\n".join(fields) + "\n") or query.get("se", "") < now:
        raise Refusal(403, "AuthenticationFailed", "Server failed to authenticate the request.")
    if right and not set(right) & set(query.get("sp", "")):
        raise Refusal(403, "AuthorizationPermissionMismatch",
                      "This request is not authorized to perform this operation using this permission.")


class Request:
    """A request as it arrived."""

    def __init__(self, method, target, headers, body):
        self.method, self.body = method, body
        self.raw_path, _, query = target.partition("?")
        self.query = {name.lower(): text for name, text in parse_qsl(query, keep_blank_values=True)}
        self.headers = {name.lower(): value for name, value in headers.items()}
        account, _, rest = self.raw_path.lstrip("/").partition("/")
        container, _, blob = rest.partition("/")
        self.account, self.container, self.blob = account, unquote(container), unquote(blob)
        self.version = self.query.get("versionid")
        self.comp = self.query.get("comp", "")

    def right(self):
        """The letters of which one lets it in ("Create an account SAS", Account SAS permissions by operation)."""
        if self.method == "DELETE":
            return "x" if self.version else "d"
        if self.method == "PUT":
            return "cw"
        return "l" if self.comp == "list" else "r"

    def metadata(self):
        return {name[10:]: value for name, value in self.headers.items() if name.startswith("x-ms-meta-")}

    def kept(self):
        """What an owner sets along with content."""
        kept = {name: self.headers[given] for name, given, _ in KEPT if given in self.headers}
        if "Content-Type" not in kept:
            kept["Content-Type"] = self.headers.get("content-type") or "application/octet-stream"
        return kept

    def check(self, found):
        """ "Specifying conditional headers for Blob service operations"."""
        match, none_match = self.headers.get("if-match"), self.headers.get("if-none-match")
        if none_match == "*" and found:
            raise Refusal(409, "BlobAlreadyExists", "The specified blob already exists.")
        is_met = (not match or found and match in ("*", f'"{found.etag}"', found.etag)) and (
            not none_match or none_match == "*" or not found or none_match.strip('"') != found.etag)
        if not is_met:
            raise Refusal(412, "ConditionNotMet", "The condition specified using HTTP conditional header(s) is not met.")

    def md5(self):
        """The MD5 of the body, which must be what the client says it is ("Put Blob", Content-MD5)."""
        md5 = base64.b64encode(hashlib.md5(self.body).digest()).decode()
        if self.headers.get("content-md5", md5) != md5:
            raise Refusal(400, "Md5Mismatch", "The MD5 value specified in the request did not match the server's.")
        return md5


def answer(request):
    """Status, headers and body."""
    if "sig" in request.query:
        check_sas(request.query, request.right())
    else:
        check_key(request)
    if not request.container:
        return service(request)
    if not request.blob:
        return whole_container(request)
    STATE.container(request.container)
    return one_blob(request)


def service(request):
    kind = request.query.get("restype"), request.comp
    if kind == ("account", "properties"):
        return 200, {"x-ms-sku-name": "Standard_LRS", "x-ms-account-kind": "StorageV2", "x-ms-is-hns-enabled": "false"}, b""
    if kind == ("service", "properties") and request.method == "PUT":
        policy = ElementTree.fromstring(request.body).find("DeleteRetentionPolicy")
        if policy is not None:
            STATE.soft_days = int(policy.findtext("Days")) if policy.findtext("Enabled") == "true" else None
        return 202, {}, b""
    if kind == ("service", "properties"):
        days = f"<Enabled>true</Enabled><Days>{STATE.soft_days}</Days>" if STATE.soft_days else "<Enabled>false</Enabled>"
        return xml(f"<StorageServiceProperties><DeleteRetentionPolicy>{days}</DeleteRetentionPolicy>"
                   "</StorageServiceProperties>")
    raise Refusal(400, "InvalidQueryParameterValue")


def whole_container(request):
    if request.method == "PUT":
        if request.container in STATE.containers:
            raise Refusal(409, "ContainerAlreadyExists", "The specified container already exists.")
        STATE.containers[request.container] = {}
        return 201, {"ETag": '"0x1"', "Last-Modified": formatdate(usegmt=True)}, b""
    if request.comp == "properties":
        return service(request)
    STATE.container(request.container)
    if request.method == "DELETE":
        del STATE.containers[request.container]
        return 202, {}, b""
    if request.comp == "list":
        return listing(request)
    return 200, {"ETag": '"0x1"', "Last-Modified": formatdate(usegmt=True), "x-ms-lease-status": "unlocked",
                 "x-ms-lease-state": "available", "x-ms-has-immutability-policy": "false", "x-ms-has-legal-hold": "false"}, b""


def listed(request):
    """The states and the prefixes that a listing shows, in its order: of a name the oldest first, as the service
    answered. Each with a mark by which the listing goes on."""
    prefix, delimiter = request.query.get("prefix", ""), request.query.get("delimiter")
    include = set(request.query.get("include", "").split(","))
    shown = {}
    for name, states in sorted(STATE.container(request.container).items()):
        if not name.startswith(prefix):
            continue
        at = name.find(delimiter, len(prefix)) if delimiter else -1
        for blob in states:
            is_shown = blob.is_current or blob.version and "versions" in include
            if not is_shown or blob.deleted and "deleted" not in include:
                continue
            if at >= 0:
                folder = name[:at + len(delimiter)]
                shown[folder] = folder, None
            else:
                shown[f"{name}\n{blob.ticks:020}"] = name, blob
    return shown.items(), include


def listing(request):
    """ "List Blobs"."""
    shown, include = listed(request)
    marker = base64.b64decode(request.query.get("marker", "")).decode()
    most = min(int(request.query.get("maxresults", MOST_LISTED)), STATE.page_limit)
    after = [entry for entry in shown if entry[0] > marker]
    text = "".join(element(name, blob, include) for _, (name, blob) in after[:most])
    following = base64.b64encode(after[most - 1][0].encode()).decode() if len(after) > most else ""
    # What was asked is told again; clients ask for the next page by that.
    asked = "".join(f"<{name}>{escape(request.query[name.lower()])}</{name}>"
                    for name in ("Prefix", "Marker", "MaxResults", "Delimiter") if name.lower() in request.query)
    return xml(f'<EnumerationResults ServiceEndpoint="http://127.0.0.1/{ACCOUNT}" ContainerName="{request.container}">'
               f"{asked}<Blobs>{text}</Blobs><NextMarker>{following}</NextMarker></EnumerationResults>")


def element(name, blob, include):
    if NO_XML.search(name):
        named = f'<Name Encoded="true">{quote(name)}</Name>'
    else:
        named = f"<Name>{escape(name)}</Name>"
    if blob is None:
        return f"<BlobPrefix>{named}</BlobPrefix>"
    text = "<Deleted>true</Deleted>" if blob.deleted else ""
    if "versions" in include and blob.version:
        text += f"<VersionId>{blob.version}</VersionId>"
        text += "<IsCurrentVersion>true</IsCurrentVersion>" if blob.is_current else ""
    own = "".join(f"<{name}>{escape(blob.headers.get(name, ''))}</{name}>" for _, _, name in KEPT)
    own += "<BlobType>BlockBlob</BlobType><LeaseStatus>unlocked</LeaseStatus><LeaseState>available</LeaseState>"
    own += "<AccessTier>Hot</AccessTier><AccessTierInferred>true</AccessTierInferred><ServerEncrypted>true</ServerEncrypted>"
    text += (f"<Properties><Creation-Time>{blob.written}</Creation-Time><Last-Modified>{blob.written}</Last-Modified>"
             f"<Etag>{blob.etag}</Etag><Content-Length>{len(blob.content)}</Content-Length>{own}</Properties>")
    if "metadata" in include:
        text += "<Metadata>" + "".join(
            f"<{name}>{escape(value)}</{name}>" for name, value in blob.metadata.items()) + "</Metadata>"
    return f"<Blob>{named}{text}</Blob>"


def xml(text):
    body = f'<?xml version="1.0" encoding="utf-8"?>{text}'.encode()
    return 200, {"Content-Type": "application/xml"}, body


def one_blob(request):
    where = request.container, request.blob
    if request.method == "DELETE":
        return delete(request)
    if request.method == "PUT":
        changes = {"": put, "block": put_block, "blocklist": put_block_list, "metadata": set_metadata,
                   "undelete": undelete}
        if "x-ms-copy-source" in request.headers:
            return copy(request)
        if request.comp not in changes:
            raise Refusal(400, "InvalidQueryParameterValue")
        return changes[request.comp](request)
    if request.comp == "blocklist":
        waiting = "".join(f"<Block><Name>{name}</Name><Size>{len(block)}</Size></Block>"
                          for name, block in STATE.blocks.get(where, {}).items())
        if not waiting:
            STATE.get(*where)
        return xml(f"<BlockList><CommittedBlocks/><UncommittedBlocks>{waiting}</UncommittedBlocks></BlockList>")
    found = STATE.get(*where, request.version)
    request.check(found)
    return ranged(found, request.headers.get("x-ms-range") or request.headers.get("range"))


def ranged(found, asked):
    """ "Get Blob" and "Specifying the range header for Blob service operations"."""
    length = len(found.content)
    span = re.fullmatch(r"bytes=(\d+)-(\d*)", asked or "")
    if not span:
        return 200, found.shown(), found.content
    first, last = int(span[1]), min(int(span[2] or length - 1), length - 1)
    if first >= length:
        raise Refusal(416, "InvalidRange", "The range specified is invalid for the current size of the resource.")
    shown = found.shown() | {"Content-Range": f"bytes {first}-{last}/{length}"}
    if "Content-MD5" in shown:
        shown["x-ms-blob-content-md5"] = shown.pop("Content-MD5")
    return 206, shown, found.content[first:last + 1]


def made(blob, status=201, **more):
    """What every write answers: with versions the id of the one that it made ("Blob versioning", Version ID)."""
    shown = {"ETag": f'"{blob.etag}"', "Last-Modified": blob.written, **more}
    if blob.version:
        shown["x-ms-version-id"] = blob.version
    return status, shown, b""


def put(request):
    """ "Put Blob"."""
    where = request.container, request.blob
    if request.headers.get("x-ms-blob-type") != "BlockBlob":
        raise Refusal(400, "InvalidHeaderValue")
    md5 = request.md5()
    request.check(STATE.find(*where))
    blob = Blob(request.body, {"Content-MD5": md5} | request.kept(), request.metadata())
    STATE.write(*where, blob)
    return made(blob, **{"Content-MD5": md5, "x-ms-request-server-encrypted": "true"})


def put_block(request):
    """ "Put Block": all ids of one blob are of one length."""
    blocks = STATE.blocks.setdefault((request.container, request.blob), {})
    name = request.query["blockid"]
    if any(len(other) != len(name) for other in blocks):
        raise Refusal(400, "InvalidBlobOrBlock", "The specified blob or block content is invalid.")
    md5 = request.md5()
    blocks[name] = request.body
    return 201, {"Content-MD5": md5, "x-ms-request-server-encrypted": "true"}, b""


def put_block_list(request):
    """ "Put Block List"."""
    where = request.container, request.blob
    old = STATE.find(*where)
    request.check(old)
    waiting, committed = STATE.blocks.get(where, {}), old.blocks if old else {}
    places = {"Uncommitted": [waiting], "Committed": [committed], "Latest": [waiting, committed]}
    blocks = {}
    for entry in ElementTree.fromstring(request.body):
        found = next((place[entry.text] for place in places[entry.tag] if entry.text in place), None)
        if found is None:
            raise Refusal(400, "InvalidBlockList", "The specified block list is invalid.")
        blocks[entry.text] = found
    kept = request.kept()
    kept["Content-Type"] = request.headers.get("x-ms-blob-content-type", "application/octet-stream")
    blob = Blob(b"".join(blocks.values()), kept, request.metadata(), blocks)
    STATE.write(*where, blob)
    return made(blob)


def set_metadata(request):
    """ "Set Blob Metadata", which is a write like any other."""
    where = request.container, request.blob
    old = STATE.get(*where)
    request.check(old)
    blob = Blob(old.content, old.headers, request.metadata(), old.blocks)
    STATE.write(*where, blob)
    return made(blob, 200)


def copy(request):
    """ "Copy Blob" and "Copy Blob From URL" of a blob of this account, or of a version of it."""
    parts = urlsplit(request.headers["x-ms-copy-source"])
    source = Request("GET", f"{parts.path}?{parts.query}", {}, b"")
    if "sig" in source.query:
        check_sas(source.query, "r")
    found = STATE.find(source.container, source.blob, source.version)
    if found is None:
        raise Refusal(404, "CannotVerifyCopySource", "The specified blob does not exist.")
    if request.headers.get("x-ms-source-if-match", found.etag).strip('"') != found.etag:
        raise Refusal(412, "SourceConditionNotMet", "The source condition specified is not met.")
    where = request.container, request.blob
    request.check(STATE.find(*where))
    blob = Blob(found.content, found.headers, request.metadata() or found.metadata, found.blocks)
    STATE.write(*where, blob)
    return made(blob, 202, **{"x-ms-copy-id": f"{blob.ticks:x}", "x-ms-copy-status": "success"})


def delete(request):
    """ "Delete Blob": without an id the current version becomes an old one; with one that old version goes."""
    where = request.container, request.blob
    found = STATE.get(*where, request.version)
    request.check(found)
    is_permanent = not STATE.soft_days
    if not request.version:
        STATE.retire(*where, False)
    elif found.is_current:
        raise Refusal(403, "OperationNotAllowedOnRootBlob", "The specified operation is not allowed on root blob.")
    else:
        STATE.drop(*where, found, STATE.soft_days)
    return 202, {"x-ms-delete-type-permanent": str(is_permanent).lower()}, b""


def undelete(request):
    """ "Undelete Blob": all that was deleted softly comes back; of versions none becomes the current one."""
    states = STATE.states(request.container, request.blob)
    if not states:
        raise Refusal(404, "BlobNotFound", "The specified blob does not exist.")
    for blob in states:
        blob.is_current |= blob.deleted and blob.version is None
        blob.deleted = False
    return 200, {}, b""


def control(target, body):
    """What tests tell the server, which the service has elsewhere or not at all."""
    told = json.loads(body or b"{}")
    for name in ("versioning", "soft_days", "page_limit"):
        if name in told:
            setattr(STATE, name, told[name])
    SCRIPT.rules += told.get("script", [])
    return json.dumps({"faults_left": SCRIPT.left()}).encode()


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def handle_any(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path.startswith("/control"):
            with LOCK:
                return self.respond(200, {}, control(self.path, body))
        with LOCK:
            fault = SCRIPT.strike(self.command, self.path)
        if fault.get("kind") == "lose request":
            return self.lose()
        time.sleep(fault.get("seconds", 0))
        if fault.get("kind") == "status":
            wait = {"Retry-After": str(fault["retry_after"])} if fault.get("retry_after") is not None else {}
            code = {429: "TooManyRequests", 500: "InternalError", 503: "ServerBusy"}.get(fault["status"], "OperationTimedOut")
            return self.refuse(Refusal(fault["status"], code), wait)
        try:
            with LOCK:
                status, headers, body = answer(Request(self.command, self.path, self.headers, body))
        except Refusal as refusal:
            return self.refuse(refusal, {})
        if fault.get("kind") == "lose answer":
            return self.lose()
        if fault.get("kind") == "double answer":
            body += body
        return self.respond(status, headers, body, fault.get("sent"))

    do_GET = do_HEAD = do_PUT = do_DELETE = do_POST = handle_any

    def lose(self):
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)

    def refuse(self, refusal, headers):
        status, _, body = xml(f"<Error><Code>{refusal.code}</Code><Message>{escape(refusal.message)}\n"
                              f"RequestId:0\nTime:{moment(CLOCK.tick())}</Message></Error>")
        headers = {"x-ms-error-code": refusal.code, "Content-Type": "application/xml", **headers}
        self.respond(refusal.status, headers, body)

    def respond(self, status, headers, body, sent=None):
        """Of the body `sent` bytes alone, if that is not None."""
        self.send_response(status)
        for name, value in {"x-ms-version": "2023-11-03", "x-ms-request-id": "0", **headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body if sent is None else body[:sent])
        self.wfile.flush()
        if sent is not None:
            self.lose()

    def log_message(self, *_):
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


def main():
    server = Server(("127.0.0.1", 0), Handler)
    print(f"listening on http://127.0.0.1:{server.server_port}/", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    sys.exit(main())
