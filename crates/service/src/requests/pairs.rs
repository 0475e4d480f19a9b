//! Making, changing and forgetting pairs.

use std::collections::BTreeMap;
use std::path::Path;

use tandem_core::entry::Kind;
use tandem_core::error::Cause;
use tandem_core::path::RelPath;
use tandem_core::side::Side;
use tandem_core::storage::Locator;
use tandem_engine::setup::PairOptions;

use crate::answer::{Answer, GuaranteeView, PairView};
use crate::config::{Config, End, PairRecord, Pause, StorageRecord};
use crate::environment::now;
use crate::fault::{Fault, Result};
use crate::location::{LOCAL, Location, is_storage_name};
use crate::pair_rules::{self, Ground, Joined};
use crate::profile::real_path;
use crate::request::{PairChange, PairSpec};
use crate::service::Service;
use crate::storages::Storages;
use crate::when::When;
use crate::words;

impl Service {
    pub(super) async fn pair_add(&self, spec: PairSpec) -> Result<Answer> {
        let _changing = self.0.changing.lock().await;
        let config = self.config();
        check_new_name(&config, &spec.name)?;
        let begin_with = config.settings.new_pairs.options();
        let options = super::with_changes(&begin_with, &spec.options)?;
        check_options(&options)?;
        let record = PairRecord {
            id: uuid::Uuid::new_v4().to_string(),
            name: spec.name.clone(),
            is_new: true,
            created: When(now()),
            source: end_of(&config, &spec.ends.source)?,
            destination: end_of(&config, &spec.ends.destination)?,
            unstarted: spec.unstarted,
            paused: None,
            paused_with_all: None,
            despite: Vec::new(),
            options,
        };
        check_rules(&self.0.storages, &config, &record)?;
        for side in Side::BOTH {
            self.check_folder(&config, &spec.ends[side]).await?;
        }
        self.change(|config| {
            config.pairs.push(record);
            Ok(())
        })?;
        self.pair_show(&spec.name)
    }

    pub(super) fn pair_list(&self) -> Answer {
        let config = self.config();
        Answer::Pairs(
            config
                .pairs
                .iter()
                .map(|pair| view(&config, pair))
                .collect(),
        )
    }

    pub(super) fn pair_show(&self, name: &str) -> Result<Answer> {
        let config = self.config();
        Ok(Answer::Pair(Box::new(view(&config, config.pair(name)?))))
    }

    pub(super) async fn pair_guarantees(&self, name: &str) -> Result<Answer> {
        let config = self.config();
        let pair = config.pair(name)?;
        let [source, destination] = Side::BOTH.map(|side| self.location(pair.ends()[side]));
        let (first, first_words) = self.0.storages.root(&config, &source).await?;
        let (second, second_words) = self.0.storages.root(&config, &destination).await?;
        let (first_name, second_name) = (words::place(&first_words), words::place(&second_words));
        let ends = [
            (first_name.as_str(), first.capabilities()),
            (second_name.as_str(), second.capabilities()),
        ];
        let all = words::guarantees(&pair.options, ends);
        Ok(Answer::Guarantees(
            all.into_iter().map(GuaranteeView::from).collect(),
        ))
    }

    pub(super) async fn pair_edit(&self, change: PairChange) -> Result<Answer> {
        let _changing = self.0.changing.lock().await;
        let config = self.config();
        let old = config.pair(&change.name)?.clone();
        let mut record = old.clone();
        if let Some(new) = &change.rename
            && *new != old.name
        {
            check_new_name(&config, new)?;
            record.name.clone_from(new);
        }
        for side in Side::BOTH {
            if let Some(at) = &change.ends[side] {
                *record.end_mut(side) = end_of(&config, at)?;
            }
        }
        record.options = super::with_changes(&old.options, &change.options)?;
        check_options(&record.options)?;
        check_rules(&self.0.storages, &config.without(&old.id), &record)?;
        for side in Side::BOTH {
            if let Some(at) = &change.ends[side] {
                self.check_folder(&config, at).await?;
            }
        }
        // The database stays: the engine finds out by the roots' identities whether an end was moved or
        // replaced, and what is already there is not sent again.
        let _closed = self.close_pairs(std::slice::from_ref(&old)).await?;
        let name = record.name.clone();
        self.change(|config| {
            let known = pair_mut(config, &old.name)?;
            // Not what this changes, and both may have changed meanwhile.
            record.unstarted = known.unstarted;
            record.paused = known.paused;
            record.paused_with_all = known.paused_with_all;
            record.despite.clone_from(&known.despite);
            record.is_new = known.is_new;
            *known = record;
            Ok(())
        })?;
        self.pair_show(&name)
    }

    /// A pair that is not paused goes on in spite of what stands against that at the moment.
    pub(super) async fn pair_pause(
        &self,
        name: &str,
        paused: bool,
        until: Option<When>,
    ) -> Result<Answer> {
        let mut despite = Vec::new();
        if !paused {
            self.look_around().await;
            despite = self.hindrances(self.config().pair(name)?);
        }
        self.change(|config| {
            let pause = Pause {
                since: When(now()),
                until,
            };
            let pair = pair_mut(config, name)?;
            pair.paused = paused.then_some(pause);
            if !paused {
                pair.paused_with_all = None;
                pair.unstarted = false;
            }
            pair.despite = despite;
            Ok(())
        })?;
        self.pair_show(name)
    }

    pub(super) async fn pause_all(&self, paused: bool, until: Option<When>) -> Result<Answer> {
        self.look_around().await;
        let known = self.config();
        let against: BTreeMap<_, _> = known
            .pairs
            .iter()
            .map(|pair| (pair.id.clone(), self.hindrances(pair)))
            .collect();
        let since = When(now());
        self.change(|config| {
            let are_together = config
                .pairs
                .iter()
                .any(|pair| pair.is_paused_with_all_at(since.0));
            for pair in config.pairs.iter_mut().filter(|pair| !pair.unstarted) {
                pair.paused_with_all = paused.then_some(Pause { since, until });
                if !paused && !are_together {
                    pair.paused = None;
                }
                let goes_on = pair.paused_at(since.0).is_none();
                let despite = against.get(&pair.id).filter(|_| goes_on);
                pair.despite = despite.cloned().unwrap_or_default();
            }
            Ok(())
        })?;
        Ok(self.pair_list())
    }

    /// Forgets the pairs that nobody has started: whoever made them is gone.
    pub(crate) async fn take_back_unstarted(&self) {
        for pair in self.config().pairs.iter().filter(|pair| pair.unstarted) {
            if let Err(fault) = self.pair_remove(&pair.name).await {
                tracing::warn!(pair = %pair.name, cause = fault.cause(), "it could not be taken back");
            }
        }
    }

    pub(super) async fn pair_remove(&self, name: &str) -> Result<Answer> {
        let _changing = self.0.changing.lock().await;
        let record = self.config().pair(name)?.clone();
        let _closed = self.close_pairs(std::slice::from_ref(&record)).await?;
        self.change(|config| {
            config.pairs.retain(|p| p.id != record.id);
            Ok(())
        })?;
        if let Err(error) = self.0.profile.remove_pair_state(&record.id) {
            tracing::warn!(pair = name, %error, "the state of a removed pair could not be deleted");
        }
        Ok(Answer::Done(format!(
            "The pair {name} was removed. The files on both sides stay as they are."
        )))
    }

    /// Puts a pair's damaged notes aside, so that both sides are compared as those of a pair whose state was lost (P6).
    pub(super) async fn pair_compare_anew(&self, name: &str) -> Result<Answer> {
        let _changing = self.0.changing.lock().await;
        let record = self.config().pair(name)?.clone();
        if !self.has_damaged_state(&record).await? {
            return Err(Fault::Refused(format!(
                "the notes about the files of {name} are not damaged"
            )));
        }
        let closed = self.close_pairs(std::slice::from_ref(&record)).await?;
        let moved = self.0.profile.set_pair_state_aside(&record.id);
        moved.map_err(|error| Fault::StateIo(name.to_owned(), error.to_string()))?;
        drop(closed);
        self.0.changed.send_modify(|n| *n += 1);
        Ok(Answer::Done(format!(
            "Both sides of {name} are compared again; nothing is deleted."
        )))
    }

    /// Whether a pass came across damage, or opening the state does.
    async fn has_damaged_state(&self, record: &PairRecord) -> Result<bool> {
        if let Some((_, failure)) = self.live(record).stopped() {
            return Ok(failure.cause == "damaged_state");
        }
        match self.open_pair(record).await {
            Ok(_) => Ok(false),
            Err(Fault::DamagedState(..)) => Ok(true),
            Err(fault) => Err(fault),
        }
    }

    /// Pauses a pair because its hold was rejected so.
    pub(super) async fn pause_for_hold(&self, name: &str) -> Result<()> {
        self.pair_pause(name, true, None).await.map(|_| ())
    }

    /// That a folder is there, and is one.
    async fn check_folder(&self, config: &Config, at: &Location) -> Result<()> {
        let (root, words) = match self.0.storages.root(config, at).await {
            Ok(found) => found,
            Err(Fault::Storage(words, error)) => {
                return Err(self.folder_fault(config, at, words, error).await);
            }
            Err(fault) => return Err(fault),
        };
        match root.identity(false).await {
            Ok(_) => Ok(()),
            Err(error) if error.cause == Cause::NotFound && !at.is_local() => {
                self.make_folder(config, at).await
            }
            Err(error) => Err(self
                .folder_fault(config, at, Box::new(words), Box::new(error))
                .await),
        }
    }

    /// A folder on a remote storage is made if it is not there: nobody can do so beforehand.
    async fn make_folder(&self, config: &Config, at: &Location) -> Result<()> {
        let top = Location {
            storage: at.storage.clone(),
            path: String::new(),
        };
        let (root, words) = self.0.storages.root(config, &top).await?;
        let path =
            RelPath::new(at.path.trim_matches('/')).map_err(|_| Fault::NoFolder(at.to_string()))?;
        match root.create_folder(&path).await {
            Ok(_) => Ok(()),
            Err(error) => Err(Fault::Storage(Box::new(words), Box::new(error))),
        }
    }

    async fn folder_fault(
        &self,
        config: &Config,
        at: &Location,
        words: Box<crate::fault::StorageWords>,
        error: Box<tandem_core::error::StorageError>,
    ) -> Fault {
        if !at.is_local() || matches!(error.cause, Cause::Forbidden) {
            return Fault::Storage(words, error);
        }
        match self.kind_at(config, at).await {
            Some(Kind::Folder) => Fault::Storage(words, error),
            Some(_) => Fault::IsFile(at.to_string()),
            None if error.cause == Cause::NotFound => Fault::NoFolder(at.to_string()),
            None => Fault::Storage(words, error),
        }
    }

    /// What lies at a place, seen from the folder above.
    async fn kind_at(&self, config: &Config, at: &Location) -> Option<Kind> {
        let (above, name) = at.split()?;
        let (root, _) = self.0.storages.root(config, &above).await.ok()?;
        let path = RelPath::new(&name).ok()?;
        Some(root.stat(&Locator::of_path(path)).await.ok()??.kind)
    }
}

pub(super) fn view(config: &Config, pair: &PairRecord) -> PairView {
    let paused = pair.paused_at(now());
    let place = |end: &End| end.location(|id| config.storage_name(id)).to_string();
    PairView {
        id: pair.id.clone(),
        name: pair.name.clone(),
        source: place(&pair.source),
        destination: place(&pair.destination),
        mode: pair.options.policy.mode.name().to_owned(),
        unstarted: pair.unstarted,
        paused: paused.is_some(),
        paused_until: paused.flatten().map(When),
        created: pair.created,
        options: pair.options.clone(),
    }
}

fn pair_mut<'a>(config: &'a mut Config, name: &str) -> Result<&'a mut PairRecord> {
    let found = config.pairs.iter_mut().find(|p| p.name == name);
    found.ok_or_else(|| Fault::UnknownPair(name.to_owned()))
}

fn check_new_name(config: &Config, name: &str) -> Result<()> {
    if !is_storage_name(name) || name == LOCAL {
        return Err(Fault::BadName(name.to_owned()));
    }
    if config.pairs.iter().any(|p| p.name == name) {
        return Err(Fault::NameTaken("pair", name.to_owned()));
    }
    Ok(())
}

fn end_of(config: &Config, at: &Location) -> Result<End> {
    let storage = if at.is_local() {
        LOCAL.to_owned()
    } else {
        config.storage(&at.storage)?.id.clone()
    };
    Ok(End {
        storage,
        path: at.path.clone(),
    })
}

/// Against the pairs that are there.
pub(super) fn check_rules(storages: &Storages, config: &Config, record: &PairRecord) -> Result<()> {
    let joined = |pair| joined(storages, config, pair);
    let others: Vec<_> = config.pairs.iter().map(joined).collect();
    pair_rules::check(&joined(record), &others)
}

/// Whether the pairs on a storage may stand beside the others when it has become `record`. One that breaks a rule
/// already keeps nobody from changing its storage.
pub(super) fn check_rules_with(
    storages: &Storages,
    config: &Config,
    record: &StorageRecord,
) -> Result<()> {
    let mut changed = config.clone();
    for storage in changed.storages.iter_mut().filter(|s| s.id == record.id) {
        storage.clone_from(record);
    }
    for pair in config.pairs.iter().filter(|p| p.uses(&record.id)) {
        if check_rules(storages, &config.without(&pair.id), pair).is_ok() {
            check_rules(storages, &changed.without(&pair.id), pair)?;
        }
    }
    Ok(())
}

fn joined(storages: &Storages, config: &Config, pair: &PairRecord) -> Joined {
    Joined {
        name: pair.name.clone(),
        ends: pair.ends().map(|end| ground(storages, config, end)),
        mode: pair.options.policy.mode,
    }
}

/// Where a place lies, in a writing in which the same place reads the same.
pub(super) fn ground_at(storages: &Storages, config: &Config, at: &Location) -> Result<Ground> {
    Ok(ground(storages, config, &end_of(config, at)?))
}

fn ground(storages: &Storages, config: &Config, end: &End) -> Ground {
    let names = |path: &str| -> Vec<String> {
        path.split(['/', std::path::MAIN_SEPARATOR])
            .filter(|n| !n.is_empty())
            .map(str::to_owned)
            .collect()
    };
    let shown = end.location(|id| config.storage_name(id)).to_string();
    let record = config.storages.iter().find(|s| s.id == end.storage);
    // Two storages that lie in the same place are one ground, whatever they are called.
    match record.filter(|record| record.type_name != LOCAL) {
        Some(record) => {
            let ground = storages.ground(record);
            Ground {
                storage: ground.storage,
                path: [names(&ground.folder), names(&end.path)].concat(),
                shown,
            }
        }
        None => Ground {
            storage: LOCAL.to_owned(),
            path: names(&real_path(Path::new(&end.path)).to_string_lossy()),
            shown,
        },
    }
}

/// What options must hold beside what their types say.
pub(super) fn check_options(options: &PairOptions) -> Result<()> {
    // An empty line of a pattern file says nothing; on the command line it is a slip.
    if options.filter.patterns.iter().any(|p| p.trim().is_empty()) {
        return Err(Fault::Usage(
            "A pattern is empty.".to_owned(),
            "Give a pattern in gitignore syntax, such as “*.tmp”.".to_owned(),
        ));
    }
    if options.versions.days == 0 {
        return Err(Fault::Usage(
            "Versions are kept for at least one day.".to_owned(),
            "Give a number of days from 1 on, or switch versions off.".to_owned(),
        ));
    }
    Ok(())
}
