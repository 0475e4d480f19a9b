#!/usr/bin/env bash
# The wide run: the S3 suite over servers that are too heavy to install in every run. It starts none of them. Each is
# started by hand, as below, and named in the environment:
#
#   TANDEM_S3_ENDPOINT=http://127.0.0.1:PORT TANDEM_S3_ACCESS_KEY=... TANDEM_S3_SECRET_KEY=... [TANDEM_S3_REGION=...]
#
# Tests take part by `tandem_testkit::servers::External::from_env()`, an `#[ignore]`, and a name with `wide` in it.
#
#   Swift s3api   Debian: swift-proxy swift-account swift-container swift-object memcached; one configuration each, proxy
#                 pipeline with s3api and tempauth. Answers 501 to conditional writes and to aws-chunked bodies.
#   Ceph RGW      Debian: ceph-mon ceph-osd radosgw; one mon, one memstore osd; cephx must be on. About 35 s to the first
#                 answer. Takes If-Match only without quotes, ignores it for deletes.
#   Garage        cargo install garage@2.5.0 --locked (it compiles for long); `garage server --single-node`.
#                 Ignores every condition and answers 200.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$ROOT"

for name in TANDEM_S3_ENDPOINT TANDEM_S3_ACCESS_KEY TANDEM_S3_SECRET_KEY; do
    [ -n "${!name:-}" ] || fail "$name is not set: the wide run needs a server that is already running, see the top of scripts/wide.sh"
done

if cargo nextest --version >/dev/null 2>&1; then
    exec cargo nextest run --workspace --run-ignored only --no-fail-fast wide
fi
exec cargo test --workspace -- --ignored wide
