//! Lists the given folders at once, each with all below, and prints how long it took:
//! `cargo run --release -p tandem-local --example scan -- [--rounds N] FOLDER...`

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use tandem_core::environment::{BoxFuture, Environment, SharedEnvironment, Task};
use tandem_core::path::RelPath;
use tandem_core::storage::{Depth, Listed, Root, Storage};
use tandem_core::time::Timestamp;
use tandem_local::{LocalStorage, Options};

struct Quiet(Instant);

impl Environment for Quiet {
    fn now(&self) -> Timestamp {
        Timestamp(0)
    }
    fn uptime(&self) -> Duration {
        self.0.elapsed()
    }
    fn random(&self) -> u64 {
        4
    }
    fn sleep(&self, time: Duration) -> BoxFuture<()> {
        Box::pin(tokio::time::sleep(time))
    }
    fn spawn(&self, task: BoxFuture<()>) -> Task {
        let task = tokio::spawn(task);
        Task::new(move || task.abort())
    }
}

async fn count(root: Arc<dyn Root>) -> Result<(usize, usize), String> {
    let mut listing = root.list(&RelPath::root(), Depth::Subtree);
    let (mut folders, mut entries) = (0, 0);
    while let Some(listed) = listing.next().await {
        match listed.map_err(|error| error.to_string())? {
            Listed::Folder(folder) => {
                folders += 1;
                entries += folder.entries.len();
            }
            Listed::Unreadable(_) => {}
            Listed::End => return Ok((folders, entries)),
        }
    }
    Err("the listing has no end".to_owned())
}

fn both(roots: &[Arc<dyn Root>]) -> impl Future<Output = Result<Vec<(usize, usize)>, String>> {
    let roots = roots.to_vec();
    async move {
        let counts = roots.into_iter().map(|root| tokio::spawn(count(root)));
        let mut found = Vec::new();
        for counted in futures_util::future::join_all(counts).await {
            found.push(counted.map_err(|error| error.to_string())??);
        }
        Ok(found)
    }
}

#[allow(clippy::print_stdout, reason = "it is what the example is for")]
#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut folders: Vec<String> = std::env::args().skip(1).collect();
    let mut rounds = 5;
    if folders.first().is_some_and(|arg| arg == "--rounds") {
        rounds = folders.get(1).ok_or("a number is missing")?.parse()?;
        folders.drain(..2);
    }
    let environment: SharedEnvironment = Arc::new(Quiet(Instant::now()));
    let storage = LocalStorage::new(Options::default(), None, environment);
    let mut roots = Vec::new();
    for folder in &folders {
        roots.push(storage.root(folder).await?);
    }
    for _ in 0..rounds {
        let begun = Instant::now();
        let found = both(&roots).await?;
        println!("{:.3} s  {found:?}", begun.elapsed().as_secs_f64());
    }
    Ok(())
}
