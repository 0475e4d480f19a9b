//! Preconditions ("Request preconditions", cloud.google.com/storage/docs/request-preconditions).

use super::message::Request;
use super::object::Object;
use super::refusal::Refusal;

/// What a request expects of an object. A generation of 0 is that there is no live one.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Conditions {
    generation: Option<i64>,
    not_generation: Option<i64>,
    metageneration: Option<i64>,
    not_metageneration: Option<i64>,
}

impl Conditions {
    /// Those of the object that the request changes or reads.
    pub(super) fn of(request: &Request) -> Result<Self, Refusal> {
        Self::named(request, "if")
    }

    /// Those of the object that it copies.
    pub(super) fn of_source(request: &Request) -> Result<Self, Refusal> {
        Self::named(request, "ifSource")
    }

    fn named(request: &Request, prefix: &str) -> Result<Self, Refusal> {
        let number = |rest: &str| request.number(&format!("{prefix}{rest}"));
        Ok(Self {
            generation: number("GenerationMatch")?,
            not_generation: number("GenerationNotMatch")?,
            metageneration: number("MetagenerationMatch")?,
            not_metageneration: number("MetagenerationNotMatch")?,
        })
    }

    /// Whether they hold. Those that ask for a match are 412 where they do not, the others 304.
    pub(super) fn check(&self, object: Option<&Object>) -> Result<(), Refusal> {
        let generation = object.map_or(0, |object| object.generation);
        let metageneration = object.map(|object| object.metageneration);
        let wanted = self.generation.is_none_or(|wanted| wanted == generation)
            && self
                .metageneration
                .is_none_or(|wanted| metageneration == Some(wanted));
        if !wanted {
            return Err(Refusal::condition_not_met());
        }
        let unwanted = self.not_generation == Some(generation)
            || (self.not_metageneration.is_some() && self.not_metageneration == metageneration);
        if unwanted {
            return Err(Refusal::not_modified());
        }
        Ok(())
    }
}
