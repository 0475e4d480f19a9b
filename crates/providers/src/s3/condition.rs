//! Conditions as S3 writes them, and how a store wants its ETags written.

use tandem_core::error::Result;

use super::client::S3Bucket;
use crate::objects::guard::Guard;
use crate::objects::store::is_missing_bucket;

/// A condition as headers.
#[derive(Debug, Clone, Default)]
pub(super) struct Condition {
    pub(super) if_match: Option<String>,
    pub(super) if_none_match: Option<String>,
}

/// What a request says of one end of it: the key, the version, and what is to be there.
pub(super) type End<'a> = (&'a str, Option<&'a str>, &'a Guard);

impl S3Bucket {
    /// The headers for `guard`.
    pub(super) fn condition(&self, guard: &Guard) -> Condition {
        match guard {
            Guard::Absent => Condition {
                if_none_match: Some("*".to_owned()),
                ..Condition::default()
            },
            Guard::Tag(tag) => Condition {
                if_match: Some(self.if_match(tag)),
                ..Condition::default()
            },
            Guard::Any => Condition::default(),
        }
    }

    /// An ETag as If-Match wants it here.
    pub(super) fn if_match(&self, tag: &str) -> String {
        if self.bare_tags.get() == Some(true) {
            tag.to_owned()
        } else {
            format!("\"{tag}\"")
        }
    }

    /// Sends what `send` makes, which names the ETags of `ends`; the last of them is where something is changed. Where
    /// all are as they should be and the store refuses all the same, while nobody knows yet how it wants ETags written
    /// (Ceph RGW 16 refuses quoted ones), it is sent once more with bare ones.
    pub(super) async fn tagged<T, F, Fut>(
        &self,
        operation: &'static str,
        ends: &[End<'_>],
        send: F,
    ) -> Result<T>
    where
        F: Fn() -> Fut + Send + Sync,
        Fut: Future<Output = Result<T>> + Send,
        T: Send,
    {
        let is_tag = |end: &End<'_>| matches!(end.2, Guard::Tag(_));
        let is_known = self.bare_tags.get().is_some() || !ends.iter().any(is_tag);
        let refused = match send().await {
            Ok(answer) => {
                if !is_known && ends.last().is_some_and(is_tag) {
                    self.bare_tags.set(false);
                }
                return Ok(answer);
            }
            Err(error) if is_known || !error.is_lost_race() || is_missing_bucket(&error) => {
                return Err(error);
            }
            Err(error) => error,
        };
        for (key, version, guard) in ends {
            let found = self.look(operation, key, *version).await?;
            if !guard.admits(found.as_ref()) {
                return Err(refused);
            }
        }
        self.bare_tags.set(true);
        let again = send().await;
        // It was not the quotes, but somebody who wrote in between.
        if again.as_ref().is_err_and(|error| error.is_lost_race()) {
            self.bare_tags.forget();
        }
        again
    }
}
