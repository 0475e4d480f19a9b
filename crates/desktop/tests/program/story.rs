//! A person's first day with Tandem, from the first run to Quit.

use std::path::Path;

use tandem_testkit::servers::{Moto, S3Server};

use crate::bubbles::Bubbles;
use crate::eventually;
use crate::panel::Panel;
use crate::process::Program;
use crate::session::Session;
use crate::window::{Window, start_driven};
use crate::wizard::{self, object};

const PAIR: &str = "documents";
const BUCKET: &str = "photos";

/// Everything that is used.
struct Day {
    session: Session,
    panel: Panel,
    bubbles: Bubbles,
    program: Program,
    window: Window,
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_day_from_the_wizard_to_quit() {
    let mut session = Session::new().await;
    session.start_keyring().await;
    let (panel, bubbles) = (Panel::new(&session).await, Bubbles::new(&session).await);
    let (program, window) = start_driven(&session).await;
    let mut day = Day {
        session,
        panel,
        bubbles,
        program,
        window,
    };
    day.makes_a_pair_of_two_folders().await;
    day.edits_both_sides().await;
    day.decides_a_conflict().await;
    day.deletes_much_and_approves_it().await;
    day.undoes_an_action().await;
    let server = Moto::start().unwrap();
    server.make_bucket(BUCKET).unwrap();
    day.makes_a_pair_with_a_server(&server).await;
    day.disables_and_enables_the_storage(&server).await;
    day.panel.press("Quit").await;
    assert_eq!(day.program.end().await, Some(0));
}

impl Day {
    async fn makes_a_pair_of_two_folders(&self) {
        let (here, there) = (self.session.folder(PAIR), self.session.folder("disk"));
        for n in 0..6 {
            std::fs::write(here.join(format!("{n}.txt")), format!("letter {n}")).unwrap();
        }
        self.panel.wait_for("Keep two folders in step").await;
        let idle = self.panel.icon().await;
        self.window
            .wait_for_heading("Keep two folders in step")
            .await;
        self.window.press("Choose a folder").await;
        wizard::choose_two_folders(&self.window, &here, &there).await;
        self.window.wait_for_file("5.txt").await;
        assert!(
            !there.join("5.txt").exists(),
            "nothing happens before Start"
        );
        self.window.press("Start").await;

        contains(&there.join("5.txt"), "letter 5").await;
        self.panel.wait_for("documents: In step").await;
        self.panel.wait_for("Your pair is in step").await;
        self.bubbles.wait_for("documents is in step").await;
        self.window.wait_for_heading("Your pair is in step").await;
        assert_eq!(self.panel.icon().await, idle);
    }

    async fn edits_both_sides(&self) {
        let (here, there) = (self.session.path("documents"), self.session.path("disk"));
        std::fs::write(here.join("0.txt"), "edited here").unwrap();
        contains(&there.join("0.txt"), "edited here").await;
        std::fs::write(there.join("1.txt"), "edited there").unwrap();
        contains(&here.join("1.txt"), "edited there").await;
        self.panel.wait_for("Recent files > 1.txt").await;
        self.window.go_to("Activity").await;
        self.window.wait_for_text("Change received").await;
    }

    async fn decides_a_conflict(&self) {
        let (here, there) = (self.session.path("documents"), self.session.path("disk"));
        self.panel.press("Pause > Until I resume").await;
        self.panel.wait_for("documents: Paused").await;
        std::fs::write(here.join("2.txt"), "mine").unwrap();
        std::fs::write(there.join("2.txt"), "theirs").unwrap();
        self.panel.press("Resume").await;
        self.panel.wait_for("Conflicts (1)").await;
        let bubble = self
            .bubbles
            .wait_for("Both sides changed in documents")
            .await;
        assert_eq!(bubble.body, "Both versions are kept until you decide.");

        // A click on the notification leads to where it is decided.
        self.bubbles.click(&bubble).await;
        let window = &self.window;
        window.wait_for_heading("1 conflict").await;
        window
            .wait_for_text("Both versions are safe until you decide.")
            .await;
        window
            .press(&format!("Keep {}’s", here.to_str().unwrap()))
            .await;
        contains(&there.join("2.txt"), "mine").await;
        contains(&here.join("2.txt"), "mine").await;
        self.panel.wait_until_gone("Conflicts").await;
        window.wait_for_heading("No conflicts").await;
    }

    async fn deletes_much_and_approves_it(&self) {
        let (here, there) = (self.session.path("documents"), self.session.path("disk"));
        self.panel.wait_for("documents: In step").await;
        let idle = self.panel.icon().await;
        for name in names(&here) {
            std::fs::remove_file(here.join(name)).unwrap();
        }
        let bubble = self.bubbles.wait_for("documents needs you").await;
        assert_eq!(
            bubble.body,
            "A plan waits for your decision. Nothing has been changed."
        );
        self.panel.wait_for("Held plans (1)").await;
        self.panel.wait_for("documents: Needs you").await;
        self.panel.wait_for("1 pair needs you").await;
        assert_ne!(self.panel.icon().await, idle, "the icon says it too");
        let waiting = names(&there);
        assert!(waiting.len() >= 6, "nothing was deleted: {waiting:?}");

        self.panel.press("Held plans (1)").await;
        let window = &self.window;
        window.wait_for_heading("documents waits for you").await;
        window.wait_for_text("would be deleted from").await;
        window
            .press(&format!("Delete {} files", waiting.len()))
            .await;
        eventually("the deletes", async || {
            names(&there).is_empty().then_some(())
        })
        .await;
        self.panel.wait_until_gone("Held plans").await;
        self.panel.wait_for("documents: In step").await;
    }

    async fn undoes_an_action(&self) {
        let there = self.session.path("disk");
        self.window.go_to("Activity").await;
        self.window.wait_for_text("Deleted there").await;
        self.window.press("Undo: 3.txt").await;
        self.window
            .wait_for_text("Undone. Undoing can be undone as well.")
            .await;
        contains(&there.join("3.txt"), "letter 3").await;
        // What came back belongs to the pair again.
        contains(&self.session.path("documents/3.txt"), "letter 3").await;
    }

    async fn makes_a_pair_with_a_server(&self, server: &S3Server) {
        let here = self.session.folder("pictures");
        std::fs::write(here.join("cat.jpg"), "a cat").unwrap();
        self.window.go_to("Overview").await;
        self.window.press("New pair").await;
        wizard::choose_a_server(&self.window, &here, server, BUCKET).await;
        self.window.wait_for_file("cat.jpg").await;
        self.window.press("Start").await;

        self.panel.wait_for("pictures: In step").await;
        self.bubbles.wait_for("pictures is in step").await;
        assert_eq!(object(server, BUCKET, "cat.jpg").as_deref(), Some("a cat"));
        self.panel.wait_for("All 2 pairs are in step").await;
    }

    async fn disables_and_enables_the_storage(&self, server: &S3Server) {
        let here = self.session.path("pictures");
        let window = &self.window;
        window.go_to("Storages").await;
        window.follow("attic").await;
        window.press("Disable").await;
        std::fs::write(here.join("dog.jpg"), "a dog").unwrap();
        self.panel.wait_until_gone("pictures: In step").await;
        assert_eq!(object(server, BUCKET, "dog.jpg"), None);
        window.press("Enable").await;
        eventually("the dog on the server", async || {
            object(server, BUCKET, "dog.jpg")
        })
        .await;
        self.panel.wait_for("pictures: In step").await;
    }
}

/// Waits until a file holds this.
async fn contains(file: &Path, content: &str) {
    eventually(
        &format!("“{content}” in {}", file.display()),
        async || {
            std::fs::read_to_string(file)
                .is_ok_and(|found| found == content)
                .then_some(())
        },
    )
    .await;
}

/// The names of the files in a folder, without what Tandem keeps for itself.
fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap().flatten();
    let names = entries.map(|entry| entry.file_name().into_string().unwrap());
    names.filter(|name| !name.starts_with(".tandem")).collect()
}
