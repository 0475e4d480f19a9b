//! Logs: in the profile, rotated, limited, and cleaned of every secret that is known.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use tracing_subscriber::Layer;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::profile::{Profile, RotatingFile};
use crate::redact::Redactor;

/// Begins to log into `profile`, if it is ours, and with `verbose` to the standard error stream too.
///
/// # Errors
/// The log cannot be opened. Logging begun before goes on.
pub fn start(profile: Option<&Profile>, redactor: &Redactor, verbose: bool) -> io::Result<()> {
    let file = match profile {
        Some(profile) => Some(RotatingFile::open(&profile.logs())?),
        None => None,
    };
    let level = if verbose {
        LevelFilter::DEBUG
    } else {
        LevelFilter::INFO
    };
    // What libraries say about their requests is their business, and holds more than is needed.
    let targets = |level| {
        Targets::new()
            .with_default(LevelFilter::WARN)
            .with_target("tandem", level)
    };
    let to_file = file.map(|file| {
        tracing_subscriber::fmt::layer()
            .with_ansi(false)
            .with_writer(Clean::new(file, redactor))
            .with_filter(targets(level))
    });
    let to_terminal = verbose.then(|| {
        tracing_subscriber::fmt::layer()
            .with_ansi(false)
            .without_time()
            .with_writer(Clean::new(io::stderr(), redactor))
            .with_filter(targets(LevelFilter::INFO))
    });
    // An error means that logging was begun already, which is as good.
    let _ = tracing_subscriber::registry()
        .with(to_file)
        .with(to_terminal)
        .try_init();
    Ok(())
}

/// Writes lines without secrets.
struct Clean<W> {
    inner: Arc<Mutex<W>>,
    redactor: Redactor,
}

impl<W> Clean<W> {
    fn new(inner: W, redactor: &Redactor) -> Self {
        Self {
            inner: Arc::new(Mutex::new(inner)),
            redactor: redactor.clone(),
        }
    }
}

impl<'a, W: Write + 'a> MakeWriter<'a> for Clean<W> {
    type Writer = Line<W>;

    fn make_writer(&'a self) -> Line<W> {
        Line {
            inner: Arc::clone(&self.inner),
            redactor: self.redactor.clone(),
            text: Vec::new(),
        }
    }
}

/// One line: collected whole, so that no secret is cut in two, then cleaned and written.
struct Line<W: Write> {
    inner: Arc<Mutex<W>>,
    redactor: Redactor,
    text: Vec<u8>,
}

impl<W: Write> Write for Line<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.text.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<W: Write> Drop for Line<W> {
    fn drop(&mut self) {
        let clean = self.redactor.clean(&String::from_utf8_lossy(&self.text));
        // A log that cannot be written stops nothing.
        let _ = self
            .inner
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .write_all(clean.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::SecretText;

    #[test]
    fn a_line_is_written_whole_and_without_secrets() {
        let redactor = Redactor::default();
        redactor.learn(&SecretText::new("hunter2hunter2".to_owned()));
        let clean = Clean::new(Vec::new(), &redactor);
        let mut line = clean.make_writer();
        line.write_all(b"key=hunter2").unwrap();
        line.write_all(b"hunter2\n").unwrap();
        drop(line);
        assert_eq!(clean.inner.lock().unwrap().as_slice(), b"key=[redacted]\n");
    }
}
