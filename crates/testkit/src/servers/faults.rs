//! Faults by script, for every simulated service: what befalls the next requests of a kind.

use std::time::Duration;

/// What befalls a request.
#[derive(Debug, Clone)]
pub enum Fault {
    /// It is not done and answered with this status, and with this many seconds in `Retry-After` (RFC 9110, section
    /// 10.2.3).
    Status {
        /// Of the answer.
        status: u16,
        /// What the answer asks to wait for, in seconds.
        retry_after: Option<u32>,
    },
    /// It is not done, and the connection is closed.
    LoseRequest,
    /// It is done, and the connection is closed without an answer.
    LoseAnswer,
    /// Of its body only so many bytes are taken, then the connection is closed.
    CutRequest(usize),
    /// Of its answer's body only so many bytes are sent, then the connection is closed.
    CutAnswer(usize),
    /// Of its answer's body only so many bytes are sent, as if there were no more: something between the two broke off.
    ShortAnswer(usize),
    /// The body of its answer is sent twice, as one.
    DoubleAnswer,
    /// It is answered after this time.
    Slow(Duration),
    /// The token that it shows, and every other, is no longer good. Of Nextcloud this is the app password.
    ExpireTokens,
    /// A listing shows what there was when the fault was scripted.
    StaleListing,
}

/// What befalls which requests, with what the server held when that was scripted.
#[derive(Debug)]
struct Rule<Held> {
    method: String,
    part: String,
    /// How many requests it passes over first.
    spares: u32,
    left: u32,
    fault: Fault,
    then: Held,
}

/// The rules that wait for their requests.
#[derive(Debug)]
pub(super) struct Script<Held>(Vec<Rule<Held>>);

impl<Held> Default for Script<Held> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<Held: Clone> Script<Held> {
    /// `fault` befalls the next `times` requests of a method whose target has a part in it, after the first `spares`.
    pub(super) fn add(
        &mut self,
        (method, part): (&str, &str),
        spares: u32,
        times: u32,
        fault: Fault,
        then: Held,
    ) {
        self.0.push(Rule {
            method: method.to_owned(),
            part: part.to_owned(),
            spares,
            left: times,
            fault,
            then,
        });
    }

    /// What befalls this request, and what the server held when that was scripted.
    pub(super) fn strike(&mut self, method: &str, target: &str) -> Option<(Fault, Held)> {
        let meets = |rule: &Rule<Held>| {
            rule.method == method && target.contains(&rule.part) && rule.left > 0
        };
        let rule = self.0.iter_mut().find(|rule| meets(rule))?;
        if rule.spares > 0 {
            rule.spares -= 1;
            return None;
        }
        rule.left -= 1;
        Some((rule.fault.clone(), rule.then.clone()))
    }

    /// Nothing befalls anybody any more.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// How many faults have not met their requests yet.
    pub(super) fn left(&self) -> u32 {
        self.0.iter().map(|rule| rule.left).sum()
    }
}
