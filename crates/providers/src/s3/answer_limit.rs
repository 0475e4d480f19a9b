//! An answer is read up to a length that no honest one has: the SDK holds it in memory whole (P22).

use std::pin::Pin;
use std::task::{Context, Poll};

use aws_sdk_s3::config::interceptors::BeforeDeserializationInterceptorContextMut;
use aws_sdk_s3::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_s3::error::BoxError;
use aws_sdk_s3::primitives::SdkBody;
use aws_smithy_runtime_api::client::orchestrator::Metadata;
use bytes::Bytes;
use http_body::{Body, Frame};

/// A page of 1,000 keys of 1,024 bytes, each of them written as `&quot;`, and what stands beside them.
const LONGEST: u64 = 8 << 20;

/// The one operation whose answer is handed on as it comes.
const STREAMED: &str = "GetObject";

/// Cuts off what is longer.
#[derive(Debug)]
pub(super) struct AnswerLimit;

#[aws_smithy_runtime_api::client::interceptors::dyn_dispatch_hint]
impl Intercept for AnswerLimit {
    fn name(&self) -> &'static str {
        "AnswerLimit"
    }

    fn modify_before_deserialization(
        &self,
        context: &mut BeforeDeserializationInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        bag: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let is_content = bag.load::<Metadata>().is_some_and(|m| m.name() == STREAMED)
            && context.response().status().is_success();
        if !is_content {
            let body = context.response_mut().body_mut();
            let inner = std::mem::replace(body, SdkBody::taken());
            let left = LONGEST;
            *body = SdkBody::from_body_1_x(Limited { inner, left });
        }
        Ok(())
    }
}

struct Limited {
    inner: SdkBody,
    left: u64,
}

impl Body for Limited {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.inner).poll_frame(cx);
        if let Poll::Ready(Some(Ok(frame))) = &polled {
            let length = frame.data_ref().map_or(0, |bytes| bytes.len() as u64);
            match this.left.checked_sub(length) {
                Some(left) => this.left = left,
                None => return Poll::Ready(Some(Err("the answer is too long".into()))),
            }
        }
        polled
    }
}
