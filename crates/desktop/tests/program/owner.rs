//! A profile has one owner; who comes later asks it over the socket, and takes over once it is gone. The command line
//! finds its way by the same [`Session`](tandem_service::session::Session).

use std::path::Path;
use std::sync::Arc;

use tandem_core::side::PerSide;
use tandem_service::answer::Answer;
use tandem_service::credentials::AskPassphrase;
use tandem_service::location::Location;
use tandem_service::redact::Redactor;
use tandem_service::request::{PairSpec, Request};
use tandem_service::secret::SecretText;
use tandem_service::session::Session as Way;
use tokio::sync::mpsc;

use crate::eventually;
use crate::panel::Panel;
use crate::session::Session;
use crate::window::start_driven;

async fn way_to(profile: &Path) -> Way {
    let ask: AskPassphrase = Arc::new(|_| Ok(SecretText::new(String::new())));
    let redactor = Redactor::default();
    Way::open(profile, ask, &redactor, |_| ()).await.unwrap()
}

fn pair(here: &Path, there: &Path) -> Request {
    let end = |folder: &Path| Location {
        storage: "local".to_owned(),
        path: folder.to_str().unwrap().to_owned(),
    };
    Request::PairAdd(Box::new(PairSpec {
        name: "documents".to_owned(),
        ends: PerSide::new(end(here), end(there)),
        options: Default::default(),
        unstarted: false,
    }))
}

async fn is_there(file: &Path) {
    eventually("a file that was carried", async || {
        file.exists().then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_shows_what_another_owner_does_takes_over_after_it_and_is_asked_in_its_turn() {
    let session = Session::new().await;
    let panel = Panel::new(&session).await;
    let (here, there) = (session.folder("here"), session.folder("there"));
    let profile = session.profile();
    let Way::Own(own) = way_to(&profile).await else {
        panic!("nobody has the profile yet");
    };
    let ask = |request| own.service().handle(request, mpsc::channel(1024).0);
    ask(pair(&here, &there)).await.unwrap();
    let running = tokio::spawn({
        let service = own.service().clone();
        async move { service.run().await }
    });

    let (mut program, window) = start_driven(&session).await;
    panel.wait_for("documents: In step").await;
    let words = format!("uses this profile (process {})", std::process::id());
    window.wait_for_text(&words).await;
    // Pressed here, done there.
    panel.press("Pause > Until I resume").await;
    panel.wait_for("documents: Paused").await;
    let Answer::Pairs(pairs) = ask(Request::PairList).await.unwrap() else {
        panic!("not a list of pairs");
    };
    assert!(pairs[0].paused);
    panel.press("Resume").await;
    panel.wait_for("documents: In step").await;

    running.abort();
    // What it was working on ends before the profile is let go.
    let _ = running.await;
    own.close().await;
    std::fs::write(here.join("later.txt"), "mine").unwrap();
    is_there(&there.join("later.txt")).await;
    eventually("a window that names no other owner", async || {
        let text = window.text().await;
        (!text.contains("uses this profile")).then_some(())
    })
    .await;

    let Way::Other(mut client, owner) = way_to(&profile).await else {
        panic!("the program has the profile");
    };
    assert_eq!(owner, Some(program.id()));
    let answer = client.call(&Request::PairList, &mpsc::channel(1).0).await;
    assert!(matches!(answer, Ok(Answer::Pairs(pairs)) if pairs.len() == 1));
    panel.press("Quit").await;
    assert_eq!(program.end().await, Some(0));
}
