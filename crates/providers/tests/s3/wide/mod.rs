//! Servers that take long to install: `./dev setup wide` does, and `./dev conformance` asks those that are there.

mod ceph;
mod garage;
