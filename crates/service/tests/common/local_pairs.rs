//! A service over pairs of two folders of this computer each: `NAME-here` and `NAME-there`, with a file in the first.

use std::path::Path;
use std::sync::Arc;

use tandem_core::side::PerSide;
use tandem_core::storage::Provider;
use tandem_service::answer::Answer;
use tandem_service::credentials::AskPassphrase;
use tandem_service::location::Location;
use tandem_service::redact::Redactor;
use tandem_service::request::{PairSpec, Request};
use tandem_service::secret::SecretText;
use tandem_service::service::Service;
use tokio::sync::mpsc;

/// The service over the profile in `home`, with these providers.
pub(crate) fn open_with(home: &Path, providers: Vec<Arc<dyn Provider>>) -> Service {
    let ask: AskPassphrase = Arc::new(|_| Ok(SecretText::new(String::new())));
    let profile = home.join("profile");
    Service::open_with(&profile, ask, Redactor::default(), providers).unwrap()
}

/// What is asked for and must be done.
pub(crate) async fn ask(service: &Service, request: Request) -> Answer {
    let answer = service.handle(request, mpsc::channel(1024).0).await;
    answer.unwrap()
}

/// Adds a pair, with what `change` makes of it.
pub(crate) async fn add(
    service: &Service,
    home: &Path,
    name: &str,
    change: impl FnOnce(&mut PairSpec),
) {
    let end = |side: &str| {
        let folder = home.join(format!("{name}-{side}"));
        std::fs::create_dir(&folder).unwrap();
        Location {
            storage: "local".to_owned(),
            path: folder.to_str().unwrap().to_owned(),
        }
    };
    let mut spec = PairSpec {
        name: name.to_owned(),
        ends: PerSide::new(end("here"), end("there")),
        options: Default::default(),
        unstarted: false,
    };
    std::fs::write(home.join(format!("{name}-here/file")), name).unwrap();
    change(&mut spec);
    ask(service, Request::PairAdd(Box::new(spec))).await;
}
