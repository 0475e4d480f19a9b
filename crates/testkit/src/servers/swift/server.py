"""Swift's proxy, account, container and object server in one process, for tests. It answers to S3's API too.

What answers is Swift's own code. What stands around it: one disk, a cache in memory instead of memcached, and an
identity service that speaks Keystone's API v3, for Keystone itself takes longer to start than a test to run. Swift's
own functional tests put the servers into one process in the same way (test/functional/__init__.py, in_process_setup).
"""

import json
import os
import sys
import uuid
from array import array
from time import time

import eventlet
from eventlet import wsgi

from swift.common import utils

utils.eventlet_monkey_patch()

from swift.common import db  # noqa: E402
from swift.common.http_protocol import SwiftHttpProtocol  # noqa: E402
from swift.common.ring import RingData  # noqa: E402
from swift.common.swob import Request, Response  # noqa: E402
from swift.common.wsgi import loadapp  # noqa: E402

LIFE = 3600

# Who is let in, with which password, and which account is theirs. Only an administrator may do what no access list
# of a container allows.
USERS = {
    "tester": ("test", "testing", ".admin"),
    "reader": ("test", "reading", ""),
    "other": ("other", "othertesting", ".admin"),
}
APPLICATION = {"id": "0a1b2c3d4e5f", "name": "tandem", "user": "tester", "secret": "applicationtesting"}
USER_DOMAIN = {"id": "default", "name": "Default"}
# Each region has an account of its own.
REGIONS = {"One": "test", "Two": "other"}

PROXY = """
[pipeline:main]
pipeline = catch_errors gatekeeper healthcheck memory listing_formats control bulk identity s3api \
tempauth copy container-quotas account-quotas slo dlo versioned_writes symlink proxy-server
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
allow_account_management = true
# An object server whose file system has no room for an attribute says 507, and is then not asked for a minute: with one
# disk that is everything. ext4 has 4 KiB for all attributes of a file, which a long name in a container with versions
# goes beyond.
error_suppression_interval = 0
[filter:memory]
paste.filter_factory = __main__:memory
[filter:control]
paste.filter_factory = __main__:control
[filter:identity]
paste.filter_factory = __main__:identity
[filter:s3api]
use = egg:swift#s3api
[filter:tempauth]
use = egg:swift#tempauth
token_life = {life}
{users}
[filter:container-quotas]
use = egg:swift#container_quotas
[filter:account-quotas]
use = egg:swift#account_quotas
[filter:slo]
use = egg:swift#slo
[filter:versioned_writes]
use = egg:swift#versioned_writes
allow_versioned_writes = true
allow_object_versioning = true
"""
PLAIN = ["catch_errors", "gatekeeper", "healthcheck", "listing_formats", "bulk", "copy", "dlo", "symlink"]


def forget_flushes():
    """No test cuts the power, and flushes are what takes the time."""
    os.fsync = os.fdatasync = lambda fd: None
    connect = db.get_db_connection

    def connected(*place, **how):
        connection = connect(*place, **how)
        connection.execute("PRAGMA synchronous = OFF")
        return connection

    db.get_db_connection = connected


class Memory(object):
    """What Swift asks of memcached."""

    def __init__(self):
        self.values = {}

    def get(self, key, raise_on_error=False):
        value, ends = self.values.get(key, (None, 0))
        return value if not ends or ends > time() else None

    def set(self, key, value, serialize=True, time=0, min_compress_len=0, raise_on_error=False):
        # Through JSON, as on the way to memcached.
        self.values[key] = (json.loads(json.dumps(value)), time and time_from(time))
        return True

    def incr(self, key, delta=1, time=0):
        value = max(0, int(self.get(key) or 0) + delta)
        self.set(key, value, time=time)
        return value

    def delete(self, key, server_key=None):
        self.values.pop(key, None)


def time_from(seconds):
    return time() + seconds


MEMORY = Memory()


def memory(_conf, **_local):
    def around(app):
        def answer(environ, start):
            environ["swift.cache"] = MEMORY
            return app(environ, start)

        return answer

    return around


def control(_conf, **_local):
    """What a test may do to the servers: make every token expire."""

    def around(app):
        def answer(environ, start):
            if environ["PATH_INFO"] != "/expire":
                return app(environ, start)
            for key in [key for key in MEMORY.values if key.startswith("AUTH_/")]:
                MEMORY.delete(key)
            return Response(status=204, request=Request(environ))(environ, start)

        return answer

    return around


class Refused(Exception):
    """What Keystone answers with an error."""

    def __init__(self, status, message):
        Exception.__init__(self, message)
        self.status = status


def user_of(method, body):
    """Who says that they are whom, as in "Password authentication" and "Authenticating with an Application
    Credential" (docs.openstack.org/api-ref/identity/v3)."""
    denied = Refused(401, "The request you have made requires authentication.")
    if method == "password":
        said = body["password"]["user"]
        if "id" in said:
            name = said["id"][2:] if said["id"].startswith("u-") else None
        else:
            domain = said["domain"]
            name = said["name"] if USER_DOMAIN in (dict(USER_DOMAIN, **domain),) else None
        if name not in USERS or said["password"] != USERS[name][1]:
            raise denied
        return name
    if method == "application_credential":
        said = body["application_credential"]
        if "id" in said:
            known = said["id"] == APPLICATION["id"]
        else:
            user = said["user"]
            is_user = user.get("id") == "u-" + APPLICATION["user"] or (
                user.get("name") == APPLICATION["user"] and USER_DOMAIN in (dict(USER_DOMAIN, **user["domain"]),)
            )
            known = said["name"] == APPLICATION["name"] and is_user
        if not known or said["secret"] != APPLICATION["secret"]:
            raise denied
        return APPLICATION["user"]
    raise Refused(401, "Attempted to authenticate with an unsupported method.")


def project_of(user, method, scope):
    own = USERS[user][0]
    if method == "application_credential":
        if scope is not None:
            why = "Error authenticating with application credential: Application credentials cannot request a scope."
            raise Refused(401, why)
        return own
    if scope is None:
        return None
    project = scope["project"]
    if "id" in project:
        name = project["id"][2:] if project["id"].startswith("p-") else None
    else:
        name = project["name"] if USER_DOMAIN in (dict(USER_DOMAIN, **project["domain"]),) else None
    if name != own:
        raise Refused(401, "The request you have made requires authentication.")
    return name


def endpoints(host):
    for region, account in sorted(REGIONS.items()):
        for interface in ("public", "internal"):
            # Nothing answers inside.
            at = host if interface == "public" else "http://127.0.0.1:1"
            yield {
                "id": uuid.uuid4().hex,
                "interface": interface,
                "region": region,
                "region_id": region,
                "url": "%s/v1/AUTH_%s" % (at, account),
            }


def token_for(req):
    wanted = json.loads(req.body)["auth"]
    (method,) = wanted["identity"]["methods"]
    user = user_of(method, wanted["identity"])
    project = project_of(user, method, wanted.get("scope"))
    token = "AUTH_tk" + uuid.uuid4().hex
    account, _, role = USERS[user]
    groups = [account, "%s:%s" % (account, user)]
    if role == ".admin":
        groups += ["AUTH_%s" % account for account in REGIONS.values()]
    # As tempauth remembers its own.
    MEMORY.set("AUTH_/token/" + token, (time() + LIFE, ",".join(groups)), time=LIFE)
    stamp = lambda at: utils.Timestamp(at).isoformat[:26] + "Z"  # noqa: E731
    told = {
        "methods": [method],
        "user": {"id": "u-" + user, "name": user, "domain": USER_DOMAIN},
        "audit_ids": [uuid.uuid4().hex],
        "issued_at": stamp(time()),
        "expires_at": stamp(time() + LIFE),
    }
    if project is not None:
        host = req.host_url
        told["project"] = {"id": "p-" + project, "name": project, "domain": USER_DOMAIN}
        told["roles"] = [{"id": "r-member", "name": "member"}]
        compute = {"id": "e", "interface": "public", "region": "One", "region_id": "One", "url": host + "/compute"}
        told["catalog"] = [
            {"type": "compute", "id": "c", "name": "nova", "endpoints": [compute]},
            {"type": "object-store", "id": "s", "name": "swift", "endpoints": list(endpoints(host))},
        ]
    return token, told


def identity(_conf, **_local):
    """Keystone's API v3, as far as a client of Swift asks for it."""

    def respond(req):
        headers = {"Content-Type": "application/json"}
        try:
            if (req.method, req.path.rstrip("/")) == ("GET", "/v3"):
                links = [{"rel": "self", "href": req.host_url + "/v3/"}]
                version = {"id": "v3.14", "status": "stable", "updated": "2020-04-07T00:00:00Z", "links": links}
                return Response(body=json.dumps({"version": version}), headers=headers, request=req)
            if (req.method, req.path) != ("POST", "/v3/auth/tokens"):
                raise Refused(404, "Could not find the requested endpoint.")
            token, told = token_for(req)
        except Refused as error:
            title = {401: "Unauthorized", 404: "Not Found"}[error.status]
            said = {"error": {"code": error.status, "message": str(error), "title": title}}
            return Response(status=error.status, body=json.dumps(said), headers=headers, request=req)
        except (KeyError, TypeError, ValueError) as error:
            said = {"error": {"code": 400, "message": "Invalid input: %s" % error, "title": "Bad Request"}}
            return Response(status=400, body=json.dumps(said), headers=headers, request=req)
        headers["X-Subject-Token"] = token
        return Response(status=201, body=json.dumps({"token": told}), headers=headers, request=req)

    def around(app):
        def answer(environ, start):
            if not environ["PATH_INFO"].startswith("/v3"):
                return app(environ, start)
            req = Request(environ)
            return respond(req)(environ, start)

        return answer

    return around


def write(path, text):
    with open(path, "w") as file:
        file.write(text)
    return path


def make_ring(home, name, port):
    device = {"id": 0, "zone": 0, "region": 1, "weight": 1.0, "device": "disk", "ip": "127.0.0.1", "port": port}
    device.update(replication_ip="127.0.0.1", replication_port=port, meta="")
    # One part on one device.
    RingData([array("H", [0, 0])], [device], 31).save(os.path.join(home, name + ".ring.gz"))


def main(home):
    disks = os.path.join(home, "disks")
    os.makedirs(os.path.join(disks, "disk"))
    try:
        os.setxattr(disks, b"user.swift", b"1")
    except OSError as error:
        sys.exit("%s is on a file system without extended attributes: %s" % (home, error))
    write(os.path.join(home, "swift.conf"), "[swift-hash]\nswift_hash_path_suffix = tandem\n")
    utils.set_swift_dir(home)
    forget_flushes()
    common = "[DEFAULT]\nswift_dir = %s\ndevices = %s\nmount_check = false\n" % (home, disks)
    # A busy machine is no broken cluster: what it takes for one that fell silent leaves a container without its objects.
    common += "conn_timeout = 60\nnode_timeout = 120\ncontainer_update_timeout = 120\nclient_timeout = 300\n"
    common += "fallocate_reserve = 0\ndisable_fallocate = true\nlog_level = ERROR\nlog_address = /dev/null\n"
    sockets = {name: eventlet.listen(("127.0.0.1", 0)) for name in ("proxy", "account", "container", "object")}
    for name in ("account", "container", "object"):
        make_ring(home, name, sockets[name].getsockname()[1])
    users = "".join(
        "user_%s_%s = %s %s\n" % (account, name, key, role)
        for name, (account, key, role) in USERS.items()
    )
    proxy = common + PROXY.format(life=LIFE, users=users)
    for name in PLAIN:
        proxy += "[filter:%s]\nuse = egg:swift#%s\n" % (name, name)
    files = {"proxy": write(os.path.join(home, "proxy.conf"), proxy)}
    for name in ("account", "container", "object"):
        text = common + "[pipeline:main]\npipeline = %s-server\n" % name
        text += "[app:%s-server]\nuse = egg:swift#%s\n" % (name, name)
        files[name] = write(os.path.join(home, name + ".conf"), text)
    servers = []
    for name, socket in sockets.items():
        app = loadapp(files[name], global_conf={"log_name": name})
        servers.append(
            eventlet.spawn(
                wsgi.server,
                socket,
                app,
                utils.NullLogger(),
                protocol=SwiftHttpProtocol,
                capitalize_response_headers=False,
            )
        )
    print("Swift answers at http://127.0.0.1:%d/" % sockets["proxy"].getsockname()[1], flush=True)
    for server in servers:
        server.wait()


if __name__ == "__main__":
    main(os.path.abspath(sys.argv[1]))
