//! `tandem run`: changes are carried while it runs.

use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use crate::program::Device;

struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn started(device: &Device) -> Running {
    let child = device
        .command(&[], &["run"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    Running(child.unwrap())
}

/// Waits until the file has this content, for ten seconds at most; answers how long it took.
fn arrives(path: &Path, content: &[u8]) -> Duration {
    let begin = Instant::now();
    while std::fs::read(path).ok().as_deref() != Some(content) {
        assert!(
            begin.elapsed() < Duration::from_secs(10),
            "{} did not arrive",
            path.display()
        );
        std::thread::sleep(Duration::from_millis(5));
    }
    begin.elapsed()
}

#[test]
fn a_save_is_on_the_other_side_while_it_runs() {
    let device = Device::new();
    let (source, destination) = (device.folder("source"), device.folder("destination"));
    std::fs::write(source.join("first"), "1").unwrap();
    device.pair("run", &source, &destination);
    let _running = started(&device);
    arrives(&destination.join("first"), b"1");
    let mut times: Vec<Duration> = (0..20)
        .map(|n| {
            let content = format!("save {n}");
            std::fs::write(source.join("saved"), &content).unwrap();
            arrives(&destination.join("saved"), content.as_bytes())
        })
        .collect();
    times.sort();
    println!("median {:?}, p95 {:?}", times[10], times[18]);
    assert!(times[18] < Duration::from_secs(3), "p95 {:?}", times[18]);
    std::fs::write(destination.join("back"), "back").unwrap();
    arrives(&source.join("back"), b"back");
}
