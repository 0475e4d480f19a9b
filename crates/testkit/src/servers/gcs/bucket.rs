//! A bucket and what is kept in it ("Object Versioning", cloud.google.com/storage/docs/object-versioning; "Soft delete",
//! cloud.google.com/storage/docs/soft-delete).

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::moment::Moment;
use super::object::Object;
use super::refusal::Refusal;

/// Objects of one bucket.
#[derive(Debug, Clone, Default)]
pub(super) struct Bucket {
    pub(super) name: String,
    pub(super) live: BTreeMap<String, Object>,
    /// What was replaced or deleted while versions were kept.
    pub(super) noncurrent: BTreeMap<(String, i64), Object>,
    /// What was deleted for good and can be restored for a while.
    pub(super) soft_deleted: BTreeMap<(String, i64), Object>,
    pub(super) versioning: bool,
    /// For how long what was deleted for good can be restored, in seconds; 0 for not at all.
    pub(super) soft_delete_secs: i64,
    metageneration: i64,
    created: Moment,
    /// The last generation that was given out.
    last: i64,
}

impl Bucket {
    pub(super) fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            metageneration: 1,
            created: Moment::now(),
            ..Self::default()
        }
    }

    /// A generation above all others of the bucket; they are microseconds, so that a later one is greater.
    fn next_generation(&mut self) -> i64 {
        let now = i64::try_from(Moment::now().0.as_micros()).unwrap_or(i64::MAX);
        self.last = now.max(self.last + 1);
        self.last
    }

    /// Makes `object` the live one of its name. What was live before becomes noncurrent.
    pub(super) fn insert(&mut self, mut object: Object) -> Object {
        object.generation = self.next_generation();
        object.metageneration = 1;
        object.created = Moment::now();
        object.updated = object.created;
        (object.deleted, object.soft_deleted) = (None, None);
        self.retire(&object.name);
        self.live.insert(object.name.clone(), object.clone());
        object
    }

    /// The live object of this name ceases to be live.
    pub(super) fn retire(&mut self, name: &str) {
        let Some(mut object) = self.live.remove(name) else {
            return;
        };
        if self.versioning {
            object.deleted = Some(Moment::now());
            let key = (object.name.clone(), object.generation);
            self.noncurrent.insert(key, object);
        } else {
            self.bury(object);
        }
    }

    /// One generation is deleted for good.
    pub(super) fn erase(&mut self, name: &str, generation: i64) {
        let live = self
            .live
            .get(name)
            .is_some_and(|object| object.generation == generation);
        let gone = if live {
            self.live.remove(name)
        } else {
            self.noncurrent.remove(&(name.to_owned(), generation))
        };
        if let Some(object) = gone {
            self.bury(object);
        }
    }

    fn bury(&mut self, mut object: Object) {
        if self.soft_delete_secs > 0 {
            object.soft_deleted = Some(Moment::now());
            let key = (object.name.clone(), object.generation);
            self.soft_deleted.insert(key, object);
        }
    }

    /// The live object of this name, or the generation that is asked for.
    pub(super) fn find(&self, name: &str, generation: Option<i64>) -> Option<&Object> {
        let live = self.live.get(name);
        let Some(generation) = generation else {
            return live;
        };
        live.filter(|object| object.generation == generation)
            .or_else(|| self.noncurrent.get(&(name.to_owned(), generation)))
    }

    /// The same, or 404.
    pub(super) fn get(&self, name: &str, generation: Option<i64>) -> Result<&Object, Refusal> {
        let found = self.find(name, generation);
        found.ok_or_else(|| Refusal::no_object(&self.name, name))
    }

    /// The same, to be changed.
    pub(super) fn get_mut(
        &mut self,
        name: &str,
        generation: Option<i64>,
    ) -> Result<&mut Object, Refusal> {
        let missing = Refusal::no_object(&self.name, name);
        let is_live = |object: &Object| generation.is_none_or(|g| g == object.generation);
        if self.live.get(name).is_some_and(is_live) {
            return self.live.get_mut(name).ok_or(missing);
        }
        let key = (name.to_owned(), generation.unwrap_or_default());
        self.noncurrent.get_mut(&key).ok_or(missing)
    }

    /// The resource that shows it ("Buckets", cloud.google.com/storage/docs/json_api/v1/buckets).
    pub(super) fn resource(&self, origin: &str) -> Value {
        json!({
            "kind": "storage#bucket",
            "id": self.name,
            "name": self.name,
            "selfLink": format!("{origin}/storage/v1/b/{}", self.name),
            "projectNumber": "1",
            "generation": "1",
            "metageneration": self.metageneration.to_string(),
            "location": "EUROPE-WEST1",
            "locationType": "region",
            "storageClass": "STANDARD",
            "etag": format!("B{:x}=", self.metageneration),
            "timeCreated": self.created.to_string(),
            "updated": self.created.to_string(),
            "iamConfiguration": {"uniformBucketLevelAccess": {"enabled": true}},
            "versioning": {"enabled": self.versioning},
            "softDeletePolicy": {"retentionDurationSeconds": self.soft_delete_secs.to_string()},
        })
    }

    /// Takes over what a resource says ("Buckets: patch").
    pub(super) fn patch(&mut self, resource: &Value) {
        let versioning = resource.pointer("/versioning/enabled");
        if let Some(enabled) = versioning.and_then(Value::as_bool) {
            self.versioning = enabled;
        }
        let kept = resource.pointer("/softDeletePolicy/retentionDurationSeconds");
        let secs = kept.and_then(|kept| kept.as_i64().or_else(|| kept.as_str()?.parse().ok()));
        self.soft_delete_secs = secs.unwrap_or(self.soft_delete_secs);
        self.metageneration += 1;
    }
}
