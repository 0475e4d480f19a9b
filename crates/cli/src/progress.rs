//! Progress bars: bytes, speed, time left. Only where a person watches.

use std::collections::BTreeMap;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use tandem_service::answer::ProgressView;
use tandem_service::update::Update;
use tandem_service::words;

use crate::output;

/// A bar for each pair that carries something.
pub(crate) struct Progress {
    bars: Option<MultiProgress>,
    open: BTreeMap<String, ProgressBar>,
}

impl Progress {
    /// Shown if `wanted` and somebody watches.
    pub(crate) fn new(wanted: bool) -> Self {
        let target = || MultiProgress::with_draw_target(ProgressDrawTarget::stderr_with_hz(4));
        Self {
            bars: (wanted && output::is_watched()).then(target),
            open: BTreeMap::new(),
        }
    }

    /// Shows what an update says of progress.
    pub(crate) fn show(&mut self, update: &Update) {
        match update {
            Update::Progress { pair, progress } => self.advance(pair, progress),
            Update::State { pair, state, shown } => match state.as_str() {
                "looking" => self
                    .bar(pair)
                    .into_iter()
                    .for_each(|bar| bar.set_message(shown.clone())),
                "syncing" => {}
                _ => self.clear(pair),
            },
            Update::Rest { pair } => self.clear(pair),
            _ => {}
        }
    }

    /// Prints a line above the bars. Where there are none it ends there and then, so that an address in it can be copied.
    pub(crate) fn note(&self, line: &Option<String>) {
        let Some(line) = line else { return };
        match &self.bars {
            // A terminal that went away shows nothing.
            Some(bars) if !self.open.is_empty() => drop(bars.println(line)),
            _ => output::note(line),
        }
    }

    /// Removes the bars.
    pub(crate) fn finish(&mut self) {
        for (_, bar) in std::mem::take(&mut self.open) {
            bar.finish_and_clear();
        }
    }

    fn advance(&mut self, pair: &str, progress: &ProgressView) {
        let Some(bar) = self.bar(pair) else { return };
        bar.set_length(progress.bytes_total);
        bar.set_position(progress.bytes_done);
        bar.set_message(format!(
            "{} of {}, {} of {}",
            words::size(progress.bytes_done),
            words::size(progress.bytes_total),
            words::grouped(progress.actions_done),
            words::count(progress.actions_total, "item", "items"),
        ));
    }

    fn bar(&mut self, pair: &str) -> Option<ProgressBar> {
        let bars = self.bars.as_ref()?;
        let make = || {
            let bar = bars.add(ProgressBar::new(0));
            let style =
                "{prefix}  {bar:24}  {percent:>3}%  {msg}  {decimal_bytes_per_sec}  {eta} left";
            // The template is a constant; if it could not be read, indicatif's own is as good.
            bar.set_style(
                ProgressStyle::with_template(style)
                    .unwrap_or_else(|_| ProgressStyle::default_bar()),
            );
            bar.set_prefix(output::visible(pair));
            bar.enable_steady_tick(Duration::from_millis(250));
            bar
        };
        Some(
            self.open
                .entry(pair.to_owned())
                .or_insert_with(make)
                .clone(),
        )
    }

    fn clear(&mut self, pair: &str) {
        if let Some(bar) = self.open.remove(pair) {
            bar.finish_and_clear();
        }
    }
}
