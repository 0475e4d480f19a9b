//! Faults by script: what befalls the next requests of a kind.

use std::collections::BTreeMap;
use std::time::Duration;

use super::bucket::Bucket;
use super::message::Request;

/// What befalls a request.
#[derive(Debug, Clone)]
pub enum Fault {
    /// It is not done and answered with this status, and with this many seconds in `Retry-After` ("Retry strategy",
    /// cloud.google.com/storage/docs/retry-strategy).
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
    /// The body of its answer is sent twice, as one.
    DoubleAnswer,
    /// It is answered after this time.
    Slow(Duration),
    /// The token that it shows, and every other, is no longer good.
    ExpireTokens,
    /// A listing shows what there was when the fault was scripted. The service itself lists what is there
    /// ("Consistency", cloud.google.com/storage/docs/consistency).
    StaleListing,
}

/// What befalls which requests.
#[derive(Debug)]
struct Rule {
    method: String,
    part: String,
    /// How many requests it passes over first.
    spares: u32,
    left: u32,
    fault: Fault,
    then: BTreeMap<String, Bucket>,
}

/// The rules that wait for their requests.
#[derive(Debug, Default)]
pub(super) struct Script(Vec<Rule>);

impl Script {
    pub(super) fn add(
        &mut self,
        request: (&str, &str),
        spares: u32,
        times: u32,
        fault: Fault,
        then: BTreeMap<String, Bucket>,
    ) {
        self.0.push(Rule {
            method: request.0.to_owned(),
            part: request.1.to_owned(),
            spares,
            left: times,
            fault,
            then,
        });
    }

    /// What befalls this request, and what the buckets held when that was scripted.
    pub(super) fn strike(
        &mut self,
        request: &Request,
    ) -> Option<(Fault, BTreeMap<String, Bucket>)> {
        let meets = |rule: &Rule| {
            rule.method == request.method && request.target.contains(&rule.part) && rule.left > 0
        };
        let rule = self.0.iter_mut().find(|rule| meets(rule))?;
        if rule.spares > 0 {
            rule.spares -= 1;
            return None;
        }
        rule.left -= 1;
        Some((rule.fault.clone(), rule.then.clone()))
    }

    /// How many faults have not met their requests yet.
    pub(super) fn left(&self) -> u32 {
        self.0.iter().map(|rule| rule.left).sum()
    }
}
