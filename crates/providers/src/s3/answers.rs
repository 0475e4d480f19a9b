//! Answers whose root element has another name than S3's, as some of moto and `rclone serve s3` do. The SDK would
//! refuse them although everything it needs is in them.

use std::pin::Pin;
use std::task::{Context, Poll};

use aws_sdk_s3::config::interceptors::BeforeDeserializationInterceptorContextMut;
use aws_sdk_s3::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_s3::error::BoxError;
use aws_sdk_s3::primitives::SdkBody;
use bytes::{Bytes, BytesMut};
use http_body::{Body, Frame};

/// Gives the root element of an answer the name it should have.
#[derive(Debug, Clone, Copy)]
pub(super) struct RootElement {
    found: &'static str,
    wanted: &'static str,
}

impl RootElement {
    /// `rclone serve s3` 1.75.
    pub(super) const CREATE_UPLOAD: Self = Self {
        found: "InitiateMultipartUpload",
        wanted: "InitiateMultipartUploadResult",
    };
    /// moto 5.2.
    pub(super) const LIST_PARTS: Self = Self {
        found: "ListPartsResponse",
        wanted: "ListPartsResult",
    };

    /// moto 5.2.
    pub(super) const VERSIONING: Self = Self {
        found: "GetBucketVersioningResponse",
        wanted: "VersioningConfiguration",
    };

    fn rename(self, text: &str) -> String {
        let (found, wanted) = (self.found, self.wanted);
        text.replace(&format!("<{found}>"), &format!("<{wanted}>"))
            .replace(&format!("<{found} "), &format!("<{wanted} "))
            .replace(&format!("</{found}>"), &format!("</{wanted}>"))
    }
}

#[aws_smithy_runtime_api::client::interceptors::dyn_dispatch_hint]
impl Intercept for RootElement {
    fn name(&self) -> &'static str {
        "RootElement"
    }

    fn modify_before_deserialization(
        &self,
        context: &mut BeforeDeserializationInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let body = context.response_mut().body_mut();
        let inner = std::mem::replace(body, SdkBody::taken());
        *body = SdkBody::from_body_1_x(Renamed {
            inner,
            read: BytesMut::new(),
            is_done: false,
            rule: *self,
        });
        Ok(())
    }
}

/// A short answer, read to its end and then told in one piece.
struct Renamed {
    inner: SdkBody,
    read: BytesMut,
    is_done: bool,
    rule: RootElement,
}

impl Body for Renamed {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = self.get_mut();
        while !this.is_done {
            match Pin::new(&mut this.inner).poll_frame(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Some(Err(error))) => return Poll::Ready(Some(Err(error))),
                Poll::Ready(Some(Ok(frame))) => {
                    if let Ok(bytes) = frame.into_data() {
                        this.read.extend_from_slice(&bytes);
                    }
                }
                Poll::Ready(None) => {
                    this.is_done = true;
                    let text = String::from_utf8_lossy(&this.read);
                    return Poll::Ready(Some(Ok(Frame::data(this.rule.rename(&text).into()))));
                }
            }
        }
        Poll::Ready(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_root_is_renamed_and_only_if_it_is_wrong() {
        let rename = |text| RootElement::CREATE_UPLOAD.rename(text);
        let right = "<InitiateMultipartUploadResult xmlns=\"x\"><Key>a</Key></InitiateMultipartUploadResult>";
        assert_eq!(rename(right), right);
        assert_eq!(
            rename("<InitiateMultipartUpload xmlns=\"x\"><Key>a</Key></InitiateMultipartUpload>"),
            right
        );
    }
}
