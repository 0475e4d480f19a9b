"""Many small files to s3s-fs, beside rclone and s5cmd at equal concurrency."""

import os
import re
import shutil
import socket
import subprocess
import tempfile
import threading

from disk import make_tree
from measure import Run, Table

KEY, SECRET = "bench-key", "bench-secret-key"


class Server:
    """s3s-fs over a folder of its own."""

    def __init__(self, folder):
        folder.mkdir(parents=True)
        environment = os.environ | {"RUST_LOG": "s3s_fs=info", "NO_COLOR": "1"}
        command = [os.environ["TANDEM_S3S_FS"], "--host", "127.0.0.1", "--port", "0"]
        command += ["--access-key", KEY, "--secret-key", SECRET, str(folder)]
        log = tempfile.TemporaryFile(mode="w+")
        self.process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        self.port = self.wait_for_port(log)
        self.folder = folder

    def wait_for_port(self, log):
        while self.process.poll() is None:
            log.seek(0)
            found = re.search(r"127\.0\.0\.1:(\d+)", log.read())
            if found:
                return int(found[1])
        raise SystemExit("s3s-fs did not start")

    def bucket(self, name):
        (self.folder / name).mkdir()

    def stop(self):
        self.process.kill()
        self.process.wait()


class Counter:
    """Hands connections on to a server, and counts requests by method and by whether they list."""

    def __init__(self, port):
        self.target = port
        self.requests = {}
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            client, _ = self.listener.accept()
            server = socket.create_connection(("127.0.0.1", self.target))
            for ends in ((client, server, True), (server, client, False)):
                threading.Thread(target=self.pump, args=ends, daemon=True).start()

    def pump(self, origin, target, is_request):
        try:
            while data := origin.recv(1 << 16):
                if is_request:
                    self.count(data)
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def count(self, data):
        for method, path in re.findall(rb"(GET|HEAD|PUT|POST|DELETE) (\S+) HTTP/1\.1\r\n", data):
            kind = "list" if method == b"GET" and b"list-type=2" in path else method.decode()
            self.requests[kind] = self.requests.get(kind, 0) + 1


class Bucket:
    def __init__(self, programs, work, files, rounds, concurrency):
        self.programs = programs
        self.work = work
        self.files = files
        self.rounds = rounds
        self.concurrency = concurrency
        self.source = work / f"bucket-source-{files}"
        self.upload = Table(f"{files:,} small files to s3s-fs, {concurrency} at a time", "rclone copy")
        self.requests = {}

    def run(self):
        make_tree(self.source, self.files)
        server = Server(self.work / "s3s-fs")
        try:
            for number in range(self.rounds):
                self.round(server, number)
        finally:
            server.stop()
        shutil.rmtree(self.source)

    def round(self, server, number):
        url = f"http://127.0.0.1:{server.port}"
        buckets = {name: f"{name}-{number}" for name in ("rclone", "s5cmd", "tandem")}
        for bucket in buckets.values():
            server.bucket(bucket)
        profile = self.profile(url, buckets["tandem"], number)
        turns = [
            lambda: self.rclone(url, buckets["rclone"]),
            lambda: self.s5cmd(url, buckets["s5cmd"]),
            lambda: self.upload.add("tandem sync", Run(profile.command("sync", "bench"))),
        ]
        for turn in turns[number % 3 :] + turns[: number % 3]:
            turn()
        if number == self.rounds - 1:
            self.count_still(server, profile)
        shutil.rmtree(self.source / ".tandem", ignore_errors=True)

    def profile(self, url, bucket, number):
        profile = self.programs.profile(f"bucket-{number}")
        settings = [f"--set={key}={value}" for key, value in (("bucket", bucket), ("endpoint", url), ("path_style", "true"))]
        secrets = ["--secret=access_key_id", "--secret=secret_access_key"]
        subprocess.run(
            profile.command("storage", "add", "store", "--type=s3", *settings, *secrets),
            input=f"{KEY}\n{SECRET}\n", text=True, check=True, stdout=subprocess.DEVNULL,
        )
        profile.add_pair(self.source, "store:", f"--transfers={self.concurrency}")
        return profile

    def rclone(self, url, bucket):
        remote = f":s3,provider=Other,endpoint='{url}',access_key_id={KEY},secret_access_key={SECRET}:{bucket}"
        transfers = [f"--transfers={self.concurrency}", f"--checkers={self.concurrency}"]
        self.upload.add("rclone copy", Run([self.programs.rclone, "copy", str(self.source), remote, *transfers]))

    def s5cmd(self, url, bucket):
        os.environ |= {"AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_REGION": "us-east-1"}
        command = [self.programs.s5cmd, "--endpoint-url", url, "--numworkers", str(self.concurrency)]
        self.upload.add("s5cmd cp", Run([*command, "cp", f"{self.source}/", f"s3://{bucket}/"]))

    def count_still(self, server, profile):
        """What a pass asks for when nothing changed."""
        Run(profile.command("sync", "bench"))
        counter = Counter(server.port)
        subprocess.run(
            profile.command("storage", "edit", "store", f"--set=endpoint=http://127.0.0.1:{counter.port}"),
            check=True, stdout=subprocess.DEVNULL,
        )
        counter.requests.clear()
        Run(profile.command("sync", "bench"))
        self.requests = dict(sorted(counter.requests.items()))
