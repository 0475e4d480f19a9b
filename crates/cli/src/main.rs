//! `tandem`, the headless program: reads the command line, has the service answer, prints what it said.

mod args;
mod call;
mod output;
mod progress;
mod secrets;
mod selftest;
mod show;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use clap::error::ErrorKind;
use tandem_service::answer::{Answer, document, error_document, line, summary};
use tandem_service::fault::{Failure, Fault};
use tandem_service::logging;
use tandem_service::profile::Profile;
use tandem_service::redact::Redactor;
use tandem_service::request::Request;
use tandem_service::session::{Own, Session};
use tandem_service::update::Update;
use tokio::sync::{mpsc, oneshot};

use crate::args::{Arguments, Command, Global};
use crate::progress::Progress;

/// How many updates wait to be printed.
const UPDATES: usize = 256;
/// The exit code after a signal.
const STOPPED: u8 = 130;

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return ExitCode::from(usage(&error)),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    let code = match runtime {
        Ok(runtime) => {
            let json = arguments.global.json;
            let code = runtime.block_on(run(arguments)).unwrap_or_else(|failure| {
                report(&failure, json);
                failure.exit()
            });
            // What still blocks a thread (a prompt, a slow disk) does not keep the program.
            runtime.shutdown_background();
            code
        }
        Err(error) => {
            output::note(&format!("tandem cannot start: {error}."));
            4
        }
    };
    ExitCode::from(code)
}

/// What clap has to say: help and version are answers, the rest is wrong usage.
fn usage(error: &clap::Error) -> u8 {
    if matches!(
        error.kind(),
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion
    ) {
        output::text(&error.render().to_string());
        return 0;
    }
    if std::env::args_os().any(|argument| argument == "--json") {
        let text = error.render().to_string();
        let first = text
            .lines()
            .next()
            .unwrap_or_default()
            .trim_start_matches("error: ");
        let next = "“tandem --help” shows how it is used.".to_owned();
        report(
            &Fault::Usage(format!("{}.", first.trim_end_matches('.')), next).failure(),
            true,
        );
    } else {
        output::note(error.render().to_string().trim_end());
    }
    2
}

fn report(failure: &Failure, json: bool) {
    if json {
        output::document(&error_document(failure));
        return;
    }
    output::note(&output::visible(&show::failure_line(failure)));
}

async fn run(arguments: Arguments) -> Result<u8, Failure> {
    let Arguments { global, command } = arguments;
    if let Command::Selftest { seeds, seed } = command {
        return Ok(selftest::run(seeds, seed, global.json));
    }
    let is_run = matches!(command, Command::Run);
    let request = call::request(command, &global).map_err(|fault| fault.failure())?;
    let redactor = Redactor::default();
    let folder = profile_folder(&global).map_err(|fault| fault.failure())?;
    let session = Session::open(&folder, secrets::passphrase(), &redactor);
    let session = session.await.map_err(|fault| fault.failure())?;
    if let Ok(profile) = Profile::open(&folder)
        && let Err(error) = logging::start(&profile, &redactor, global.verbose)
    {
        output::note(&format!("The log cannot be written: {error}."));
    }
    match (session, request) {
        (Session::Own(own), None) if is_run => Ok(supervise(own, &global).await),
        #[cfg(unix)]
        (Session::Other(_, owner), None) => Err(Fault::Owned(owner).failure()),
        (session, Some(request)) => answer(session, request, &global).await,
        (Session::Own(own), None) => {
            own.close().await;
            Ok(0)
        }
    }
}

fn profile_folder(global: &Global) -> Result<PathBuf, Fault> {
    global
        .profile
        .clone()
        .or_else(Profile::default_folder)
        .ok_or_else(|| {
            let next = "Name one with --profile.".to_owned();
            Fault::Usage("There is no home folder for the profile.".to_owned(), next)
        })
}

/// Has one request answered and prints what happens meanwhile.
async fn answer(session: Session, request: Request, global: &Global) -> Result<u8, Failure> {
    let streams = request.streams() && global.json;
    let watches = matches!(
        request,
        Request::Status { watch: true, .. } | Request::Log { follow: true, .. }
    );
    let mut last = request.stopped();
    let (updates, mut told) = mpsc::channel(UPDATES);
    let mut progress = Progress::new(!global.json);
    let (stop, stopping) = oneshot::channel::<()>();
    let mut stop = Some(stop);
    let answering = session.call_until(request, updates, async {
        // Only a signal ends it: the other end is kept until then.
        let _ = stopping.await;
    });
    tokio::pin!(answering);
    let stopped = signal();
    tokio::pin!(stopped);
    let result = loop {
        tokio::select! {
            biased;
            Some(update) = told.recv() => {
                tell(&update, streams, watches, global, &mut progress);
                if let Update::Status { pairs } = update {
                    last = Answer::Status(pairs);
                }
            }
            result = &mut answering => break result,
            () = &mut stopped => match stop.take() {
                // What was begun is cleaned up first; a second signal does not wait for that.
                Some(stop) => {
                    let _ = stop.send(());
                    stopped.set(signal());
                }
                None => break None,
            },
            () = reader_gone(watches) => break Some(Ok(Answer::Done(String::new()))),
        }
    };
    while let Ok(update) = told.try_recv() {
        tell(&update, streams, watches, global, &mut progress);
    }
    progress.finish();
    let Some(result) = result else {
        if streams {
            output::document(&summary(&last, STOPPED));
        }
        return Ok(STOPPED);
    };
    let answer = result?;
    match (global.json, streams) {
        (true, true) => output::document(&summary(&answer, answer.exit())),
        (true, false) => output::document(&document(&answer)),
        (false, _) => show::answer(&answer),
    }
    Ok(answer.exit())
}

/// Ends when nobody reads what a command would tell for ever.
async fn reader_gone(watches: bool) {
    loop {
        if watches && output::is_closed() {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
}

fn tell(update: &Update, streams: bool, watches: bool, global: &Global, progress: &mut Progress) {
    if streams {
        output::document(&line(update));
    } else if !global.json {
        progress.show(update);
        match update {
            Update::Status { pairs } => show::statuses(pairs),
            Update::Action(action) if watches => show::log_line(action),
            other => progress.note(&show::update_line(other, global.verbose)),
        }
    }
}

/// `tandem run`: the profile is ours until a signal.
async fn supervise(own: Own, global: &Global) -> u8 {
    let service = own.service().clone();
    let mut events = service.listen();
    let running = service.run();
    tokio::pin!(running);
    let stopped = signal();
    tokio::pin!(stopped);
    let mut progress = Progress::new(!global.json);
    tracing::info!("running");
    loop {
        tokio::select! {
            biased;
            () = &mut stopped => break,
            () = &mut running => break,
            event = events.recv() => match event {
                Ok(update) => tell(&update, global.json, false, global, &mut progress),
                // The reader is slow: it missed some, and the state says the rest.
                Err(_) => tokio::task::yield_now().await,
            },
        }
    }
    progress.finish();
    tracing::info!("stopped by a signal");
    let request = Request::Status {
        pair: None,
        problems: false,
        watch: false,
    };
    let (updates, _told) = mpsc::channel(1);
    if let Ok(answer) = service.handle(request, updates).await {
        if global.json {
            output::document(&summary(&answer, STOPPED));
        } else {
            show::answer(&answer);
        }
    }
    own.close().await;
    STOPPED
}

/// Ends when the program is asked to stop.
async fn signal() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let wait = async |kind| match signal(kind) {
            Ok(mut signal) => {
                signal.recv().await;
            }
            Err(_) => std::future::pending().await,
        };
        tokio::select! {
            () = wait(SignalKind::interrupt()) => {}
            () = wait(SignalKind::terminate()) => {}
            () = wait(SignalKind::hangup()) => {}
        }
    }
    #[cfg(not(unix))]
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending().await
    }
}
