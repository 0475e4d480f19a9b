//! What ends in the middle of a transfer: nothing is lost, nothing half is seen, and the next start goes on.

use std::path::PathBuf;
use std::time::Instant;

use tandem_testkit::servers::{Moto, S3Server};

use crate::eventually;
use crate::narrow::Narrow;
use crate::panel::Panel;
use crate::process::Program;
use crate::session::Session;
use crate::window::start_driven;
use crate::wizard::{self, bytes, object};

const BUCKET: &str = "films";
const FILM: &str = "film.mkv";
/// From 50 MiB on it goes in parts.
const SIZE: usize = 64 << 20;
/// When it is ended, a third of it is there.
const BEFORE: u64 = 24 << 20;

/// A pair of `films` with a server behind a narrow way; the program runs.
struct Evening {
    session: Session,
    panel: Panel,
    server: S3Server,
    way: Narrow,
    program: Program,
}

impl Evening {
    async fn new() -> Self {
        let mut session = Session::new().await;
        session.start_keyring().await;
        let panel = Panel::new(&session).await;
        let server = Moto::start().unwrap();
        server.make_bucket(BUCKET).unwrap();
        let way = Narrow::to(server.endpoint()).await;
        let here = session.folder("films");
        std::fs::write(here.join("list.txt"), "one film").unwrap();
        let (program, window) = start_driven(&session).await;
        window.press("Choose a folder").await;
        wizard::choose_a_server_at(&window, &here, &way.endpoint(), &server, BUCKET).await;
        window.press("Start").await;
        panel.wait_for("films: In step").await;
        Self {
            session,
            panel,
            server,
            way,
            program,
        }
    }

    fn film(&self) -> PathBuf {
        self.session.path("films").join(FILM)
    }

    /// Waits until the way has let pass what it was to, so that nothing moves any more.
    async fn wait_for_transfer(&self, from: u64) {
        eventually("a transfer under way", async || {
            (self.way.carried() >= from + BEFORE).then_some(())
        })
        .await;
    }

    /// Waits until it has ended in order.
    async fn ends(&mut self) {
        let began = Instant::now();
        assert_eq!(self.program.end().await, Some(0));
        println!("it ended after {:?}", began.elapsed());
    }

    /// The next day: the way is wide.
    async fn goes_on(&mut self) {
        self.way.widen();
        self.program = self.session.start();
        self.panel.wait_for("films: In step").await;
    }
}

/// No two parts of it are the same.
fn film() -> Vec<u8> {
    let mut at = 0_u64;
    let mut next = || {
        // Knuth's generator (MMIX): bytes that look drawn by chance.
        at = at
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (at >> 56) as u8
    };
    (0..SIZE).map(|_| next()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn quit_while_a_file_is_sent_loses_nothing_and_the_next_start_sends_the_rest() {
    let mut evening = Evening::new().await;
    let before = evening.way.carried();
    evening.way.let_pass(BEFORE);
    std::fs::write(evening.film(), film()).unwrap();
    evening.wait_for_transfer(before).await;
    evening.panel.press("Quit").await;
    evening.ends().await;
    assert_eq!(std::fs::read(evening.film()).unwrap(), film());
    assert_eq!(bytes(&evening.server, BUCKET, FILM), None);

    let before = evening.way.carried();
    evening.goes_on().await;
    assert_eq!(bytes(&evening.server, BUCKET, FILM), Some(film()));
    assert_eq!(std::fs::read(evening.film()).unwrap(), film());
    let again = evening.way.carried() - before;
    println!("{again} bytes went the second time, of {SIZE}");
    assert!(again < SIZE as u64, "what had arrived is not sent again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_ends_while_a_file_is_received_leaves_no_part_of_it_and_the_next_one_goes_on()
 {
    let mut evening = Evening::new().await;
    let there = evening.session.path(FILM);
    std::fs::write(&there, film()).unwrap();
    wizard::put(&evening.server, BUCKET, FILM, &there);
    let before = evening.way.carried();
    evening.way.let_pass(BEFORE);
    evening.panel.press("Sync now").await;
    evening.wait_for_transfer(before).await;
    evening.program.ask_to_end();
    evening.ends().await;
    assert!(!evening.film().exists(), "no part of it is seen");

    evening.goes_on().await;
    assert_eq!(std::fs::read(evening.film()).unwrap(), film());
    assert_eq!(bytes(&evening.server, BUCKET, FILM), Some(film()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_screen_that_goes_away_while_a_file_is_replaced_leaves_the_old_one_whole() {
    let mut evening = Evening::new().await;
    std::fs::write(evening.film(), "the trailer").unwrap();
    eventually("the trailer on the server", async || {
        object(&evening.server, BUCKET, FILM)
    })
    .await;
    evening.panel.wait_for("films: In step").await;
    let there = evening.session.path(FILM);
    std::fs::write(&there, film()).unwrap();
    wizard::put(&evening.server, BUCKET, FILM, &there);
    let before = evening.way.carried();
    evening.way.let_pass(BEFORE);
    evening.panel.press("Sync now").await;
    evening.wait_for_transfer(before).await;
    // Nobody can ask to end in order here: the toolkit ends a program that has lost its display.
    evening.session.end_screen();
    evening.program.end().await;
    assert_eq!(
        std::fs::read_to_string(evening.film()).unwrap(),
        "the trailer"
    );

    evening.session.start_screen();
    evening.goes_on().await;
    assert_eq!(std::fs::read(evening.film()).unwrap(), film());
    assert_eq!(bytes(&evening.server, BUCKET, FILM), Some(film()));
}
