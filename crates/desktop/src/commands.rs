//! How the page's commands are answered: each becomes a request to the service.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::json;
use tandem_core::side::PerSide;
use tandem_engine::setup::PairOptions;
use tandem_service::answer::{
    Answer, ComparisonView, ConflictView, DoctorView, EntryView, ExplainView, GuaranteeView,
    HeldView, LogLines, PairView, PreviewView, ProblemView, ProfileSettings, ProfileView, StepView,
    StorageView, SyncView, TypeView,
};
use tandem_service::environment::now;
use tandem_service::fault::{Failure, Fault};
use tandem_service::location::{Location, LocationError};
use tandem_service::request::{
    KeepSide, PairChange, PairSpec, PathSpec, Request, SeenVersions, StorageSpec, UndoSpec,
};
use tandem_service::time_text;
use tandem_service::when::When;
use tauri_plugin_autostart::ManagerExt;
use tauri_plugin_dialog::{DialogExt, FilePath};

use crate::bridge::{
    Commands, FolderView, Instead, NewPair, Overview, PairForm, PairSettings, Passphrase,
    PauseSpan, Settings, SettingsView, StorageForm,
};
use crate::desk::{Desk, unexpected};
use crate::file_manager;

type Result<T> = std::result::Result<T, Failure>;

/// The answer of `request`, if it is of the kind asked for.
macro_rules! ask {
    ($desk:expr, $request:expr, $pattern:pat => $value:expr) => {
        match $desk.call($request).await? {
            $pattern => Ok($value),
            _ => Err(unexpected()),
        }
    };
}

impl Commands for Desk {
    async fn overview(&self) -> Result<Overview> {
        Ok(Desk::overview(self))
    }

    async fn add_pair(&self, pair: NewPair) -> Result<String> {
        let mut options = PairOptions::default();
        pair.settings
            .put_into(&mut options)
            .map_err(|fault| fault.failure())?;
        let spec = PairSpec {
            name: pair.name,
            ends: PerSide::new(pair.source, pair.destination),
            options: named(&options),
            unstarted: true,
        };
        ask!(self, Request::PairAdd(Box::new(spec)), Answer::Pair(pair) => pair.name)
    }

    async fn pair_form(&self, name: String) -> Result<PairForm> {
        let pair = self.pair(name).await?;
        Ok(PairForm {
            settings: PairSettings::from(&pair.options),
            name: pair.name,
            source: pair.source,
            destination: pair.destination,
        })
    }

    async fn change_pair(&self, name: String, form: PairForm) -> Result<()> {
        let pair = self.pair(name.clone()).await?;
        let mut options = pair.options;
        form.settings
            .put_into(&mut options)
            .map_err(|fault| fault.failure())?;
        let moved = |was: &str, is: &str| match is.trim() {
            is if is == was => Ok(None),
            is => typed(is, Location::parse).map(Some),
        };
        let source = moved(&pair.source, &form.source);
        let destination = moved(&pair.destination, &form.destination);
        let change = PairChange {
            ends: PerSide::new(
                source.map_err(|fault| fault.failure())?,
                destination.map_err(|fault| fault.failure())?,
            ),
            rename: (form.name != name).then_some(form.name),
            name,
            options: named(&options),
        };
        ask!(self, Request::PairEdit(Box::new(change)), Answer::Pair(_) => ())
    }

    async fn remove_pair(&self, name: String) -> Result<String> {
        ask!(self, Request::PairRemove { name }, Answer::Done(sentence) => sentence)
    }

    async fn compare_anew(&self, name: String) -> Result<String> {
        ask!(self, Request::PairCompareAnew { name }, Answer::Done(sentence) => sentence)
    }

    async fn pause(&self, names: Vec<String>, span: PauseSpan) -> Result<()> {
        let length = match span {
            PauseSpan::HalfHour => Some("30m"),
            PauseSpan::Hour => Some("1h"),
            PauseSpan::UntilTomorrow => Some("tomorrow"),
            PauseSpan::UntilResumed => None,
        };
        let until = length
            .and_then(|text| time_text::parse(text, now(), 1))
            .map(When);
        self.set_paused(names, true, until).await
    }

    async fn resume(&self, names: Vec<String>) -> Result<()> {
        self.set_paused(names, false, None).await
    }

    async fn sync_now(&self, names: Vec<String>) -> Result<Vec<SyncView>> {
        let request = Request::Sync {
            pairs: names,
            actions: false,
        };
        ask!(self, request, Answer::Synced(done) => done)
    }

    async fn preview(&self, name: String) -> Result<PreviewView> {
        let request = Request::Preview {
            streams: false,
            pairs: vec![name],
        };
        let mut previews = ask!(self, request, Answer::Previews(all) => all)?;
        let preview = previews.pop().ok_or_else(unexpected)?;
        match preview.error {
            Some(failure) => Err(failure),
            None => Ok(preview),
        }
    }

    async fn guarantees(&self, name: String) -> Result<Vec<GuaranteeView>> {
        ask!(self, Request::PairGuarantees { name }, Answer::Guarantees(all) => all)
    }

    async fn problems(&self, name: String) -> Result<Vec<ProblemView>> {
        let request = Request::Status {
            pair: Some(name),
            problems: true,
            watch: false,
        };
        let mut pairs = ask!(self, request, Answer::Status(pairs) => pairs)?;
        Ok(pairs.pop().map(|pair| pair.not_in_step).unwrap_or_default())
    }

    async fn show_folder(&self, name: String) -> Result<()> {
        let folder = self.local_end(name).await?;
        self.open_in_file_manager(move || file_manager::whole(&folder))
            .await
    }

    async fn choose_folder(&self) -> Result<Option<String>> {
        let (chosen, choice) = tokio::sync::oneshot::channel();
        self.app().dialog().file().pick_folder(move |folder| {
            // An error means that the window is gone by now.
            let _ = chosen.send(folder);
        });
        Ok(choice.await.ok().flatten().map(|folder| folder.to_string()))
    }

    async fn local_folder(&self, text: String) -> Result<FolderView> {
        let at = typed(text.trim(), Location::local).map_err(|fault| fault.failure())?;
        let path = at.path.clone();
        let is_file = tokio::task::spawn_blocking(move || Path::new(&path).is_file());
        if is_file.await.unwrap_or(false) {
            return Err(Fault::IsFile(at.path).failure());
        }
        let entries = self.list_folder(at.clone()).await?;
        Ok(FolderView {
            path: at.path,
            entries: entries.len() as u64,
        })
    }

    async fn list_folder(&self, at: Location) -> Result<Vec<EntryView>> {
        ask!(self, Request::List { at }, Answer::Entries(entries) => entries)
    }

    async fn storage_types(&self) -> Result<Vec<TypeView>> {
        ask!(self, Request::StorageTypes, Answer::Types(types) => types)
    }

    async fn storages(&self) -> Result<Vec<StorageView>> {
        ask!(self, Request::StorageList, Answer::Storages(all) => all)
    }

    async fn storage(&self, name: String) -> Result<StorageView> {
        ask!(self, Request::StorageShow { name }, Answer::Storage(storage) => *storage)
    }

    async fn add_storage(&self, form: StorageForm, request: u32) -> Result<StorageView> {
        let add = Request::StorageAdd(spec(form, true));
        self.change_by(request, add).await
    }

    async fn change_storage(&self, form: StorageForm, request: u32) -> Result<StorageView> {
        let edit = Request::StorageEdit(spec(form, false));
        self.change_by(request, edit).await
    }

    async fn test_storage(&self, name: String) -> Result<Vec<StepView>> {
        ask!(self, Request::StorageTest { name }, Answer::Test { steps, .. } => steps)
    }

    async fn sign_in(&self, name: String, request: u32) -> Result<StorageView> {
        let login = Request::StorageLogin { name };
        self.change_by(request, login).await
    }

    async fn open_sign_in(&self, request: u32) -> Result<bool> {
        Ok(self.open_in_browser(request))
    }

    async fn cancel(&self, request: u32) -> Result<()> {
        self.under_way().cancel(request);
        Ok(())
    }

    async fn keep_in_file(&self, passphrase: Passphrase) -> Result<String> {
        let passphrase = passphrase.text;
        ask!(self, Request::KeepInFile { passphrase }, Answer::Done(sentence) => sentence)
    }

    async fn unlock(&self, passphrase: Passphrase) -> Result<String> {
        let passphrase = passphrase.text;
        ask!(self, Request::Unlock { passphrase }, Answer::Done(sentence) => sentence)
    }

    async fn enable_storage(&self, name: String, on: bool) -> Result<StorageView> {
        ask!(self, Request::StorageEnable { name, on }, Answer::Storage(storage) => *storage)
    }

    async fn rename_storage(&self, name: String, to: String) -> Result<StorageView> {
        ask!(self, Request::StorageRename { name, new: to }, Answer::Storage(storage) => *storage)
    }

    async fn remove_storage(&self, name: String) -> Result<String> {
        ask!(self, Request::StorageRemove { name }, Answer::Done(sentence) => sentence)
    }

    async fn activity(&self, pair: Option<String>, limit: u32) -> Result<LogLines> {
        let limit = usize::try_from(limit).ok();
        let request = Request::Log {
            pair,
            path: None,
            limit,
            follow: false,
        };
        ask!(self, request, Answer::Actions(lines) => lines)
    }

    async fn explain(&self, pair: String, path: String) -> Result<ExplainView> {
        let path = PathSpec {
            text: path,
            place: None,
            pair: Some(pair),
        };
        ask!(self, Request::Explain { path }, Answer::Explanation(found) => *found)
    }

    async fn undo_action(&self, id: String) -> Result<Vec<SyncView>> {
        ask!(self, Request::Undo(UndoSpec::Action(id)), Answer::Synced(done) => done)
    }

    async fn undo_run(&self, id: String) -> Result<Vec<SyncView>> {
        ask!(self, Request::Undo(UndoSpec::Run(id)), Answer::Synced(done) => done)
    }

    async fn conflicts(&self) -> Result<Vec<ConflictView>> {
        ask!(self, Request::Conflicts { pair: None }, Answer::Conflicts(all) => all)
    }

    async fn compare(&self, id: String) -> Result<ComparisonView> {
        ask!(self, Request::Compare { id }, Answer::Comparison(view) => *view)
    }

    async fn resolve(
        &self,
        id: String,
        keep: KeepSide,
        seen: Option<SeenVersions>,
    ) -> Result<String> {
        ask!(self, Request::Resolve { id, keep, seen }, Answer::Done(sentence) => sentence)
    }

    async fn held(&self) -> Result<Vec<HeldView>> {
        ask!(self, Request::Held { pair: None }, Answer::Held(holds) => holds)
    }

    async fn held_whole(&self, hold: String) -> Result<HeldView> {
        let holds = ask!(self, Request::HeldWhole { hold }, Answer::Held(holds) => holds)?;
        holds.into_iter().next().ok_or_else(unexpected)
    }

    async fn approve(&self, hold: String) -> Result<String> {
        ask!(self, Request::Approve { hold }, Answer::Done(sentence) => sentence)
    }

    async fn reject(&self, hold: String, instead: Instead) -> Result<String> {
        let request = Request::Reject {
            hold,
            how: instead.into(),
        };
        ask!(self, request, Answer::Done(sentence) => sentence)
    }

    async fn settings(&self) -> Result<SettingsView> {
        let profile = self
            .link()
            .profile()
            .map_err(|error| Fault::ProfileIo(self.link().folder(), error.to_string()).failure())?;
        Ok(SettingsView {
            settings: Desk::settings(self),
            autostart: self.app().autolaunch().is_enabled().unwrap_or(false),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            profile: profile.folder().display().to_string(),
        })
    }

    async fn change_settings(&self, settings: Settings) -> Result<SettingsView> {
        let written = self
            .link()
            .profile()
            .and_then(|profile| settings.save(&profile));
        written.map_err(|error| {
            Fault::FileIo("desktop.toml".to_owned(), error.to_string()).failure()
        })?;
        self.set_settings(settings);
        Commands::settings(self).await
    }

    async fn set_autostart(&self, on: bool) -> Result<SettingsView> {
        let launch = self.app().autolaunch();
        let done = if on {
            launch.enable()
        } else {
            launch.disable()
        };
        done.map_err(|error| Fault::Refused(error.to_string()).failure())?;
        Commands::settings(self).await
    }

    async fn profile_settings(&self) -> Result<ProfileView> {
        ask!(self, Request::Settings, Answer::Settings(view) => *view)
    }

    async fn change_profile_settings(&self, settings: ProfileSettings) -> Result<ProfileView> {
        let request = Request::SettingsChange {
            settings: BTreeMap::from([(String::new(), json!(settings))]),
        };
        ask!(self, request, Answer::Settings(view) => *view)
    }

    async fn doctor(&self) -> Result<DoctorView> {
        let request = Request::Doctor {
            bundle: None,
            names: false,
        };
        ask!(self, request, Answer::Doctor(found) => found)
    }

    async fn save_bundle(&self) -> Result<Option<String>> {
        let (chosen, choice) = tokio::sync::oneshot::channel();
        let dialog = self
            .app()
            .dialog()
            .file()
            .set_file_name("tandem-bundle.tar");
        dialog.save_file(move |file| {
            let _ = chosen.send(file);
        });
        let Some(file) = choice
            .await
            .ok()
            .flatten()
            .and_then(|f: FilePath| f.into_path().ok())
        else {
            return Ok(None);
        };
        let shown = file.display().to_string();
        let request = Request::Doctor {
            bundle: Some(file),
            names: false,
        };
        ask!(self, request, Answer::Doctor(_) => Some(shown))
    }
}

impl Desk {
    /// Shows a file of a pair in the file manager, or where it was.
    pub(crate) async fn show_recent(&self, pair: &str, path: &str) -> Result<()> {
        let folder = self.local_end(pair.to_owned()).await?;
        let file = PathBuf::from(path);
        self.open_in_file_manager(move || file_manager::folder_of(&folder, &file))
            .await
    }

    async fn change_by(&self, number: u32, request: Request) -> Result<StorageView> {
        match self.call_as(number, request).await? {
            Answer::Storage(storage) => Ok(*storage),
            _ => Err(unexpected()),
        }
    }

    /// Takes back the pairs that were made in the window and not started: it is closed.
    pub(crate) async fn take_back_unstarted(&self) {
        if let Err(failure) = self.remove_unstarted().await {
            tracing::warn!(failure.message, "a pair could not be taken back");
        }
    }

    async fn remove_unstarted(&self) -> Result<()> {
        let pairs = ask!(self, Request::PairList, Answer::Pairs(pairs) => pairs)?;
        for pair in pairs.into_iter().filter(|pair| pair.unstarted) {
            self.remove_pair(pair.name).await?;
        }
        Ok(())
    }

    async fn pair(&self, name: String) -> Result<PairView> {
        ask!(self, Request::PairShow { name }, Answer::Pair(pair) => *pair)
    }

    /// A pair's folder on this computer.
    async fn local_end(&self, name: String) -> Result<PathBuf> {
        let pair = self.pair(name.clone()).await?;
        let ends = [&pair.source, &pair.destination].map(PathBuf::from);
        let local = ends.into_iter().find(|end| end.is_absolute());
        local.ok_or_else(|| Fault::NoFolder(name).failure())
    }

    /// Has the folder opened that `find` comes to, as soon as it is known to be one.
    async fn open_in_file_manager(
        &self,
        find: impl FnOnce() -> std::result::Result<PathBuf, Fault> + Send + 'static,
    ) -> Result<()> {
        let desk = self.clone();
        // A disk that does not answer holds up nothing else.
        let opening = tokio::task::spawn_blocking(move || {
            let folder = find()?;
            let opened = file_manager::open(desk.app(), &folder);
            opened.map_err(|error| Fault::FileIo(folder.display().to_string(), error.to_string()))
        });
        let opened = opening
            .await
            .unwrap_or_else(|error| Err(Fault::Refused(error.to_string())));
        opened.map_err(|fault| fault.failure())
    }

    async fn set_paused(
        &self,
        names: Vec<String>,
        paused: bool,
        until: Option<When>,
    ) -> Result<()> {
        if names.is_empty() {
            let request = Request::PauseAll { paused, until };
            return ask!(self, request, Answer::Pairs(_) => ());
        }
        for name in names {
            let request = Request::PairPause {
                name,
                paused,
                until,
            };
            ask!(self, request, Answer::Pair(_) => ())?;
        }
        Ok(())
    }
}

/// A place as a person typed it, read by `read`; what is not absolute begins at the home folder.
fn typed(
    text: &str,
    read: impl Fn(&str, &Path, Option<&Path>) -> std::result::Result<Location, LocationError>,
) -> std::result::Result<Location, Fault> {
    let home = std::env::home_dir();
    let current = home.as_deref().unwrap_or(Path::new("/"));
    read(text, current, home.as_deref())
        .map_err(|why| Fault::BadLocation(text.to_owned(), why.to_string()))
}

/// What the window lets a person choose of a pair's options, by JSON pointers.
fn named(options: &PairOptions) -> BTreeMap<String, serde_json::Value> {
    let named = [
        ("/policy", json!(options.policy)),
        ("/filter", json!(options.filter)),
        ("/versions", json!(options.versions)),
        ("/limits", json!(options.limits)),
    ];
    named.map(|(at, value)| (at.to_owned(), value)).into()
}

fn spec(form: StorageForm, is_new: bool) -> StorageSpec {
    StorageSpec {
        name: form.name,
        type_name: is_new.then_some(form.type_name),
        label: None,
        config: form.values,
        secrets: form.secrets,
        test: true,
        store: form.store,
        unattended: false,
    }
}
