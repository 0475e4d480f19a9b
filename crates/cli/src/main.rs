//! `tandem`, the headless program: reads the command line, has the service answer, prints what it said.

mod args;
mod call;
mod output;
mod progress;
mod secrets;
mod selftest;
mod show;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
#[cfg(unix)]
use std::sync::OnceLock;
use std::time::Duration;

use clap::Parser;
use clap::error::ErrorKind;
use tandem_service::answer::{Answer, document, error_document, line, summary};
use tandem_service::fault::{Failure, Fault};
use tandem_service::logging;
use tandem_service::profile::{Profile, create_named_file};
use tandem_service::redact::Redactor;
use tandem_service::request::Request;
use tandem_service::session::{Own, Session};
use tandem_service::update::Update;
use tandem_service::words;
use tokio::sync::mpsc;

use crate::args::{Arguments, Command, ConfigCommand, Global};
use crate::progress::Progress;

/// How many updates wait to be printed.
const UPDATES: usize = 256;
/// After so long a command says why it does not end.
const NOTED_AFTER: Duration = Duration::from_secs(2);
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
            output::note(&words::cannot_start(&error));
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
    let export = match &command {
        Command::Config(ConfigCommand::Export { file }) => file.clone(),
        _ => None,
    };
    let request = call::request(command, &global).map_err(|fault| fault.failure())?;
    let redactor = Redactor::default();
    let folder = profile_folder(&global).map_err(|fault| fault.failure())?;
    let log = |profile: Option<&Profile>| {
        if let Err(error) = logging::start(profile, &redactor, global.verbose) {
            output::note(&words::no_log(&error));
        }
    };
    let begin = |profile: &Profile| log(Some(profile));
    let Some(request) = request else {
        let own = Session::own(&folder, secrets::passphrase(), &redactor, begin).await;
        let own = own.map_err(|fault| fault.failure())?;
        return Ok(supervise(own, &global).await);
    };
    let session = Session::open(&folder, secrets::passphrase(), &redactor, begin).await;
    let session = session.map_err(|fault| fault.failure())?;
    // The log is its owner's; an error means that it was begun.
    log(None);
    Ok(answer(session, request, export, &global).await)
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

/// Has one request answered and prints what happens meanwhile; an exported configuration goes to `export`.
async fn answer(
    mut session: Session,
    request: Request,
    export: Option<PathBuf>,
    global: &Global,
) -> u8 {
    let streams = request.streams() && global.json;
    let mut last = request.stopped();
    match called(&mut session, request, global, &mut last).await {
        Some(mut answered) => {
            if let (Ok(Answer::Config(text)), Some(file)) = (&answered, &export) {
                answered = write_export(file, text).map_err(|fault| fault.failure());
            }
            let code = show_answer(answered, streams, global.json);
            finish(session).await;
            code
        }
        None => {
            // What was begun is cleaned up first; a second signal does not wait for that.
            tokio::select! {
                () = session.close() => {}
                () = signal() => {}
            }
            if streams {
                output::document(&summary(&last, STOPPED));
            }
            STOPPED
        }
    }
}

/// The request's answer; none after a signal. `last` becomes what was last told of the pairs.
async fn called(
    session: &mut Session,
    request: Request,
    global: &Global,
    last: &mut Answer,
) -> Option<Result<Answer, Failure>> {
    let streams = request.streams() && global.json;
    let watches = request.is_endless();
    let (updates, mut told) = mpsc::channel(UPDATES);
    let mut progress = Progress::new(!global.json);
    let answering = session.call(request, updates);
    tokio::pin!(answering);
    let stopped = signal();
    tokio::pin!(stopped);
    let result = loop {
        tokio::select! {
            biased;
            Some(update) = told.recv() => {
                tell(&update, streams, watches, global, &mut progress);
                if let Update::Status { pairs } = update {
                    *last = Answer::Status(pairs);
                }
            }
            result = &mut answering => break Some(result),
            () = &mut stopped => break None,
            () = reader_gone(watches) => break Some(Ok(Answer::Done(String::new()))),
        }
    };
    while let Ok(update) = told.try_recv() {
        tell(&update, streams, watches, global, &mut progress);
    }
    progress.finish();
    result
}

fn show_answer(answered: Result<Answer, Failure>, streams: bool, json: bool) -> u8 {
    let answer = match answered {
        Ok(answer) => answer,
        Err(failure) => {
            report(&failure, json);
            return failure.exit();
        }
    };
    match (json, streams) {
        (true, true) => output::document(&summary(&answer, answer.exit())),
        (true, false) => output::document(&document(&answer)),
        (false, _) => show::answer(&answer),
    }
    answer.exit()
}

fn write_export(path: &Path, text: &str) -> Result<Answer, Fault> {
    let shown = path.display().to_string();
    let written = create_named_file(path).and_then(|mut file| file.write_all(text.as_bytes()));
    match written {
        Ok(()) => Ok(Answer::Done(words::written(&shown))),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            Err(Fault::FileThere(shown))
        }
        Err(error) => Err(Fault::FileIo(shown, error.to_string())),
    }
}

/// Lets the profile go, after those who asked this process meanwhile have their answers.
async fn finish(session: Session) {
    let finishing = session.finish(signal());
    tokio::pin!(finishing);
    tokio::select! {
        () = &mut finishing => {}
        () = tokio::time::sleep(NOTED_AFTER) => {
            output::note(words::ANSWERS_OTHERS);
            finishing.await;
        }
    }
}

/// Ends when nobody reads what a command would tell for ever.
async fn reader_gone(watches: bool) {
    loop {
        if watches && output::is_closed() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
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
        let hangup = async || {
            if is_hangup_ignored() {
                std::future::pending().await
            } else {
                wait(SignalKind::hangup()).await;
            }
        };
        tokio::select! {
            () = wait(SignalKind::interrupt()) => {}
            () = wait(SignalKind::terminate()) => {}
            () = hangup() => {}
        }
    }
    #[cfg(not(unix))]
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending().await
    }
}

/// Whether it was started to outlive its terminal, as by `nohup`. Asked once, before it listens for the signal itself.
#[cfg(unix)]
fn is_hangup_ignored() -> bool {
    static IGNORED: OnceLock<bool> = OnceLock::new();
    *IGNORED.get_or_init(|| {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let ignored = status
            .lines()
            .find_map(|line| line.strip_prefix("SigIgn:"))
            .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
        // HUP is the first signal, and so the lowest bit.
        ignored.is_some_and(|mask| mask & 1 == 1)
    })
}
