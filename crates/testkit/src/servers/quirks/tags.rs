//! ETags of uploads in parts that are drawn by chance: each upload shows another one, whatever its content.

use std::collections::BTreeMap;

use super::target::{Action, Target, decoded};
use crate::servers::message::Message;

/// Which ETag is shown in place of which, by bucket and key.
#[derive(Debug, Default)]
pub(super) struct Tags {
    shown: BTreeMap<String, Shown>,
    drawn: u64,
}

#[derive(Debug)]
struct Shown {
    real: String,
    shown: String,
}

impl Tags {
    /// Writes the ETags that the server knows into a request that names those which were shown.
    pub(super) fn ask(&self, request: &mut Message, target: &Target) {
        self.translate(request, "if-match", &target.path);
        let source = request.header("x-amz-copy-source").map(|source| {
            let path = source.split('?').next().unwrap_or_default();
            decoded(path.trim_start_matches('/'))
        });
        if let Some(source) = source {
            self.translate(request, "x-amz-copy-source-if-match", &source);
        }
    }

    fn translate(&self, request: &mut Message, header: &str, path: &str) {
        if let Some(value) = request.header(header)
            && let Some(known) = self.shown.get(path)
            && value.contains(&known.shown)
        {
            let value = value.replace(&known.shown, &known.real);
            request.set(header, &value);
        }
    }

    /// Writes the ETags that are shown into an answer. How many there were.
    pub(super) fn show(&mut self, answer: &mut Message, target: &Target) -> usize {
        if target.action == Action::Finish && answer.status() == 200 {
            self.draw(answer, target);
        }
        let mut count = 0;
        if let Some(known) = self.shown.get(&target.path) {
            if let Some(tag) = answer.header("etag")
                && tag.contains(&known.real)
            {
                let tag = tag.replace(&known.real, &known.shown);
                answer.set("etag", &tag);
                count += 1;
            }
            if target.action == Action::Finish {
                let body = String::from_utf8_lossy(&answer.body);
                let body = body.replace(&known.real, &known.shown);
                answer.replace_body(body);
                count += 1;
            }
        }
        if target.action == Action::List && answer.status() == 200 {
            let body = String::from_utf8_lossy(&answer.body).into_owned();
            let (body, replaced) = self.listed(&body, &target.path);
            if replaced > 0 {
                answer.replace_body(body);
                count += replaced;
            }
        }
        count
    }

    /// An upload was finished: what it is called from now on.
    fn draw(&mut self, answer: &Message, target: &Target) {
        let body = String::from_utf8_lossy(&answer.body);
        let Some(real) = between(&body, "<ETag>", "</ETag>") else {
            return;
        };
        let real = real.replace("&quot;", "").replace('"', "");
        self.drawn += 1;
        let parts = real.rsplit('-').next().unwrap_or_default();
        let shown = format!(
            "{:032x}-{parts}",
            0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(self.drawn)
        );
        self.shown
            .insert(target.path.clone(), Shown { real, shown });
    }

    /// A listing of the bucket `path`, one object after the other.
    fn listed(&self, body: &str, path: &str) -> (String, usize) {
        let bucket = path.split('/').next().unwrap_or_default();
        let (mut text, mut count) = (String::new(), 0);
        for piece in body.split_inclusive("</ETag>") {
            let key = piece
                .rsplit_once("<Key>")
                .and_then(|(_, rest)| rest.split_once("</Key>"))
                .map(|(key, _)| format!("{bucket}/{}", decoded(key)));
            match key.and_then(|key| self.shown.get(&key)) {
                Some(known) if piece.contains(&known.real) => {
                    text.push_str(&piece.replace(&known.real, &known.shown));
                    count += 1;
                }
                _ => text.push_str(piece),
            }
        }
        (text, count)
    }
}

fn between<'a>(text: &'a str, begin: &str, end: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(begin)?;
    Some(rest.split_once(end)?.0)
}
